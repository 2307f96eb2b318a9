import { networksOf } from '../../ip/index.ts'
import { type ListKind, mergeRanges, rangesOf } from '../sources/list.ts'
import { intersects, type Stride } from '../sources/range-set.ts'

/** How much of the address space a list of one kind may claim. */
interface CoverageLimit {
  /** Bits of the widest single range: 16 is an IPv4 /16. */
  readonly widestV4: number
  readonly widestV6: number
  /** IPv4 addresses in all. */
  readonly mostV4: number
}

// Each about four times what the public lists of that kind hold in 2026: 377 M addresses and a /9 for hosting, 3.1 M
// and a /16 for VPN ranges, 107 k and a /22 for the relay. AS numbers have no width.
export const coverageLimits: Readonly<Record<ListKind, CoverageLimit>> = {
  'vpn-server': { widestV4: 8, widestV6: 64, mostV4: 2 ** 17 },
  'vpn-range': { widestV4: 18, widestV6: 100, mostV4: 2 ** 24 },
  'vpn-asn': { widestV4: 0, widestV6: 0, mostV4: 0 },
  'tor-exit': { widestV4: 8, widestV6: 64, mostV4: 2 ** 16 },
  'public-proxy': { widestV4: 8, widestV6: 64, mostV4: 2 ** 20 },
  hosting: { widestV4: 24, widestV6: 105, mostV4: 2 ** 30 },
  'hosting-asn': { widestV4: 0, widestV6: 0, mostV4: 0 },
  relay: { widestV4: 14, widestV6: 98, mostV4: 2 ** 21 },
  crawler: { widestV4: 16, widestV6: 98, mostV4: 2 ** 20 },
  abuse: { widestV4: 22, widestV6: 100, mostV4: 2 ** 26 }
}

/** Bits of the smallest prefix that holds the range. */
export function v4Width (pair: ArrayLike<number>): number {
  return 32 - Math.clz32((pair[0]! ^ pair[1]!) >>> 0)
}

export function v6Width (pair: ArrayLike<number>): number {
  for (let i = 0; i < 4; i++) {
    const difference = (pair[i]! ^ pair[i + 4]!) >>> 0
    if (difference !== 0) return 128 - 32 * i - Math.clz32(difference)
  }
  return 0
}

export function describeWidth (addresses: number): string {
  return `${addresses} IPv4 addresses (${(100 * addresses / 2 ** 32).toPrecision(2)} % of all)`
}

// No visitor comes from there. The documentation networks are left out: they never occur on the internet, and examples
// and tests make lists of them.
const special = mergeRanges(rangesOf(networksOf(scope => scope !== 'public' && scope !== 'documentation')))

/** Whether private or reserved space is in the range. */
export function overlapsSpecial (range: Uint32Array, stride: Stride): boolean {
  return intersects(range, stride === 2 ? special.v4 : special.v6, stride)
}

export function coveredV4 (ranges: Uint32Array): number {
  const { v4 } = mergeRanges({ v4: ranges, v6: new Uint32Array(0) })
  let covered = 0
  for (let i = 0; i < v4.length; i += 2) covered += v4[i + 1]! - v4[i]! + 1
  return covered
}
