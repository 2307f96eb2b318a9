import type { CacheState } from './cache.ts'
import type { AddressSource } from './client-ip.ts'
import type { Category, IpInfo, Signal, UnknownReason, VerdictName } from './verdict.ts'

export type Decision = 'allow' | 'elevate_risk' | 'step_up_auth' | 'block'

/**
 * Who made a decision.
 * - `policy`: the policy's table. Also the block of a client that is gone, and of a write with truncated headers.
 * - `rule`: a rule that changed what the table or a policy function decided; `IpRisk.rule` is its name.
 * - `function`: a policy function.
 * - `allow_list`, `deny_list`: the options `allow` and `deny`.
 * - `skip`: the option `skip`.
 * - `temporary_allow`, `temporary_deny`: the API's `allow()` and `deny()`.
 */
export type DecidedBy =
  'policy' | 'rule' | 'function' | 'allow_list' | 'deny_list' | 'temporary_allow' | 'temporary_deny' | 'skip'

/**
 * How well the account knows the network of a request.
 * - `known`: AS number and /24 (or /48) match a network that a satisfied step-up confirmed within 90 days. On a network
 *   judged `vpn_likely` or worse the device must match too.
 * - `similar`: AS number or country matches, or the network was confirmed by `trust()` alone.
 * - `new`: the account has a history, and nothing of it matches.
 * - `first`: the account has no history.
 * - `impossible`: too far from the account's last place for the time since.
 * - `unknown`: no account, or the memory of accounts did not answer.
 */
export type Familiarity = 'known' | 'similar' | 'new' | 'first' | 'impossible' | 'unknown'

/** `request.ipRisk`: frozen, and of the same shape on a hit and on a miss. */
export interface IpRisk {
  /** Canonical: RFC 5952, mapped IPv4 unwrapped. */
  readonly ip: string | null
  readonly source: AddressSource
  readonly verdict: VerdictName | 'unknown'
  /** With `unknown` only. */
  readonly reason?: UnknownReason
  readonly score: number | null
  readonly isVpn: boolean
  readonly confidence: number | null
  readonly signals: readonly Signal[]
  readonly info: IpInfo
  readonly categories: readonly Category[]
  /**
   * The name of the provider that answered; `none` where no provider was asked, which includes addresses on a list.
   */
  readonly provider: string
  readonly cache: CacheState
  /** Age of the verdict. */
  readonly ageSeconds: number
  readonly action: string | null
  readonly write: boolean
  /**
   * What was decided. Whether it is enforced depends on the route's mode; `DecisionRecord.outcome` says what came of
   * it.
   */
  readonly decision: Decision
  /** Who decided that. */
  readonly decidedBy: DecidedBy
  /** The name of the rule that decided, where `decidedBy` is `rule` and the rule has a name. */
  readonly rule?: string | undefined
  /** With the option `familiarity`, from the route's handler on. */
  readonly familiarity?: Familiarity | undefined
}
