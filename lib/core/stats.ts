import type { Decision, IpRisk, Outcome, UnknownReason } from '../../types/contract.ts'
import type { LookupCounter } from '../cache/index.ts'

/** Counts since start, plain numbers that only grow. */
export interface Counters {
  readonly lookups: { -readonly [L in LookupCounter]: number }
  readonly unknown: { [R in UnknownReason]?: number }
  readonly decisions: { [D in Decision]: number }
  readonly outcomes: { [O in Outcome]: number }
  lookup (what: LookupCounter): void
  /** A request was judged, and this came of it. */
  request (risk: IpRisk, outcome: Outcome): void
}

export function createCounters (): Counters {
  const lookups = { memory: 0, redis: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  const unknown: Counters['unknown'] = {}
  const decisions = { allow: 0, elevate_risk: 0, step_up_auth: 0, block: 0 }
  const outcomes = {
    allowed: 0, flagged: 0, challenged: 0, satisfied: 0, blocked: 0, not_enforced: 0, not_reached: 0, client_gone: 0
  }
  return {
    lookups,
    unknown,
    decisions,
    outcomes,
    lookup (what) {
      lookups[what]++
    },
    request ({ reason, decision }, outcome) {
      if (reason !== undefined) unknown[reason] = (unknown[reason] ?? 0) + 1
      decisions[decision]++
      outcomes[outcome]++
    }
  }
}
