import { createEngine, type Engine } from '../../lib/core/engine.ts'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import type { Fault, Invalidation, ProviderCall, Question, Start } from './fleet.ts'
import type { World } from './world.ts'

/** As long as a fault may show after its end: probes, circuits, reconnections, waits for leases. */
export const RECOVERY_MS = 4000
/** As long as a broadcast may travel in the worst weather. */
export const MESSAGE_MS = 200
export const TTL_SECONDS = 60
/** Two clocks that differ by two seconds each, and a process that is frozen before it hands over what it found. */
const MAX_DELAY_MS = 10_000

export type Invariant =
  | 'one call per address' | 'nothing older than an invalidation' | 'an answer in time' | 'a takeover in time' | 'no late fill'
  | 'one call for a cold address' | 'no call beyond the quota' | 'no write refused too early'

/** How often an invariant was checked, and how often it did not apply, by the reason. */
export interface Observations { checked: number, readonly excused: Map<string, number> }

/** What happened in a fleet, simulated or real, for the invariants to judge. */
export interface FleetRecord {
  readonly calls: ProviderCall[]
  readonly questions: Question[]
  readonly faults: Fault[]
  readonly invalidations: Invalidation[]
  readonly starts: Start[]
  readonly problems: string[]
  readonly observations: ReadonlyMap<Invariant, Observations>
  /** An observation that an invariant was checked on, or the reason why not. */
  observed (invariant: Invariant, excuse?: string): void
  fault (forMs: number, process?: number): Fault
  /** Whether the message of an invalidation may arrive after that time: the faults at its own time may delay it. */
  isForgottenAfter (ip: string, afterMs: number): boolean
  /** Those of a process that was killed. */
  endCalls (process: number): void
  /** A verdict, with the `org` of the answer that it came from. */
  checkVerdict (question: Question, org: string | undefined, isMiss: boolean, ageMs: number): void
}

export function createRecord (world: Pick<World, 'nowMs'>): FleetRecord {
  const [calls, questions, faults, problems]: [ProviderCall[], Question[], Fault[], string[]] = [[], [], [], []]
  const invalidations: Invalidation[] = []
  const observations = new Map<Invariant, Observations>()
  return {
    calls,
    questions,
    faults,
    invalidations,
    starts: [],
    problems,
    observations,
    observed (invariant, excuse) {
      const known = observations.get(invariant) ?? { checked: 0, excused: new Map<string, number>() }
      observations.set(invariant, known)
      if (excuse === undefined) known.checked++
      else known.excused.set(excuse, (known.excused.get(excuse) ?? 0) + 1)
    },
    fault (forMs, process) {
      const fault: Fault = { fromMs: world.nowMs, toMs: world.nowMs + forMs + RECOVERY_MS, process }
      faults.push(fault)
      return fault
    },
    isForgottenAfter: (ip, afterMs) => invalidations.some(({ ip: forgotten, atMs }) => forgotten === ip &&
      (atMs + MESSAGE_MS >= afterMs || faults.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs && toMs >= afterMs))),
    endCalls (process) {
      for (const call of calls) if (call.process === process && call.endMs > world.nowMs) call.endMs = world.nowMs
    },
    checkVerdict (question, org, isMiss, ageMs) {
      const { ip } = question
      question.version = Number(org?.split(' ')[1])
      if (org?.startsWith(`${ip} `) !== true) problems.push(`${ip} got the verdict of ${org}`)
      const call = calls.find(({ version }) => version === question.version)
      const trueAgeMs = world.nowMs - (call?.endMs ?? world.nowMs)
      if (trueAgeMs > TTL_SECONDS * 1000 + MAX_DELAY_MS) problems.push(`${ip} got a verdict from ${trueAgeMs} ms ago`)
      if (!isMiss && ageMs > TTL_SECONDS * 1000 + 1) problems.push(`${ip} got a verdict of ${ageMs} ms`)
    }
  }
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
