import { words } from './address.ts'
import type { Cidr } from './cidr.ts'

/** A number for every address: what the networks say that contain it. Immutable. */
export interface RangeMap {
  /** Of the address that stands in `words`. `family` as `parseAddress` said. */
  at (family: 4 | 6): number
}

export interface RangeMapEntry { readonly cidr: Cidr, readonly value: number }

export type Combine = (outer: number, inner: number) => number

/**
 * One search answers for all networks at once. Networks nest or are disjoint: `combine` is called from the widest
 * to the narrowest, `ground` being what holds where no network is. Values are 16 bits.
 */
export function rangeMap (entries: Iterable<RangeMapEntry>, ground: number, combine: Combine): RangeMap {
  const all = [...entries]
  const v4 = segments(all.filter(entry => entry.cidr.family === 4), 32, ground, combine)
  const v6 = segments(all.filter(entry => entry.cidr.family === 6), 128, ground, combine)
  const starts4 = Uint32Array.from(v4, segment => Number(segment.start))
  const values4 = Uint16Array.from(v4, segment => segment.value)
  const buckets = firstSegmentOfEachOctet(starts4)
  const starts6 = new Uint32Array(v6.length * 4)
  v6.forEach((segment, i) => {
    for (let word = 0; word < 4; word++) starts6[4 * i + word] = Number((segment.start >> BigInt(96 - 32 * word)) & 0xffffffffn)
  })
  const values6 = Uint16Array.from(v6, segment => segment.value)
  return {
    at (family) {
      if (family === 6) return values6[lastNotAbove(starts6)]!
      const address = words[3]!
      let low = buckets[address >>> 24]!
      let high = buckets[(address >>> 24) + 1]!
      while (low < high) {
        const middle = (low + high + 1) >>> 1
        if (starts4[middle]! <= address) low = middle
        else high = middle - 1
      }
      return values4[low]!
    }
  }
}

interface Segment { readonly start: bigint, readonly value: number }

/** The whole address space, cut wherever the value changes; the first segment starts at 0. */
function segments (entries: RangeMapEntry[], width: 32 | 128, ground: number, combine: Combine): Segment[] {
  const sorted = entries.map(({ cidr, value }) => {
    const first = cidr.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    return { first, end: first + (1n << BigInt(width - cidr.prefix)), value }
  }).sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : a.end > b.end ? -1 : a.end < b.end ? 1 : 0)
  const cut: Segment[] = []
  const open: { end: bigint, value: number }[] = [{ end: 1n << BigInt(width), value: ground }]
  const add = (start: bigint, value: number) => {
    if (cut.at(-1)?.start === start) cut.pop()
    if (cut.at(-1)?.value !== value) cut.push({ start, value })
  }
  add(0n, ground)
  const closeUntil = (address: bigint) => {
    while (open.at(-1)!.end <= address && open.length > 1) add(open.pop()!.end, open.at(-1)!.value)
  }
  for (const { first, end, value } of sorted) {
    closeUntil(first)
    const combined = combine(open.at(-1)!.value, value)
    add(first, combined)
    open.push({ end, value: combined })
  }
  const last = 1n << BigInt(width)
  closeUntil(last)
  return cut.filter(segment => segment.start < last)
}

/** For each first octet, the segment that its first address is in; one more for the end. */
function firstSegmentOfEachOctet (starts: Uint32Array): Uint32Array {
  const buckets = new Uint32Array(257)
  let at = 0
  for (let octet = 0; octet < 256; octet++) {
    while (at + 1 < starts.length && starts[at + 1]! <= octet * 0x1000000) at++
    buckets[octet] = at
  }
  buckets[256] = starts.length - 1
  return buckets
}

/** Index of the last segment whose four words do not exceed the address; the first segment starts at zero, so there is one. */
function lastNotAbove (starts: Uint32Array): number {
  let low = 0
  let high = (starts.length >>> 2) - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (startsAfter(starts, middle * 4)) high = middle - 1
    else low = middle
  }
  return low
}

function startsAfter (starts: Uint32Array, at: number): boolean {
  for (let i = 0; i < 4; i++) {
    const start = starts[at + i]!
    const word = words[i]!
    if (start !== word) return start > word
  }
  return false
}
