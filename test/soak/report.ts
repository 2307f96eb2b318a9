import { cpus } from 'node:os'
import {
  answeredOf, callClaim, type Claim, counted, faultClaims, growth, handlesOf, memoryClaims, percent, type PhaseResult, type Survivor, total,
  trafficClaims
} from './claims.ts'
import type { Memory } from './memory.ts'

export interface MeasuredPhase extends PhaseResult {
  /** The largest of all processes, in ms. */
  readonly loopDelayMs: readonly [p99: number, max: number]
}

export interface SoakResult {
  readonly processes: number
  readonly perSecond: number
  readonly seconds: number
  readonly phases: readonly MeasuredPhase[]
  readonly survivors: readonly Survivor[]
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

const times: readonly [time: keyof Survivor, name: string][] = [
  ['start', 'start'], ['warm', 'after warm-up'], ['middle', 'middle'], ['end', 'end']
]
const parts: readonly [part: keyof Memory, name: string][] = [
  ['rss', 'RSS'], ['heap', 'objects in the heap'], ['unused', 'unused space of the heap'], ['native', 'malloc and the rest'], ['files', 'Node.js itself']
]

/** What must hold, strictest first. A list item each, and whether all hold. */
export function listOf (claims: readonly Claim[]): { readonly lines: readonly string[], readonly passed: boolean } {
  return { lines: claims.map(([text, holds]) => `- ${holds ? 'holds' : 'BROKEN'}: ${text}`), passed: claims.every(([, holds]) => holds) }
}

export function reportOf (result: SoakResult): { readonly text: string, readonly passed: boolean } {
  const { phases, survivors, seconds, perSecond, processes } = result
  const answered = total(phases, ({ felt }) => answeredOf(felt))
  const { lines, passed } = listOf([...trafficClaims(phases), callClaim(phases), ...memoryClaims(survivors), ...faultClaims(phases)])
  const ms = (microseconds: number): string => (microseconds / 1000).toFixed(microseconds < 10_000 ? 1 : 0)
  const rows = phases.map(({ phase: { name }, felt, calls, seen, loopDelayMs }) => {
    const times = [50, 99, 99.9].map(p => ms(felt.latency.percentile(p)))
    const answers = [felt.admitted, felt.refused, felt.letThrough, seen.unknown].map(counted)
    return `| ${[name, ...answers, ...times, `${counted(calls)} / ${counted(felt.ideal)}`, loopDelayMs.map(delay => delay.toFixed(0)).join(' / ')].join(' | ')} |`
  })
  const memory = survivors.flatMap((survivor, i) => times.map(([time, name]) => {
    const { memory } = survivor[time]
    return `| ${i + 1} | ${name} | ${parts.map(([part]) => mib(memory[part])).join(' | ')} | ${handlesOf(survivor[time])} |`
  }))
  const text = [
    `${counted(answered)} requests in ${counted(seconds)} s, ${counted(answered / seconds)} a second (up to ${perSecond} were asked for), through nginx to ${processes} processes. ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, which also ran the clients.`,
    '',
    ...lines,
    `- no claim: resident memory with that space grew by ${percent(growth(survivors, ({ memory }) => memory.rss, 'warm'))} after the warm-up, and by ` +
      `${percent(growth(survivors, ({ memory }) => memory.rss, 'middle'))} from the middle to the end`,
    '',
    '| Phase | Rightly admitted (200) | Refused (403) | Let through (200) | Verdict `unknown` | p50 ms | p99 | p99.9 | Provider calls / ideal | Event loop delay p99 / max, ms |',
    `|---|${'---|'.repeat(9)}`,
    ...rows,
    '',
    `| Process that lived all along | | ${parts.map(([, name]) => name).join(' | ')} | Handles |`,
    `|---|---|${'---|'.repeat(parts.length)}---|`,
    ...memory
  ].join('\n')
  return { text, passed }
}
