import { parseCidr } from '../../ip/index.ts'

/** What a list of addresses is, once read: the seam between reading lists and making one map of them. */

/**
 * Address ranges, first and last address of each: one word an IPv4 address, four words an IPv6 one. Unsorted, may
 * overlap.
 */
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
  /** Short and unique: `x4bnet-vpn-v4`. Shown in signal details and in `ip-risk lists info`. */
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
  /**
   * Unix seconds each range was last seen, in the order of `ranges.v4` then `ranges.v6`; absent: all at `dateSeconds`.
   */
  readonly lastSeenSeconds?: Uint32Array
  /** 0..1, lowered by the linter. Default 1. */
  readonly trust?: number
}

export const NO_RANGES: Ranges = { v4: new Uint32Array(0), v6: new Uint32Array(0) }

/** Addresses and CIDRs as ranges, in their order. Throws the `RangeError` of `parseCidr`, which names the text. */
export function rangesOf (cidrs: Iterable<string>): Ranges {
  const v4: number[] = []
  const v6: number[] = []
  for (const text of cidrs) {
    const { family, words, prefix } = parseCidr(text)
    if (family === 4) v4.push(words[3], words[3] + 2 ** (32 - prefix) - 1)
    else v6.push(...words, ...words.map((word, i) => (word | hostMask(prefix - 32 * i)) >>> 0))
  }
  return { v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }
}

/** The bits of one word right of a prefix of that many of its bits. */
function hostMask (prefix: number): number {
  if (prefix <= 0) return 0xffffffff
  return prefix >= 32 ? 0 : 0xffffffff >>> prefix
}

/** The same addresses as sorted, disjoint ranges that do not touch. */
export function mergeRanges (ranges: Ranges): Ranges {
  return { v4: mergeV4(ranges.v4), v6: mergeV6(ranges.v6) }
}

function mergeV4 (pairs: Uint32Array): Uint32Array {
  const order = sorted(pairs.length / 2, (a, b) => pairs[2 * a]! - pairs[2 * b]!)
  const merged = new Uint32Array(pairs.length)
  let end = 0
  for (const at of order) {
    const first = pairs[2 * at]!
    const last = pairs[2 * at + 1]!
    if (end > 0 && first <= merged[end - 1]! + 1) {
      if (last > merged[end - 1]!) merged[end - 1] = last
    } else {
      merged[end++] = first
      merged[end++] = last
    }
  }
  return merged.slice(0, end)
}

function mergeV6 (pairs: Uint32Array): Uint32Array {
  const order = sorted(pairs.length / 8, (a, b) => compareAddresses(pairs, 8 * a, pairs, 8 * b))
  const merged = new Uint32Array(pairs.length)
  let end = 0
  for (const at of order) {
    const first = 8 * at
    if (end > 0 && !isBeyond(pairs, first, merged, end - 4)) {
      if (compareAddresses(pairs, first + 4, merged, end - 4) > 0) {
        merged.set(pairs.subarray(first + 4, first + 8), end - 4)
      }
    } else {
      merged.set(pairs.subarray(first, first + 8), end)
      end += 8
    }
  }
  return merged.slice(0, end)
}

function sorted (count: number, compare: (a: number, b: number) => number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i).sort(compare)
}

/** Sign of the difference of two IPv6 addresses. */
function compareAddresses (a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether at least one address lies between `last` and the later `first`. */
function isBeyond (first: Uint32Array, firstAt: number, last: Uint32Array, lastAt: number): boolean {
  const next = last.slice(lastAt, lastAt + 4)
  for (let i = 3; i >= 0; i--) {
    next[i]!++
    if (next[i] !== 0) return compareAddresses(first, firstAt, next, 0) > 0
  }
  return false
}
