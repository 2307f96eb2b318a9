import { createEngine, type Engine } from '../../lib/core/engine.ts'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import type { Fault, FaultKind, Fleet, Invalidation, Missed, ProviderCall, Question, Start } from './types.ts'
import type { World } from './world.ts'

/** As long as a fault may show after its end: probes, circuits, reconnections, waits for leases. */
export const RECOVERY_MS = 4000
/** As long as a broadcast may travel in the worst weather. */
export const MESSAGE_MS = 200
export const TTL_SECONDS = 60
/** The time limit of a lookup. */
export const TIMEOUT_MS = 5000
/** A process finds out after so long that its subscription was lost: it sends a message to itself every ten seconds. */
const SUBSCRIPTION_MS = 12_000
/** What a replica misses of the last writes. */
export const BEHIND_MS = 500

/** In a real fleet, too, but the last one: it takes minutes. */
export const invariants = [
  'one call per address', 'nothing older than an invalidation', 'an answer in time', 'a true verdict', 'a takeover in time', 'no late fill',
  'one call for a cold address', 'no call beyond the quota', 'no write refused too early', 'the whole limit for a healthy fleet'
] as const
export type Invariant = typeof invariants[number]

/** How often an invariant was checked, and how often it did not apply, by the reason. */
export interface Observations { checked: number, readonly excused: Map<string, number> }

/** What happened in a fleet, simulated or real, for the invariants to judge. */
export interface FleetRecord {
  readonly calls: ProviderCall[]
  readonly questions: Question[]
  readonly faults: Fault[]
  readonly invalidations: Invalidation[]
  readonly missed: Missed[]
  readonly starts: Start[]
  readonly problems: string[]
  readonly observations: ReadonlyMap<Invariant, Observations>
  /** An observation that an invariant was checked on, or the reason why not. */
  observed (invariant: Invariant, excuse?: string): void
  fault (kind: FaultKind, forMs: number, process?: number): Fault
  /** A message of the process got lost. */
  lost (process: number, isBroadcast: boolean): void
  /** Whether the message of an invalidation may reach the process after that time: faults at its own time may delay it. */
  isForgottenAfter (ip: string, process: number, afterMs: number): boolean
  /** Those of a process that was killed. */
  endCalls (process: number): void
  /** A question got a verdict, with the `org` of the answer that it came from. */
  verdict (question: Question, org: string | undefined, ageMs: number): void
}

export function createRecord (world: Pick<World, 'nowMs'>): FleetRecord {
  const [calls, questions, faults, problems]: [ProviderCall[], Question[], Fault[], string[]] = [[], [], [], []]
  const invalidations: Invalidation[] = []
  const missed: Missed[] = []
  const observations = new Map<Invariant, Observations>()
  const losses = new Map<number, Fault>()

  function fault (kind: FaultKind, forMs: number, process?: number): Fault {
    const fault: Fault = { kind, fromMs: world.nowMs, toMs: world.nowMs + forMs + RECOVERY_MS, process }
    faults.push(fault)
    return fault
  }

  return {
    calls,
    questions,
    faults,
    invalidations,
    missed,
    starts: [],
    problems,
    observations,
    observed (invariant, excuse) {
      const known = observations.get(invariant) ?? { checked: 0, excused: new Map<string, number>() }
      observations.set(invariant, known)
      if (excuse === undefined) known.checked++
      else known.excused.set(excuse, (known.excused.get(excuse) ?? 0) + 1)
    },
    fault,
    lost (process, isBroadcast) {
      if (isBroadcast) missed.push({ process, atMs: world.nowMs })
      const last = losses.get(process)
      if (last !== undefined && last.toMs >= world.nowMs) last.toMs = world.nowMs + RECOVERY_MS
      else losses.set(process, fault('loss', 0, process))
    },
    isForgottenAfter: (ip, process, afterMs) => invalidations.some(invalidation => invalidation.ip === ip &&
      mayArriveAfter({ faults, missed }, invalidation, [process], afterMs)),
    endCalls (process) {
      for (const call of calls) if (call.process === process && call.endMs > world.nowMs) call.endMs = world.nowMs
    },
    verdict (question, org, ageMs) {
      Object.assign(question, { org, version: Number(org?.split(' ')[1]), ageMs })
    }
  }
}

/** One that no process has got to yet. */
export function newQuestion (asked: Pick<Question, 'process' | 'ip' | 'write' | 'actor'>): Question {
  const answer = { endMs: undefined, verdict: undefined, reason: undefined, org: undefined, version: undefined, ageMs: undefined }
  return { ...asked, startMs: undefined, ...answer }
}

/** When the last of the faults ends that follow each other without a gap, the first one in this time; -Infinity if there is none. */
export function chainEndMs (faults: readonly Fault[], fromMs: number, toMs: number, endOf: (fault: Fault) => number): number {
  let endMs = -Infinity
  for (let again = true; again;) {
    again = false
    for (const fault of faults) {
      if (fault.fromMs > Math.max(toMs, endMs) || endOf(fault) < fromMs || endOf(fault) <= endMs) continue
      endMs = endOf(fault)
      again = true
    }
  }
  return endMs
}

/** Until when faults may keep a broadcast of one process from another one; -Infinity if it meets none. */
export function delayedUntilMs (faults: readonly Fault[], atMs: number, processes: readonly number[]): number {
  const its = faults.filter(({ process }) => process === undefined || processes.includes(process))
  return chainEndMs(its, atMs, atMs + MESSAGE_MS, ({ kind, toMs }) => kind === 'loss' ? toMs + SUBSCRIPTION_MS : toMs)
}

/** Until when a process sends the message of its invalidation. */
export function sentUntilMs (faults: readonly Fault[], { process, atMs }: Invalidation): number {
  return Math.max(atMs, delayedUntilMs(faults, atMs, [process])) + MESSAGE_MS
}

/**
 * Whether the message of an invalidation may reach one of the processes after that time. One that missed it reads it when it connects
 * again.
 */
export function mayArriveAfter (
  { faults, missed }: Pick<Fleet, 'faults' | 'missed'>, invalidation: Invalidation, processes: readonly number[], afterMs: number
): boolean {
  const { process, atMs } = invalidation
  return atMs + MESSAGE_MS >= afterMs || delayedUntilMs(faults, atMs, [process, ...processes]) >= afterMs ||
    missed.some(one => processes.includes(one.process) && one.atMs >= atMs && one.atMs <= sentUntilMs(faults, invalidation))
}

const log: IpRiskLogger = { debug () {}, info () {}, warn () {}, error () {} }

/** The engine of one process. `call` gives the version of an answer, or undefined where the provider fails. */
export function createMember (
  redis: EngineOptions['redis'], perMinute: number | undefined, call: (ip: string) => Promise<number | undefined>
): Engine {
  return createEngine({
    redis,
    cache: { ttlSeconds: TTL_SECONDS, staleIfErrorSeconds: 0, maxEntries: 100 },
    provider: {
      name: 'simulated',
      ...perMinute !== undefined && { limits: { perMinute } },
      maxConcurrent: 1000,
      async lookup (ip) {
        const version = await call(ip)
        if (version === undefined) return { verdict: 'unknown', reason: 'unavailable' }
        return {
          verdict: 'suspicious', score: 0.5, isVpn: false, confidence: null, signals: [], categories: [], info: { org: `${ip} ${version}` }
        }
      }
    }
  }, log, () => Date.now())
}
