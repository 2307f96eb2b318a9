import { type AddressList, mergeRanges, type Ranges } from '../sources/list.ts'
import { intersects, type Stride } from '../sources/range-set.ts'

/**
 * Which ranges of a list are part of something wide: an IPv4 /16, or an IPv6 /32, that the list names to a quarter or
 * more, in one range or in many. No list alone makes so much `vpn_detected`.
 *
 * A /16 has 65,536 addresses, so as many customers of an access network. In IPv6 a customer gets a /48 at most (RFC
 * 6177), of which a /32 has as many, and a /32 is the least that a registry allocates to an access network. A quarter,
 * because a range of 65,536 addresses that begins anywhere has half of them in one /16.
 */
const WINDOW_BITS = 16
const WIDE_SHARE = 1 / 4

const known = new WeakMap<AddressList, Uint8Array>()

/** 1 or 0 for each range, in the order of `ranges.v4` then `ranges.v6`. Own labels (without age) are never wide. */
export function wideRanges (list: AddressList): Uint8Array {
  let flags = known.get(list)
  if (flags === undefined) known.set(list, flags = flagsOf(list))
  return flags
}

function flagsOf ({ ranges: { v4, v6 }, halfLifeDays, kind }: AddressList): Uint8Array {
  const flags = new Uint8Array(v4.length / 2 + v6.length / 8)
  if (!Number.isFinite(halfLifeDays) || !['vpn-server', 'vpn-range', 'tor-exit'].includes(kind)) return flags
  const wide = wideParts({ v4, v6 })
  for (let i = 0; 2 * i < v4.length; i++) flags[i] = Number(intersects(v4.subarray(2 * i, 2 * i + 2), wide.v4, 2))
  for (let i = 0; 8 * i < v6.length; i++) {
    flags[v4.length / 2 + i] = Number(intersects(v6.subarray(8 * i, 8 * i + 8), wide.v6, 8))
  }
  return flags
}

function wideParts (ranges: Ranges): Ranges {
  const { v4, v6 } = mergeRanges(ranges)
  return { v4: wideOf(v4, 2, 32 - WINDOW_BITS), v6: wideOf(v6, 8, 32) }
}

/** Of sorted, disjoint ranges those that touch a wide window: addresses that agree in their first `bits` bits. */
function wideOf (ranges: Uint32Array, stride: Stride, bits: number): Uint32Array {
  const windowOf = (word: number): number => word >>> (32 - bits)
  /** Where in its window an address is, 0 to just below 1. */
  const placeOf = (at: number): number => stride === 2
    ? (ranges[at]! & 0xffff) / 0x10000
    : ranges[at + 1]! / 2 ** 32
  const smallest = stride === 2 ? 2 ** -16 : 2 ** -32
  const covered = new Map<number, number>()
  const cover = (window: number, share: number): void => {
    covered.set(window, (covered.get(window) ?? 0) + share)
  }
  for (let at = 0; at < ranges.length; at += stride) {
    const end = at + stride / 2
    const first = windowOf(ranges[at]!)
    const last = windowOf(ranges[end]!)
    if (first === last) cover(first, placeOf(end) - placeOf(at) + smallest)
    else {
      cover(first, 1 - placeOf(at))
      cover(last, placeOf(end) + smallest)
    }
  }
  const wide: number[] = []
  for (let at = 0; at < ranges.length; at += stride) {
    const first = windowOf(ranges[at]!)
    const last = windowOf(ranges[at + stride / 2]!)
    // A window between the two is covered whole.
    if (last - first > 1 || covered.get(first)! >= WIDE_SHARE || covered.get(last)! >= WIDE_SHARE) {
      for (let i = 0; i < stride; i++) wide.push(ranges[at + i]!)
    }
  }
  return Uint32Array.from(wide)
}
