import type { CacheState } from './cache.ts'
import type { AddressSource } from './client-ip.ts'
import type { Category, IpInfo, Signal, UnknownReason, VerdictName } from './verdict.ts'

/**
 * What to do with a request, from the mildest to the hardest. `elevate_risk`: the handler runs and sees it.
 * `step_up_auth`: 401 until the visitor has authenticated again, or more strongly. `block`: 403.
 */
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
  /** Where the address came from. */
  readonly source: AddressSource
  /** How risky the address is. `unknown` is not `clean`: `reason` says why nothing is known. */
  readonly verdict: VerdictName | 'unknown'
  /** With `unknown` only. */
  readonly reason?: UnknownReason
  /** How risky, 0 to 1. null where the provider has no score, and with `unknown`. */
  readonly score: number | null
  /** Whether the provider says that it is a VPN or a proxy. False with `unknown`: nothing is known then. */
  readonly isVpn: boolean
  /** How sure the provider is, 0 to 1. null where it does not say, and with `unknown`. */
  readonly confidence: number | null
  /** What the provider found. Empty where it found nothing, or does not say. */
  readonly signals: readonly Signal[]
  /** Network and place, as far as the provider knows them. Without any, an empty object. */
  readonly info: IpInfo
  /** What the address is. Empty where nothing is known of it. */
  readonly categories: readonly Category[]
  /**
   * The name of the provider that answered; `none` where no provider was asked, which includes addresses on a list.
   */
  readonly provider: string
  /** Where the verdict came from. */
  readonly cache: CacheState
  /** Age of the verdict. */
  readonly ageSeconds: number
  /** The action of the route; null where it has none. */
  readonly action: string | null
  /** Whether the request was judged as a write. */
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
