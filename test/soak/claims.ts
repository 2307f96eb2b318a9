import type { Effect, Phase } from './faults.ts'
import type { Tally } from './fleet.ts'
import type { ServerSample } from './server.ts'
import type { Felt } from './traffic.ts'

/** A sentence of the report, and whether it holds. */
export type Claim = readonly [text: string, holds: boolean]

export interface PhaseResult {
  readonly phase: Phase
  readonly felt: Felt
  /** Calls of the provider. */
  readonly calls: number
  /** What the processes saw during this phase. */
  readonly seen: Tally
  /** Undefined where nothing was broken. */
  readonly effect: Effect | undefined
}

/** A process that lived all along. `start` is before the first request. */
export type Survivor = Readonly<Record<'start' | 'warm' | 'middle' | 'end', ServerSample>>

export const counted = (value: number): string => Math.round(value).toLocaleString('en-US')
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
export const handlesOf = ({ handles }: ServerSample): number => Object.values(handles).reduce((sum, n) => sum + n, 0)

export function total (phases: readonly PhaseResult[], read: (phase: PhaseResult) => number): number {
  return phases.reduce((sum, phase) => sum + read(phase), 0)
}

export const allOf = (counts: ReadonlyMap<unknown, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0)

export function answeredOf ({ admitted, refused, letThrough, wronglyBlocked, otherStatuses }: Felt): number {
  return admitted + refused + letThrough + wronglyBlocked + allOf(otherStatuses)
}

/** What must hold of answers, strictest first. */
export function trafficClaims (phases: readonly PhaseResult[]): Claim[] {
  const sum = (read: (felt: Felt) => number): number => total(phases, ({ felt }) => read(felt))
  const seen = (what: keyof Tally): number => total(phases, ({ seen }) => seen[what])
  const named = (isSo: (phase: PhaseResult) => boolean): string => phases.filter(isSo).map(({ phase }) => `"${phase.name}"`).join(', ')
  const listed = (read: (felt: Felt) => ReadonlyMap<unknown, number>): string => phases.flatMap(({ phase: { name }, felt }) => {
    return [...read(felt)].map(([what, n]) => `; ${counted(n)} × ${what} in "${name}"`)
  }).join('')
  const others = listed(({ otherStatuses }) => otherStatuses)
  const early = sum(({ reset }) => reset.early)
  const unaccounted = named(({ felt }) => felt.sent !== answeredOf(felt))
  const unreached = named(({ phase, felt }) => felt.unreachable > 0 && phase.killsProcesses !== true)
  const oneSided = named(({ felt }) => felt.admitted === 0 || felt.refused === 0)
  const tooMany = phases.filter(result => result.felt.letThrough > mostLetThrough(result))
  const unexplained = tooMany.map(({ phase, felt }) => `; ${counted(felt.letThrough)} in "${phase.name}"`).join('')
  const least = (read: (felt: Felt) => number): string => counted(Math.min(...phases.map(({ felt }) => read(felt))))
  return [
    [`${counted(seen('pastRefusal'))} handlers ran past a refusal`, seen('pastRefusal') === 0],
    [`0 responses 5xx, and no other status than 200 and 403${others}`, others === ''],
    [`${counted(sum(({ sent }) => sent))} requests sent, ${counted(sum(answeredOf))} answered, ${counted(sum(({ lost }) => allOf(lost)))} without an answer` +
      listed(({ lost }) => lost) + (unaccounted && `; not all in ${unaccounted}`), unaccounted === ''],
    [`${counted(early + sum(({ reset }) => reset.late))} more reset by their clients on purpose, ${counted(early)} of them before an answer; ` +
      `${counted(sum(({ unreachable }) => unreachable))} found a process that was killed${unreached && `, some in ${unreached}`}`, early > 0 && unreached === ''],
    [`${counted(seen('falseVerdict'))} false verdicts, ${counted(sum(({ wronglyBlocked }) => wronglyBlocked))} visitors wrongly blocked`,
      seen('falseVerdict') + sum(({ wronglyBlocked }) => wronglyBlocked) === 0],
    [`in every phase, requests were admitted with 200, at least ${least(felt => felt.admitted)}, and payments refused with 403, at least ${least(felt => felt.refused)}` +
      (oneSided && `; not in ${oneSided}`), oneSided === ''],
    [`of payments from addresses to block, ${counted(sum(({ refused }) => refused))} were refused and ${counted(sum(({ letThrough }) => letThrough))} let through, ` +
      `because nothing was known (this policy allows that): while the provider was broken, and at most 1 % during another fault or while caches were empty${unexplained}`, unexplained === '']
  ]
}

/** Payments from addresses to block that may be let through: those of which nothing was known, for a reason. */
function mostLetThrough ({ phase, felt: { refused, letThrough }, seen: { failedOpen }, effect }: PhaseResult): number {
  if (phase.breaksProvider === true) return failedOpen
  // Without Redis, a process asks the provider itself.
  return effect !== undefined || phase.cold === true ? Math.min(failedOpen, (refused + letThrough) / 100) : 0
}

/** Each fault took effect. */
export function faultClaims (phases: readonly PhaseResult[]): Claim[] {
  return phases.flatMap(({ phase: { name }, effect }) => effect === undefined ? [] : [[`"${name}" took effect: ${effect.seen}`, effect.proven] as const])
}

/** One call per address and life of a verdict for the whole fleet, until something breaks. */
export function callClaim (phases: readonly PhaseResult[]): Claim {
  const fault = phases.findIndex(({ effect }) => effect !== undefined)
  const whole = fault === -1 ? phases : phases.slice(0, fault)
  const [calls, ideal] = [total(whole, ({ calls }) => calls), total(whole, ({ felt }) => felt.ideal)]
  const many = whole.filter(({ calls, felt }) => calls > felt.ideal * 1.05).map(({ phase }) => `"${phase.name}"`).join(', ')
  return [`before the first fault, ${counted(calls)} provider calls, where a perfect fleet makes ${counted(ideal)} (at most 5 % more in any phase` +
    `${many && `; more in ${many}`})`, many === '' && calls > 0]
}

/** By how much it grew in the process that grew most, as a share. */
export function growth (survivors: readonly Survivor[], read: (sample: ServerSample) => number, from: 'warm' | 'middle'): number {
  if (survivors.length === 0) return Infinity
  return Math.max(...survivors.map(survivor => read(survivor.end) / read(survivor[from]) - 1))
}

/** Without the unused space of V8's heap. */
export const inUse = ({ memory }: ServerSample): number => memory.rss - memory.unused

/**
 * Nothing grows by more than 5 % after the warm-up, and the heap and handles neither from the middle on. What malloc keeps depends on the
 * queues of the last minutes: from the middle on, resident memory goes up and down by more than that.
 */
export function memoryClaims (survivors: readonly Survivor[]): Claim[] {
  const claim = (name: string, read: (sample: ServerSample) => number, bothHold = true): Claim => {
    const [warm, middle] = [growth(survivors, read, 'warm'), growth(survivors, read, 'middle')]
    return [`${name}: ${percent(warm)} from the warm-up to the end, ${percent(middle)} from the middle to the end, each in the process that grew most (${bothHold ? '' : 'the first '}at most 5)`,
      warm <= 0.05 && (!bothHold || middle <= 0.05)]
  }
  return [
    claim("resident memory without the unused space of V8's heap", inUse, false),
    claim('heap', ({ memory }) => memory.heap),
    claim('handles', handlesOf)
  ]
}
