import type { Decision, IpRisk, Outcome, Stats, UnknownReason } from '../../types/contract.ts'
import type { RiskReport } from '../../types/report.ts'
import type { LookupCounter } from '../cache/index.ts'
import { createOrigins, reportOf } from '../report/index.ts'
import type { AssessmentContext } from './context.ts'
import { createRequestCounts, wouldBeOf } from './request-counts.ts'

/** Counts since start: plain numbers that only grow. */
export interface Counters {
  lookup (what: LookupCounter): void
  /** A request was judged, and its outcome is known. */
  request (risk: IpRisk, context: AssessmentContext, outcome: Outcome): void
  stats (rest: Pick<Stats, 'providers' | 'composites' | 'redis' | 'cache' | 'clientIp'>): Stats
  report (): RiskReport
}

export function createCounters (now: () => number): Counters {
  const startedAt = new Date(now()).toISOString()
  const requests = createRequestCounts()
  const origins = createOrigins()
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
    request (risk, context, outcome) {
      const { reason, decision } = risk
      if (reason !== undefined) unknown[reason] = (unknown[reason] ?? 0) + 1
      decisions[decision]++
      outcomes[outcome]++
      requests.add(risk, context, outcome)
      if (outcome !== 'allowed') origins.add(outcome, wouldBeOf(risk, context), risk)
    },
    stats: rest => ({
      lookups: { ...lookups, provider: Object.values(rest.providers).reduce((sum, { calls }) => sum + calls, 0) },
      unknown: { ...unknown },
      decisions: { ...decisions },
      outcomes: { ...outcomes },
      requests: requests.rows(),
      ...rest
    }),
    report: () => reportOf({
      counted: requests.rows(), unknown, origins, from: startedAt, to: new Date(now()).toISOString()
    })
  }
}
