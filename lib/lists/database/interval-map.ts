import { words } from '../../ip/index.ts'

/**
 * Which label an address has: disjoint intervals, each from its start to the next one's. The first interval starts at
 * zero. Both families narrow the search by a 16-bit index first; `index[b]..index[b + 1]` are the intervals that start
 * in bucket `b`.
 */
export interface IntervalMap {
  readonly v4: IntervalMap4
  readonly v6: IntervalMap6
}
export interface IntervalMap4 {
  readonly index: Uint32Array
  /** Low 16 bits of each start; the bucket is the high 16. */
  readonly starts: Uint16Array
  readonly labels: Uint32Array
}
export interface IntervalMap6 {
  readonly index: Uint32Array
  /** High 64 bits of each start, two words each. */
  readonly high: Uint32Array
  /** Low 64 bits of the starts that are not on a /64 boundary: two words each, in the order of `lowAt`. */
  readonly low: Uint32Array
  /** Which starts those are, ascending. */
  readonly lowAt: Uint32Array
  readonly labels: Uint32Array
}

export const BUCKETS = 65536

/**
 * Global unicast (2000::/3) fills all buckets, 13 to 28 bits deep in its first word; what lies outside falls into the
 * first or last.
 */
export function bucket6 (word: number): number {
  if (word < 0x20000000) return 0
  return word >= 0x40000000 ? BUCKETS - 1 : (word >>> 13) & 0xffff
}

/** The label of the address in `words`. */
export function findLabel (map: IntervalMap, family: 4 | 6): number {
  return family === 4 ? find4(map.v4, words[3]!) : find6(map.v6)
}

function find4 (map: IntervalMap4, value: number): number {
  const { index, starts } = map
  const bucket = value >>> 16
  const wanted = value & 0xffff
  let low = index[bucket]!
  let high = index[bucket + 1]!
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! <= wanted) low = middle + 1
    else high = middle
  }
  return map.labels[low - 1]!
}

function find6 (map: IntervalMap6): number {
  const w0 = words[0]!
  const w1 = words[1]!
  const { index, high: starts } = map
  const bucket = bucket6(w0)
  let low = index[bucket]!
  let high = index[bucket + 1]!
  while (low < high) {
    const middle = (low + high) >>> 1
    const start0 = starts[2 * middle]!
    const start1 = starts[2 * middle + 1]!
    if (start0 < w0 || (start0 === w0 && (start1 < w1 || (start1 === w1 && lowNotAbove(map, middle))))) low = middle + 1
    else high = middle
  }
  return map.labels[low - 1]!
}

/**
 * Whether the low 64 bits of start `at` are not above those in `words`; asked only when the high 64 are equal, so
 * seldom.
 */
function lowNotAbove (map: IntervalMap6, at: number): boolean {
  const { low: parts, lowAt } = map
  let low = 0
  let high = lowAt.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (lowAt[middle]! < at) low = middle + 1
    else high = middle
  }
  if (lowAt[low] !== at) return true
  const part = parts[2 * low]!
  return part < words[2]! || (part === words[2] && parts[2 * low + 1]! <= words[3]!)
}
