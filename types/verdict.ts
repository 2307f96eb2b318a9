export type VerdictName = 'clean' | 'suspicious' | 'vpn_likely' | 'vpn_detected'
/**
 * What an address is, beside how risky it is. `relay`, `warp`, `cgnat` and `gateway` (the security gateway of a
 * company: Zscaler, Netskope, Cisco Umbrella, …) are shared by ordinary people: the default policy flags them at most.
 */
export type Category =
  | 'vpn' | 'proxy' | 'tor' | 'hosting' | 'relay' | 'warp' | 'cgnat' | 'crawler' | 'abuse' | 'gateway'

/** Why nothing is known. README has the table of when. */
export type UnknownReason =
  | 'pending' | 'not_asked' | 'timeout' | 'unavailable' | 'overloaded' | 'rate_limited' | 'quota_exhausted' | 'rejected'
  | 'bad_response' | 'no_data' | 'not_public' | 'infrastructure' | 'no_ip' | 'truncated_headers'
  | 'unsupported_family' | 'listed' | 'skipped'

/** A finding that matched. `weight` 0..1 as the provider says; unknown types are kept. */
export interface Signal { readonly type: string, readonly weight: number, readonly detail: string }

export interface IpInfo {
  readonly asn?: string
  readonly org?: string
  readonly isp?: string
  readonly country?: string
  readonly countryCode?: string
  readonly city?: string
  readonly lat?: number
  readonly lon?: number
  readonly type?: string
  readonly isProxy?: boolean
  readonly vpnProvider?: string
  readonly vpnProviderSources?: readonly string[]
}

export interface KnownAnswer {
  readonly verdict: VerdictName
  /** 0..1, or null where the provider has none. */
  readonly score: number | null
  readonly isVpn: boolean
  readonly confidence: number | null
  /** The matched ones only. */
  readonly signals: readonly Signal[]
  readonly info: IpInfo
  readonly categories: readonly Category[]
  /** Who said it, where that is not the provider's own name: the member of a combination. */
  readonly provider?: string
  readonly requestId?: string
}

export interface UnknownAnswer {
  readonly verdict: 'unknown'
  readonly reason: UnknownReason
  /** With `rate_limited`, `rejected` and `quota_exhausted`: nobody asks the provider before. */
  readonly retryAfterSeconds?: number
  /**
   * With `rejected` and `rate_limited`: what a human has to do. Logged as an error, once while it lasts. No secret, no
   * address.
   */
  readonly alert?: string
  /** For the log; secrets are already redacted. */
  readonly cause?: unknown
  /** What is known all the same: `cgnat` of shared address space. */
  readonly categories?: readonly Category[]
  readonly signals?: readonly Signal[]
  /** Who runs the network, from a database that says nothing about risk. */
  readonly info?: IpInfo
}

/** What a provider says. Absent is not false. */
export type ProviderAnswer = KnownAnswer | UnknownAnswer
