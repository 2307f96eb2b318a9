import type { Decision, IpRisk, Outcome, Stats, UnknownReason } from '../../types/contract.ts'
import type { LookupCounter } from '../cache/index.ts'

/** Counts since start: plain numbers that only grow. */
export interface Counters {
  lookup (what: LookupCounter): void
  /** A request was judged, and its outcome is known. */
  request (risk: IpRisk, outcome: Outcome): void
  stats (parts: Pick<Stats, 'providers' | 'composites' | 'redis'>): Stats
}

export function createCounters (): Counters {
  const lookups: { [L in LookupCounter]: number } =
    { memory: 0, redis: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  const unknown: { [R in UnknownReason]?: number } = {}
  const decisions: { [D in Decision]: number } = { allow: 0, elevate_risk: 0, step_up_auth: 0, block: 0 }
  const outcomes: { [O in Outcome]: number } = {
    allowed: 0, flagged: 0, challenged: 0, satisfied: 0, blocked: 0, not_enforced: 0, not_reached: 0, client_gone: 0
  }
  return {
    lookup (what) {
      lookups[what]++
    },
    request ({ reason, decision }, outcome) {
      if (reason !== undefined) unknown[reason] = (unknown[reason] ?? 0) + 1
      decisions[decision]++
      outcomes[outcome]++
    },
    stats: ({ providers, composites, redis }) => ({
      lookups: { ...lookups, provider: Object.values(providers).reduce((sum, { calls }) => sum + calls, 0) },
      unknown: { ...unknown },
      decisions: { ...decisions },
      outcomes: { ...outcomes },
      redis,
      providers,
      composites
    })
  }
}
