/** How risky an address is, from the least to the most. Each provider says from which score a verdict begins. */
export type VerdictName = 'clean' | 'suspicious' | 'vpn_likely' | 'vpn_detected'

/**
 * What an address is, beside how risky it is. `relay`, `warp`, `cgnat` and `gateway` (the security gateway of a
 * company, such as Zscaler or Netskope) are shared by ordinary people: the default policy flags them at most.
 */
export type Category =
  | 'vpn' | 'proxy' | 'tor' | 'hosting' | 'relay' | 'warp' | 'cgnat' | 'crawler' | 'abuse' | 'gateway'

/** Why nothing is known. docs/runbook.md has the table of when. */
export type UnknownReason =
  | 'pending' | 'not_asked' | 'timeout' | 'unavailable' | 'overloaded' | 'rate_limited' | 'quota_exhausted' | 'rejected'
  | 'bad_response' | 'no_data' | 'not_public' | 'infrastructure' | 'no_ip' | 'truncated_headers'
  | 'unsupported_family' | 'listed' | 'skipped'

/** A finding of the provider that matched. */
export interface Signal {
  /** The provider's name of the finding. Unknown ones are kept. */
  readonly type: string
  /** How much it counts, 0 to 1, as the provider says. */
  readonly weight: number
  /** What was found, for people. */
  readonly detail: string
}

/** Who runs the network of an address, and where it is, as the provider says. What it does not say is absent. */
export interface IpInfo {
  /** Number of the autonomous system, such as `AS13335`. */
  readonly asn?: string
  /** Who runs the autonomous system or holds the network. */
  readonly org?: string
  /** The Internet provider. */
  readonly isp?: string
  /** Name of the country, as the provider writes it. */
  readonly country?: string
  /** ISO 3166-1 alpha-2, such as `DE`. */
  readonly countryCode?: string
  /** Name of the city. */
  readonly city?: string
  /** Latitude in degrees, -90 to 90. */
  readonly lat?: number
  /** Longitude in degrees, -180 to 180. */
  readonly lon?: number
  /** The kind of network in the provider's own words, such as `hosting`. */
  readonly type?: string
  /** Whether the provider calls it a proxy. */
  readonly isProxy?: boolean
  /** The VPN service that the address belongs to. */
  readonly vpnProvider?: string
  /** How the provider knows `vpnProvider`, in its own words. */
  readonly vpnProviderSources?: readonly string[]
}

/** A provider's answer that has a verdict. `knownAnswer()` makes one and fills in the defaults. */
export interface KnownAnswer {
  /** How risky the address is. */
  readonly verdict: VerdictName
  /** 0..1, or null where the provider has none. */
  readonly score: number | null
  /** Whether it is a VPN or a proxy. */
  readonly isVpn: boolean
  /** How sure the provider is: 0 to 1, or null where it does not say. */
  readonly confidence: number | null
  /** The matched ones only. */
  readonly signals: readonly Signal[]
  /** Network and place. Without any, an empty object. */
  readonly info: IpInfo
  /** What the address is. Empty where the provider does not say. */
  readonly categories: readonly Category[]
  /** Who said it, where that is not the provider's own name: the member of a combination. */
  readonly provider?: string
  /** The provider's own number of this answer, for questions to its support. */
  readonly requestId?: string
}

/** A provider's answer that has no verdict, and why. */
export interface UnknownAnswer {
  /** Always `unknown`: no `KnownAnswer` has it. */
  readonly verdict: 'unknown'
  /** Why nothing is known. A provider of your own says `no_data` where it simply does not know the address. */
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
  /** Findings that are known all the same. */
  readonly signals?: readonly Signal[]
  /** Who runs the network, from a database that says nothing about risk. */
  readonly info?: IpInfo
}

/** What a provider says. Absent is not false. */
export type ProviderAnswer = KnownAnswer | UnknownAnswer
