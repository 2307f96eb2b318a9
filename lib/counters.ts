import type { Decision, IpRisk, Stats, UnknownReason } from '../types/contract.ts'

/** Counts since start, plain numbers that only grow. */
export interface Counters {
  readonly lookups: { -readonly [L in keyof Stats['lookups']]: number }
  readonly unknown: { [R in UnknownReason]?: number }
  readonly decisions: { [D in Decision]: number }
  lookup (what: keyof Stats['lookups']): void
  /** A request was judged. */
  judged (risk: IpRisk): void
}

export function createCounters (): Counters {
  const lookups = { memory: 0, redis: 0, provider: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  const unknown: Counters['unknown'] = {}
  const decisions = { allow: 0, elevate_risk: 0, step_up_auth: 0, block: 0 }
  return {
    lookups,
    unknown,
    decisions,
    lookup (what) {
      lookups[what]++
    },
    judged ({ reason, decision }) {
      if (reason !== undefined) unknown[reason] = (unknown[reason] ?? 0) + 1
      decisions[decision]++
    }
  }
}
