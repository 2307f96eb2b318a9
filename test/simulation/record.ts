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

/** What happened in a fleet, simulated or real, for the invariants to judge. */
export interface FleetRecord {
  readonly calls: ProviderCall[]
  readonly questions: Question[]
  readonly faults: Fault[]
  readonly invalidations: Invalidation[]
  readonly starts: Start[]
  readonly problems: string[]
  fault (forMs: number, process?: number): Fault
  /** Those of a process that was killed. */
  endCalls (process: number): void
  /** A verdict, with the `org` of the answer that it came from. */
  checkVerdict (question: Question, org: string | undefined, isMiss: boolean, ageMs: number): void
}

export function createRecord (world: Pick<World, 'nowMs'>): FleetRecord {
  const [calls, questions, faults, problems]: [ProviderCall[], Question[], Fault[], string[]] = [[], [], [], []]
  const invalidations: Invalidation[] = []
  return {
    calls,
    questions,
    faults,
    invalidations,
    starts: [],
    problems,
    fault (forMs, process) {
      const fault: Fault = { fromMs: world.nowMs, toMs: world.nowMs + forMs + RECOVERY_MS, process }
      faults.push(fault)
      return fault
    },
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
