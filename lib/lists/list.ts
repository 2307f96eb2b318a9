/** What a list of addresses is, once read: the seam between reading lists and making one map of them. */

/** Address ranges, first and last address of each: one word an IPv4 address, four words an IPv6 one. Unsorted, may overlap. */
export interface Ranges {
  /** first, last, first, last, … */
  readonly v4: Uint32Array
  /** four words first, four words last, … */
  readonly v6: Uint32Array
}

/** What a list says of the addresses in it. */
export type ListKind =
  | 'vpn-server' // published by the VPN provider itself; `publisher` names it
  | 'vpn-range' | 'vpn-asn'
  | 'tor-exit' | 'public-proxy'
  | 'hosting' | 'hosting-asn'
  | 'relay' | 'crawler' | 'abuse'

/** One list, read and checked. Either has ranges or AS numbers; the other is empty. */
export interface AddressList {
  /** Short and unique: `x4bnet-vpn-v4`. Stands in signal details and in `ip-risk lists info`. */
  readonly id: string
  readonly kind: ListKind
  /** The VPN provider of a `vpn-server` list: `mullvad`. */
  readonly publisher?: string
  readonly ranges: Ranges
  readonly asns: readonly number[]
  /** Days after which half of the entries are no longer right; decides decay and the warning. */
  readonly halfLifeDays: number
  /** Unix seconds when the list was published, or fetched. */
  readonly dateSeconds: number
  /** Unix seconds each range was last seen, in the order of `ranges.v4` then `ranges.v6`; absent: all at `dateSeconds`. */
  readonly lastSeenSeconds?: Uint32Array
  /** 0..1, lowered by the linter. Default 1. */
  readonly trust?: number
}
