import { cpus } from 'node:os'
import type { Memory } from './memory.ts'
import type { ServerSample, Violation } from './server.ts'
import type { Felt } from './traffic.ts'

export interface PhaseResult {
  readonly name: string
  readonly felt: Felt
  readonly calls: number
  /** The largest of all processes, in ms. */
  readonly loopDelayMs: readonly [p99: number, max: number]
  readonly unknown: number
}

export interface Survivor {
  /** Before the first request. */
  readonly start: ServerSample
  readonly warm: ServerSample
  readonly middle: ServerSample
  readonly end: ServerSample
}

export interface SoakResult {
  readonly processes: number
  readonly perSecond: number
  readonly seconds: number
  readonly phases: readonly PhaseResult[]
  readonly violations: readonly Violation[]
  /** Of each process that was killed: for how long nobody saw what it counted as failed open or unknown. */
  readonly unseenMs: readonly number[]
  readonly failedOpen: number
  readonly survivors: readonly Survivor[]
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
const handlesOf = ({ handles }: ServerSample): number => Object.values(handles).reduce((sum, n) => sum + n, 0)
const sum = (result: SoakResult, read: (felt: Felt) => number): number => result.phases.reduce((total, { felt }) => total + read(felt), 0)

/** By how much it grew after the warm-up in the process that grew most, as a share. */
function growth ({ survivors }: SoakResult, read: (sample: ServerSample) => number, from: 'warm' | 'middle' = 'warm'): number {
  return Math.max(...survivors.map(survivor => read(survivor.end) / read(survivor[from]) - 1))
}

/** Without the unused space of V8's heap. */
const inUse = ({ memory }: ServerSample): number => memory.rss - memory.unused
const resident = ({ memory }: ServerSample): number => memory.rss
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** What must hold, strictest first, and whether it did. */
function claims (result: SoakResult): readonly [text: string, holds: boolean][] {
  const errors = sum(result, felt => felt.serverErrors)
  const lost = sum(result, felt => felt.lost)
  const wrong = sum(result, felt => felt.wronglyBlocked)
  const violations = (kind: Violation['kind']): number => result.violations.filter(violation => violation.kind === kind).length
  const [pastRefusal, falseVerdicts] = [violations('pastRefusal'), violations('falseVerdict')]
  const grown = growth(result, ({ memory }) => memory.heap)
  const used = growth(result, inUse)
  const moreHandles = growth(result, handlesOf)
  return [
    [`${count(pastRefusal)} handlers ran past a refusal`, pastRefusal === 0],
    [`${count(errors)} responses 5xx`, errors === 0],
    [`${count(lost)} requests without an answer`, lost === 0],
    [`${count(falseVerdicts)} false verdicts, ${count(wrong)} visitors wrongly blocked`, falseVerdicts + wrong === 0],
    [`resident memory without the unused space of V8's heap, after warm-up: ${percent(used)} in the process that grew most (at most 5)`, used <= 0.05],
    [`heap after warm-up: ${percent(grown)} in the process that grew most (at most 5)`, grown <= 0.05],
    [`handles after warm-up: ${(moreHandles * 100).toFixed(0)} % in the process that grew most (at most 5)`, moreHandles <= 0.05]
  ]
}

const times: readonly [time: keyof Survivor, name: string][] = [
  ['start', 'start'], ['warm', 'after warm-up'], ['middle', 'middle'], ['end', 'end']
]
const parts: readonly [part: keyof Memory, name: string][] = [
  ['rss', 'RSS'], ['heap', 'objects in the heap'], ['unused', 'unused space of the heap'], ['native', 'malloc and the rest'], ['files', 'Node.js itself']
]

export function reportOf (result: SoakResult): { readonly text: string, readonly passed: boolean } {
  const answered = sum(result, felt => felt.answered)
  const checked = claims(result)
  const ms = (microseconds: number): string => (microseconds / 1000).toFixed(microseconds < 10_000 ? 1 : 0)
  const longest = Math.max(0, ...result.unseenMs)
  const rows = result.phases.map(({ name, felt, calls, unknown, loopDelayMs }) => {
    const [p50, p99, p999] = [50, 99, 99.9].map(p => ms(felt.latency.percentile(p)))
    return `| ${name} | ${count(felt.answered)} | ${p50} | ${p99} | ${p999} | ${felt.serverErrors} | ${count(unknown)} | ${count(calls)} / ${count(felt.ideal)} | ${loopDelayMs.map(delay => delay.toFixed(0)).join(' / ')} |`
  })
  const memory = result.survivors.flatMap((survivor, i) => times.map(([time, name]) => {
    const { memory } = survivor[time]
    return `| ${i + 1} | ${name} | ${parts.map(([part]) => mib(memory[part])).join(' | ')} | ${handlesOf(survivor[time])} |`
  }))
  const text = [
    `${count(answered)} requests in ${count(result.seconds)} s, ${count(answered / result.seconds)} a second (${result.perSecond} were asked for), through nginx to ${result.processes} processes. ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, which also ran the clients.`,
    '',
    ...checked.map(([text, holds]) => `- ${holds ? 'holds' : 'BROKEN'}: ${text}`),
    `- no claims: resident memory with that space grew by ${percent(growth(result, resident))} after warm-up, and by ${percent(growth(result, resident, 'middle'))} ` +
      `from the middle to the end; without it, by ${percent(growth(result, inUse, 'middle'))} from the middle to the end`,
    `- of a process that was killed, violations are counted until its end. What else it counted is missing for ${longest.toFixed(0)} ms at most`,
    `- ${count(result.failedOpen)} payments from addresses to block went through because nothing was known: the default fails open`,
    '',
    '| Phase | Answered | p50 ms | p99 | p99.9 | 5xx | Judged `unknown` | Provider calls / ideal | Event loop delay p99 / max, ms |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `| Process that lived all along | | ${parts.map(([, name]) => name).join(' | ')} | Handles |`,
    `|---|---|${'---|'.repeat(parts.length)}---|`,
    ...memory
  ].join('\n')
  return { text, passed: checked.every(([, holds]) => holds) }
}
