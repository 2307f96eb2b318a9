import type { AddressScope } from '../../../types/contract.ts'
import { cloudflareDate, cloudflareRanges, networksOf, specialPurposeDate } from '../../ip/index.ts'
import type { MarkKind } from '../database/snapshot.ts'
import { type ListKind, type Ranges, rangesOf } from '../sources/list.ts'
import { publicServices, publicServicesDate } from './public-services.ts'

/**
 * Every number of the model, in one place. score = 1 - product over groups of (1 - weight * trust * decay); of a group
 * only the strongest member counts, because lists copy one another. Set by hand, measured by `bench/evaluate`.
 */
export const WEIGHTS = {
  /** Published by the VPN provider itself, or a Tor exit. */
  exact: { vpnServer: 1, torExit: 1 },
  vpnNetwork: { range: 0.9, asn: 0.8, asnTwice: 0.87, both: 0.93 },
  /** Known VPN servers in the same /24, or /64: one, two or three, four and more. */
  neighbours: { one: 0.6, few: 0.8, many: 0.85 },
  /**
   * Known VPN servers per announced IPv4 address of the network: below 1e-5, 1e-4, 1e-3, above. By how many publishers
   * have servers there: one (`LEAST_SERVERS_OF_ONE`), two, three or more. The strongest of this and the neighbours
   * counts, since both count the same servers. Alone it is never `vpnDetected`.
   */
  density: [[0.05, 0.25, 0.5, 0.7], [0.05, 0.4, 0.65, 0.8], [0.05, 0.45, 0.8, 0.89]],
  /** `published`: a list of hosting ranges. `listed`: a list of hosting networks (AS numbers). */
  hosting: { publishedAndListed: 0.5, published: 0.45, listedTwice: 0.4, listed: 0.27 },
  proxy: { publicProxy: 0.75 },
  abuse: { listed: 0.2 },
  /**
   * A VPN's name by reverse DNS, from the application. Alone it is suspicious: companies name their gateways so, and
   * there are no labelled data to measure it with. A hoster's name counts as `listed` does.
   */
  name: 0.4,
  relay: 0.2,
  /** A secure web gateway: employees, who did not choose it. No other evidence about its network counts. */
  gateway: 0.2,
  warp: 0.2,
  crawler: 0
} as const

/** Least scores. */
export const BANDS = { suspicious: 0.25, vpnLikely: 0.6, vpnDetected: 0.9 } as const

/** Where nothing but hosting, abuse lists and the hint of WARP speak, the score stays below `vpnLikely`. */
export const HOSTING_CEILING = 0.59

/**
 * What the package's own table of networks says without any VPN list stays below `vpnDetected`: nobody is blocked for a
 * network alone.
 */
export const NETWORK_CEILING = 0.89

/**
 * What one list alone says of a /16 or wider (IPv6: a /32), or of an AS number, stays below `vpnDetected`: one bad row
 * must not block an access network, nor a cloud.
 */
export const WIDE_CEILING = 0.89

/** Days after which about half of such a list is no longer right, where the list does not say. */
export const HALF_LIFE_DAYS: { readonly [K in ListKind]: number } = {
  'vpn-server': 60,
  'vpn-range': 365,
  'vpn-asn': 730,
  'tor-exit': 90,
  'public-proxy': 7,
  hosting: 365,
  'hosting-asn': 730,
  relay: 365,
  crawler: 365,
  abuse: 14
}

/** A list counts whole in the first quarter of its half-life, then fades exponentially: one half at the half-life. */
export function decay (ageDays: number, halfLifeDays: number): number {
  const grace = halfLifeDays / 4
  return ageDays <= grace ? 1 : 0.5 ** ((ageDays - grace) / (halfLifeDays - grace))
}

/**
 * In a network that nothing calls a hoster or a VPN's, neighbours and density weigh no more, so that they are never
 * `vpnLikely`, nor with an abuse list beside them: behind the other addresses there may be people.
 */
export const NEARBY_CEILING = 0.49

/** Announced IPv4 addresses. In a cloud of that size a density below 1e-3 is no more than one below 1e-4. */
const LARGE_CLOUD = 2 ** 20

/** The class of `WEIGHTS.density`, 0..3. */
export function densityClass (servers: number, announced: number): number {
  const density = servers / announced
  const found = density < 1e-5 ? 0 : density < 1e-4 ? 1 : density < 1e-3 ? 2 : 3
  return found === 2 && announced >= LARGE_CLOUD ? 1 : found
}

/** Servers that one publisher alone must have in a network before their density says something of it. */
export const LEAST_SERVERS_OF_ONE = { hoster: 2, other: 4 } as const

/**
 * Of what a snapshot keeps of a network: 0 nothing, else 1 + class, and 4 more for the second and third publisher. What
 * only a damaged file can hold weighs nothing.
 */
export function densityWeight (kept: number): number {
  return WEIGHTS.density[Math.floor((kept - 1) / 4)]?.[(kept - 1) % 4] ?? 0
}

/** Ranges and what is known of them: an `AddressList`, or something that is known without one. */
export interface LabelledRanges {
  readonly id: string
  readonly kind: MarkKind
  readonly ranges: Ranges
  readonly halfLifeDays: number
  readonly dateSeconds: number
}

/** Documentation networks may be labelled: they occur in tests and examples. */
const isAskedAbout = (scope: AddressScope): boolean => scope === 'public' || scope === 'documentation'

export const builtInLayers: readonly LabelledRanges[] = [
  {
    id: 'special-purpose',
    kind: 'not-public',
    ranges: rangesOf(networksOf(scope => !isAskedAbout(scope) && scope !== 'shared')),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'public-within-special-purpose',
    kind: 'public',
    ranges: rangesOf(networksOf(isAskedAbout)),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'shared-address-space',
    kind: 'cgnat',
    ranges: rangesOf(networksOf(scope => scope === 'shared')),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(specialPurposeDate) / 1000
  },
  {
    id: 'cloudflare',
    kind: 'hosting',
    ranges: rangesOf(cloudflareRanges),
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(cloudflareDate) / 1000
  },
  {
    id: 'public-services',
    kind: 'public-service',
    ranges: publicServices,
    halfLifeDays: Infinity,
    dateSeconds: Date.parse(publicServicesDate) / 1000
  }
]
