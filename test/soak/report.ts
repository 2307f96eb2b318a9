import { cpus } from 'node:os'
import type { ServerSample } from './server.ts'
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
  readonly pastRefusal: number
  readonly falseVerdicts: number
  readonly failedOpen: number
  readonly survivors: readonly Survivor[]
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
const handlesOf = ({ handles }: ServerSample): number => Object.values(handles).reduce((sum, n) => sum + n, 0)
const sum = (result: SoakResult, read: (felt: Felt) => number): number => result.phases.reduce((total, { felt }) => total + read(felt), 0)

/** By how much the heap of the worst process grew after the warm-up, as a share. */
function growth ({ survivors }: SoakResult): number {
  return Math.max(...survivors.map(({ warm, end }) => end.heap / warm.heap - 1))
}

/** The same of the resident memory, which the operating system may leave to a process after a collection. */
function residentGrowth ({ survivors }: SoakResult): number {
  return Math.max(...survivors.map(({ warm, end }) => end.rss / warm.rss - 1))
}

/** What must hold, strictest first, and whether it did. */
function claims (result: SoakResult): readonly [text: string, holds: boolean][] {
  const errors = sum(result, felt => felt.serverErrors)
  const lost = sum(result, felt => felt.lost)
  const wrong = sum(result, felt => felt.wronglyBlocked)
  const grown = growth(result)
  const moreHandles = Math.max(...result.survivors.map(({ warm, end }) => handlesOf(end) / handlesOf(warm) - 1))
  return [
    [`${count(result.pastRefusal)} handlers ran past a refusal`, result.pastRefusal === 0],
    [`${count(errors)} responses 5xx`, errors === 0],
    [`${count(lost)} requests without an answer`, lost === 0],
    [`${count(result.falseVerdicts)} false verdicts, ${count(wrong)} visitors wrongly blocked`, result.falseVerdicts + wrong === 0],
    [`heap after warm-up: ${(grown * 100).toFixed(1)} % in the process that grew most (at most 5)`, grown <= 0.05],
    [`handles after warm-up: ${(moreHandles * 100).toFixed(0)} % in the process that grew most (at most 5)`, moreHandles <= 0.05]
  ]
}

export function reportOf (result: SoakResult): { readonly text: string, readonly passed: boolean } {
  const answered = sum(result, felt => felt.answered)
  const checked = claims(result)
  const ms = (microseconds: number): string => (microseconds / 1000).toFixed(microseconds < 10_000 ? 1 : 0)
  const rows = result.phases.map(({ name, felt, calls, unknown, loopDelayMs }) => {
    const [p50, p99, p999] = [50, 99, 99.9].map(p => ms(felt.latency.percentile(p)))
    return `| ${name} | ${count(felt.answered)} | ${p50} | ${p99} | ${p999} | ${felt.serverErrors} | ${count(unknown)} | ${count(calls)} / ${count(felt.ideal)} | ${loopDelayMs.map(delay => delay.toFixed(0)).join(' / ')} |`
  })
  const memory = result.survivors.map(({ start, warm, middle, end }, i) => `| ${i + 1} | ${[start, warm, middle, end]
    .map(sample => `${mib(sample.heap)}, ${mib(sample.rss)}, ${handlesOf(sample)}`).join(' | ')} |`)
  const text = [
    `${count(answered)} requests in ${count(result.seconds)} s, ${count(answered / result.seconds)} a second (${result.perSecond} were asked for), through nginx to ${result.processes} processes. ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, which also ran the clients.`,
    '',
    ...checked.map(([text, holds]) => `- ${holds ? 'holds' : 'BROKEN'}: ${text}`),
    `- resident memory after warm-up, which is no claim: ${(residentGrowth(result) * 100).toFixed(0)} % in the process that grew most`,
    `- ${count(result.failedOpen)} payments from addresses to block went through because nothing was known: the default fails open`,
    '',
    '| Phase | Answered | p50 ms | p99 | p99.9 | 5xx | Judged `unknown` | Provider calls / ideal | Event loop delay p99 / max, ms |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    '| Process that lived all along | Start: heap, RSS, handles | After warm-up | Middle | End |',
    '|---|---|---|---|---|',
    ...memory
  ].join('\n')
  return { text, passed: checked.every(([, holds]) => holds) }
}
