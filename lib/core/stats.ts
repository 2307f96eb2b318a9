import type { IpRisk, Outcome, Stats, UnknownReason } from '../../types/contract.ts'
import type { RiskReport } from '../../types/report.ts'
import type { RequestCount } from '../../types/telemetry.ts'
import type { LookupCounts } from '../cache/index.ts'
import { decisions } from '../policy/index.ts'
import { createOrigins, outcomes, reportOf } from '../report/index.ts'
import type { AssessmentContext } from './context.ts'
import { createRequestCounts, wouldBeOf } from './request-counts.ts'

/** What is counted of a request. The whole risk is read only where it was not allowed. */
export interface Counted extends Pick<IpRisk, 'decision' | 'verdict' | 'write'> {
  readonly reason?: UnknownReason | undefined
  readonly risk: IpRisk
}

/** Counts since start: plain numbers that only grow. */
export interface Counters {
  /** For the caches to count in. */
  readonly lookups: LookupCounts
  /** A request was counted, and its outcome is known. */
  request (counted: Counted, context: AssessmentContext, outcome: Outcome): void
  stats (rest: Pick<Stats, 'providers' | 'composites' | 'redis' | 'cache' | 'clientIp'>): Stats
  report (): RiskReport
}

function sums<K extends 'decision' | 'outcome'> (
  rows: readonly RequestCount[], key: K, words: readonly RequestCount[K][]
): { [W in RequestCount[K]]: number } {
  const counts = Object.fromEntries(words.map(word => [word, 0])) as { [W in RequestCount[K]]: number }
  for (const row of rows) counts[row[key]] += row.count
  return counts
}

export function createCounters (now: () => number): Counters {
  const startedAt = new Date(now()).toISOString()
  const requests = createRequestCounts()
  const origins = createOrigins()
  const lookups: LookupCounts =
    { memory: 0, redis: 0, shared: 0, stale: 0, subnet: 0, refreshed: 0 }
  const unknown: { [R in UnknownReason]?: number } = {}
  return {
    lookups,
    request (counted, context, outcome) {
      const { reason } = counted
      if (reason !== undefined) unknown[reason] = (unknown[reason] ?? 0) + 1
      requests.add(counted, context, outcome)
      if (outcome !== 'allowed') origins.add(outcome, wouldBeOf(counted, context), counted.risk)
    },
    stats (rest) {
      const rows = requests.rows()
      return {
        lookups: { ...lookups, provider: Object.values(rest.providers).reduce((sum, { calls }) => sum + calls, 0) },
        unknown: { ...unknown },
        decisions: sums(rows, 'decision', decisions),
        outcomes: sums(rows, 'outcome', outcomes),
        requests: rows,
        ...rest
      }
    },
    report: () => reportOf({
      counted: requests.rows(), unknown, origins, from: startedAt, to: new Date(now()).toISOString()
    })
  }
}
