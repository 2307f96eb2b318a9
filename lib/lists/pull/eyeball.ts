import { type AsnPackage, readRangesOf } from '../asn/database.ts'
import { packagedAsnKinds } from '../asn/kinds.ts'
import type { AsnTable } from '../asn/table.ts'
import { type ListKind, mergeRanges, type Ranges } from '../sources/list.ts'
import { difference, intersection, type Stride, unitsOf } from '../sources/range-set.ts'

/** Large networks that sell internet access: people sit behind their addresses. */
export interface EyeballNetworks {
  readonly asns: ReadonlySet<number>
  /** What they announce: sorted, disjoint. */
  readonly ranges: Ranges
}

/** The 120 networks of the package's table, with the addresses that they announce. */
export function eyeballNetworks (
  table: AsnTable, asns: Iterable<number> = packagedAsnKinds().eyeball
): EyeballNetworks {
  const wanted = new Set(asns)
  const announced = (ranges: Uint32Array, owners: Uint32Array, stride: Stride): Uint32Array => {
    const words: number[] = []
    owners.forEach((owner, i) => {
      if (wanted.has(table.numbers[owner]!)) words.push(...ranges.subarray(stride * i, stride * (i + 1)))
    })
    return Uint32Array.from(words)
  }
  const ranges = { v4: announced(table.v4, table.v4Asn, 2), v6: announced(table.v6, table.v6Asn, 8) }
  return { asns: wanted, ranges: mergeRanges(ranges) }
}

/** The same, of a package whose other networks are not needed. Throws `BadList`. */
export function readEyeballNetworks (asnPackage: AsnPackage): EyeballNetworks {
  const asns = new Set(packagedAsnKinds().eyeball)
  return { asns, ranges: mergeRanges(readRangesOf(asnPackage, asns)) }
}

/** How much of the eyeball networks a list may name, in units of `unitsOf`. */
export interface EyeballLimit {
  /** In one row: more is no slip, and the list is refused. */
  readonly widest: number
  /** In one row: what is left as it is. More is cut out of the row, and costs trust. */
  readonly kept: number
  /** In all rows that were left as they are. */
  readonly most: number
}

// What the public lists name of the 120 networks in 2026. VPN ranges: four rows, 2,304 addresses, no IPv6. VPN servers
// and Tor exits: 20 and 11 single addresses. Hosting: 131,072 addresses and an IPv6 /29 in one row (hosters among the
// customers of an access network), which are cut out: hosting alone is never above suspicious.
const NETWORK: EyeballLimit = { widest: 2 ** 12, kept: 0, most: 0 }
const SERVERS: EyeballLimit = { widest: 2 ** 8, kept: 8, most: 256 }
export const eyeballLimits: Readonly<Record<ListKind, EyeballLimit>> = {
  'vpn-server': SERVERS,
  'vpn-range': NETWORK,
  'vpn-asn': NETWORK,
  'tor-exit': SERVERS,
  // Open proxies and abuse come from people's devices; their weight is below detected, and below suspicious.
  'public-proxy': { widest: 2 ** 8, kept: 8, most: Infinity },
  hosting: { widest: 2 ** 20, kept: 0, most: 0 },
  'hosting-asn': NETWORK,
  relay: NETWORK,
  crawler: NETWORK,
  abuse: { widest: 2 ** 16, kept: Infinity, most: Infinity }
}

/** What a range has of a set, and what is left of it without. */
export interface Cut { readonly units: number, readonly rest: readonly Uint32Array[] }

export function cutOut (range: Uint32Array, set: Uint32Array, stride: Stride): Cut {
  const parts = intersection(range, set, stride)
  if (parts.length === 0) return { units: 0, rest: [range] }
  return {
    units: parts.reduce((sum, part) => sum + unitsOf(part, stride), 0),
    rest: difference(range, parts, stride)
  }
}

/** Units of the eyeball networks that the ranges name, each as often as it is named. */
export function unitsAmong ({ v4, v6 }: Ranges, eyeball: Ranges): number {
  const count = (ranges: Uint32Array, set: Uint32Array, stride: Stride): number => {
    let units = 0
    for (let at = 0; at < ranges.length; at += stride) {
      units += cutOut(ranges.subarray(at, at + stride), set, stride).units
    }
    return units
  }
  return count(v4, eyeball.v4, 2) + count(v6, eyeball.v6, 8)
}
