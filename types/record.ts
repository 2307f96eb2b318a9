import type { Decision, IpRisk } from './risk.ts'
import type { LookupMode, Mode } from './route.ts'

/**
 * What came of a request.
 * - `allowed`: the decision was `allow`.
 * - `flagged`: the decision was `elevate_risk`. The handler runs and sees it, in every mode.
 * - `blocked`: refused with 403.
 * - `challenged`: a step-up was demanded with 401.
 * - `satisfied`: a step-up was demanded, and `stepUp.isSatisfied` said yes.
 * - `not_enforced`: the decision was `block` or `step_up_auth`, and the request continued: monitor mode, an unmarked
 *   route, no option `stepUp`, or (under `createIpRisk`) no call of `enforce`.
 * - `not_reached`: another hook answered the request first, such as an authentication with its own 401 ahead of a
 *   step-up.
 * - `client_gone`: the client closed the connection before the request was judged, or before its step-up was answered.
 */
export type Outcome =
  | 'allowed' | 'flagged' | 'challenged' | 'satisfied' | 'blocked' | 'not_enforced' | 'not_reached' | 'client_gone'

/**
 * One request: to `onDecision`, to the channel `fastify-ip-risk:decision` and to the log. Frozen. Each judged request
 * has exactly one. It is published when the request is judged; where a step-up is demanded, when its outcome is known.
 */
export interface DecisionRecord extends Omit<IpRisk, 'ip'> {
  /**
   * As the option `recordAddress` shows it, in a log line as `logAddress` does. null with `none`, or without an
   * address.
   */
  readonly address: string | null
  /** What came of the request. */
  readonly outcome: Outcome
  /** Empty where the request has no id (outside Fastify, unless something set `request.id`). */
  readonly requestId: string
  /** The HTTP method. */
  readonly method: string
  /** The route's pattern, never what the visitor typed. */
  readonly route: string | undefined
  /**
   * What the visitor would meet in `enforce` mode: `allow` on unmarked routes; `elevate_risk` for a step-up that is
   * not configured.
   */
  readonly wouldBe: Decision
  /** Whether this request's decision was enforced. With `enforceShare`, the side of its address. */
  readonly mode: Mode
  /** Milliseconds from the plugin's hook to the decision. The time until a step-up was answered is not included. */
  readonly durationMs: number
  /** When the decision was made, ISO 8601. */
  readonly at: string
}

/**
 * Called with every decision record and its request: Fastify's, Express's or Node's own. Not awaited. If it throws or
 * rejects, one error is logged, code `IP_RISK_ON_DECISION_FAILED`, and the next one only after a minute without
 * failures.
 */
export type OnDecision<Request> = (record: DecisionRecord, request: Request) => unknown

/** One question about an address and its answer, on the channel `fastify-ip-risk:lookup`. Frozen. */
export interface LookupRecord
  extends Pick<IpRisk, 'verdict' | 'reason' | 'score' | 'categories' | 'provider' | 'cache'> {
  /** As the option `recordAddress` shows it. */
  readonly address: string | null
  /** Whether a write asked. */
  readonly write: boolean
  /** How the request asked. */
  readonly lookup: LookupMode
  /** Milliseconds from the question to the answer. */
  readonly durationMs: number
  /** ISO 8601. */
  readonly at: string
}
