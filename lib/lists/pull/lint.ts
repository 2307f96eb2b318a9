import { formatAddress, networksOf } from '../../ip/index.ts'
import { compareAddresses, type ListKind, mergeRanges, type Ranges, rangesOf } from '../sources/list.ts'
import type { ReadList } from '../sources/read-list.ts'

/** How much of the address space a list of one kind may claim. */
export interface CoverageLimit {
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
const special = rangesOf(networksOf(scope => scope !== 'public' && scope !== 'documentation'))

/** Whether private or reserved space is in the range of two words. */
export function overlapsSpecialV4 (range: Uint32Array): boolean {
  const { v4 } = special
  for (let i = 0; i < v4.length; i += 2) if (range[0]! <= v4[i + 1]! && range[1]! >= v4[i]!) return true
  return false
}

/** The same of eight words. */
export function overlapsSpecialV6 (range: Uint32Array): boolean {
  const { v6 } = special
  for (let i = 0; i < v6.length; i += 8) {
    if (compareAddresses(range, 0, v6, i + 4) <= 0 && compareAddresses(range, 4, v6, i) >= 0) return true
  }
  return false
}

/** AS number of the address whose words are given, 0 where nobody announces it. */
export type AsnLookup = (family: 4 | 6, words: ArrayLike<number>) => number

/**
 * Networks where people live that public hosting lists contained (Charter, SK Broadband, Rostelecom, MTN Nigeria,
 * Airtel).
 */
export const KNOWN_EYEBALL_ASNS: ReadonlySet<number> = new Set([11426, 9318, 12389, 29465, 36873])

/** More rows than this that cannot be right, and the whole list is not believed. */
export const MAX_WRONG_SHARE = 0.1
/** Of each per cent of wrong rows, trust loses this many per cent: at `MAX_WRONG_SHARE` half is left. */
const TRUST_LOST_PER_WRONG_SHARE = 5
/** A list that grew or shrank by more than this part of the old one is not believed. */
export const MAX_SIZE_CHANGE = 0.5

export interface LintOptions {
  readonly kind: ListKind
  /** Without it ranges are not compared with eyeball networks; AS numbers always are. */
  readonly asnOf?: AsnLookup
  /** Default: `KNOWN_EYEBALL_ASNS`. */
  readonly eyeballAsns?: ReadonlySet<number>
  /** Rows of the list that this one replaces. */
  readonly previousRows?: number
}

export interface LintReport {
  /** Why the list must not be used; empty when it may. */
  readonly refusals: readonly string[]
  /** What was left out. */
  readonly remarks: readonly string[]
  /** 1, less for rows that were left out. */
  readonly trust: number
  /** Rows that are right, in their order. */
  readonly ranges: Ranges
  readonly asns: readonly number[]
}

/**
 * Lists of whole networks. Of these an eyeball network is a mistake; servers, exits and proxies stand in people's
 * networks too, and abuse comes from there.
 */
export function isNetworkKind (kind: ListKind): boolean {
  return !['vpn-server', 'tor-exit', 'public-proxy', 'abuse'].includes(kind)
}

/**
 * Judges a list before it replaces another. Rows that cannot be right (not understood, special-purpose space, too wide,
 * in a known eyeball network) are left out and cost trust; too many of them, a coverage beyond its kind, or a sudden
 * change of size, and the list is refused.
 */
export function lintList (list: ReadList, options: LintOptions): LintReport {
  const { kind, asnOf, eyeballAsns = KNOWN_EYEBALL_ASNS, previousRows } = options
  const limits = coverageLimits[kind]
  const wrong = new Map<string, { count: number, example: string }>()
  const leaveOut = (why: string, example: () => string) => {
    const seen = wrong.get(why)
    if (seen === undefined) wrong.set(why, { count: 1, example: example() })
    else seen.count++
    return false
  }
  const isEyeball = (family: 4 | 6, first: ArrayLike<number>) =>
    asnOf !== undefined && isNetworkKind(kind) && eyeballAsns.has(asnOf(family, first))

  const v4 = kept(list.ranges.v4, 2, pair => {
    const shown = () => formatAddress(4, [0, 0, 0, pair[0]!])
    if (overlapsSpecialV4(pair)) return leaveOut('in private or reserved space', shown)
    if (v4Width(pair) > limits.widestV4) return leaveOut(`wider than a /${32 - limits.widestV4}`, shown)
    return isEyeball(4, [0, 0, 0, pair[0]!]) ? leaveOut('in a known eyeball network', shown) : true
  })
  const v6 = kept(list.ranges.v6, 8, pair => {
    const shown = () => formatAddress(6, pair)
    if (overlapsSpecialV6(pair)) return leaveOut('in private or reserved space', shown)
    if (v6Width(pair) > limits.widestV6) return leaveOut(`wider than a /${128 - limits.widestV6}`, shown)
    return isEyeball(6, pair) ? leaveOut('in a known eyeball network', shown) : true
  })
  const asns = list.asns.filter(asn => !eyeballAsns.has(asn) ||
    leaveOut('in a known eyeball network', () => `AS${asn}`))

  const wrongRows = list.rejectedRows + [...wrong.values()].reduce((sum, { count }) => sum + count, 0)
  const wrongShare = list.rows === 0 ? 0 : wrongRows / list.rows
  const remarks = [...wrong].map(([why, { count, example }]) => `${count} of ${list.rows} rows ${why} (${example})`)
  if (list.rejectedRows > 0) {
    remarks.unshift(`${list.rejectedRows} of ${list.rows} rows not understood (first: line ${list.rejected[0]!.line})`)
  }
  const refusals: string[] = []
  const covered = coveredV4(v4)
  if (list.rows === 0) refusals.push('it is empty')
  else if (wrongShare > MAX_WRONG_SHARE) refusals.push('too many of its rows cannot be right')
  else if ((list.asns.length > 0) !== kind.endsWith('-asn')) {
    refusals.push(`it has ${list.asns.length > 0
    ? 'AS numbers'
    : 'addresses'}, which its kind has not`)
  }
  if (covered > limits.mostV4) {
    refusals.push(`it covers ${describeWidth(covered)}, and its kind not more than ${describeWidth(limits.mostV4)}`)
  }
  if (previousRows !== undefined && Math.abs(list.rows - previousRows) > previousRows * MAX_SIZE_CHANGE) {
    refusals.push(`it has ${list.rows} rows, the one before had ${previousRows}`)
  }
  const trust = Math.max(0, Math.round(1000 - 1000 * TRUST_LOST_PER_WRONG_SHARE * wrongShare) / 1000)
  return { refusals, remarks, trust, ranges: { v4, v6 }, asns }
}

function kept (ranges: Uint32Array, stride: number, isRight: (range: Uint32Array) => boolean): Uint32Array {
  const right = new Uint32Array(ranges.length)
  let end = 0
  for (let at = 0; at < ranges.length; at += stride) {
    const range = ranges.subarray(at, at + stride)
    if (!isRight(range)) continue
    right.set(range, end)
    end += stride
  }
  return right.slice(0, end)
}

function coveredV4 (ranges: Uint32Array): number {
  const { v4 } = mergeRanges({ v4: ranges, v6: new Uint32Array(0) })
  let covered = 0
  for (let i = 0; i < v4.length; i += 2) covered += v4[i + 1]! - v4[i]! + 1
  return covered
}
