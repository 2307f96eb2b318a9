import type { DecisionRecord } from './record.ts'
import type { CompositeStats } from './stats.ts'

/** What the policy did, or would have done, to some requests. All are counts of requests. */
export interface ReportCounts {
  /**
   * All requests of this row. For networks and countries only those with another outcome than `allowed`, because a
   * process does not count the rest by network.
   */
  readonly requests: number
  /** Refused with 403. */
  readonly blocked: number
  /** Answered with 401 and a step-up challenge. */
  readonly challenged: number
  /** A step-up was demanded and satisfied. */
  readonly satisfied: number
  /** Continued, and `enforce` mode would have refused them with 403. */
  readonly wouldBlock: number
  /** Continued, and `enforce` mode would have demanded a step-up. */
  readonly wouldChallenge: number
  /** Continued, with the decision `elevate_risk`. */
  readonly flagged: number
}

/** One action, network, country, verdict or reason. */
export interface ReportRow extends ReportCounts {
  /**
   * The action's name (`none` on marked routes without one, `unmarked` on others), the AS number, the country, the
   * verdict or the reason. `unknown` where the provider did not name it, `other` for what is beyond the limit of rows.
   */
  readonly key: string
  /** Of a network: who runs it, as the provider names it. */
  readonly label?: string
}

/** `app.ipRisk.report()` and `ip-risk report --json`: what enforcing would have stopped. */
export interface RiskReport {
  /** First and last moment that the report covers, ISO 8601. null where nothing was counted. */
  readonly from: string | null
  /** The last moment, as `from`. */
  readonly to: string | null
  /** All requests. */
  readonly total: ReportCounts
  /** Requests by action. */
  readonly actions: readonly ReportRow[]
  /** Requests by verdict, `unknown` included. */
  readonly verdicts: readonly ReportRow[]
  /** Requests whose verdict was `unknown`, by its reason. */
  readonly reasons: readonly ReportRow[]
  /** The rows with the most requests stopped, at most 50. */
  readonly networks: readonly ReportRow[]
  /** The rows with the most requests stopped, at most 50. */
  readonly countries: readonly ReportRow[]
  /**
   * What composites counted since the start, as in `stats().composites`: how `shadow` compares its candidate, and what
   * `escalate` saved. Absent without such a provider, and in `ip-risk report` without `--stats`, since decision records
   * do not have it.
   */
  readonly composites?: { readonly [name: string]: CompositeStats }
}

/** What a report reads of a decision record. */
export type ReportedDecision =
  Pick<DecisionRecord, 'action' | 'decision' | 'outcome' | 'wouldBe' | 'verdict' | 'reason' | 'info' | 'at'>
