import { words } from '../../ip/index.ts'
import { upperBound } from '../../util/index.ts'

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

/**
 * The starts of a map, each in the high 16 bits of a word: the low 16 are free for what is known of the interval, which
 * is then near when the start is found.
 */
export function packStarts ({ starts }: IntervalMap4): Uint32Array {
  // A loop: `Uint32Array.from` takes a hundred times as long, in which no request is answered.
  const packed = new Uint32Array(starts.length)
  for (let i = 0; i < packed.length; i++) packed[i] = starts[i]! * 0x10000
  return packed
}

/** So many starts are counted, not searched: about as many as a processor compares while it mispredicts one branch. */
const COUNTED = 8

/** Which interval has the IPv4 address in `words`: an index into `packed` and `labels`. */
export function findInterval4 (index: Uint32Array, packed: Uint32Array): number {
  const value = words[3]!
  const bucket = value >>> 16
  const above = (value & 0xffff) + 1
  const first = index[bucket]!
  const end = index[bucket + 1]!
  let low = first
  let high = end
  while (high - low > COUNTED) {
    const middle = (low + high) >>> 1
    if (packed[middle]! >>> 16 < above) low = middle + 1
    else high = middle
  }
  if (end - first < COUNTED) {
    let before = low - 1
    for (; low < high; low++) before += ((packed[low]! >>> 16) - above) >>> 31
    return before
  }
  // Those beside the ones that are left are in the bucket too, and compare right: eight of them, without a branch.
  if (low > end - COUNTED) low = end - COUNTED
  return low - 1 +
    (((packed[low]! >>> 16) - above) >>> 31) + (((packed[low + 1]! >>> 16) - above) >>> 31) +
    (((packed[low + 2]! >>> 16) - above) >>> 31) + (((packed[low + 3]! >>> 16) - above) >>> 31) +
    (((packed[low + 4]! >>> 16) - above) >>> 31) + (((packed[low + 5]! >>> 16) - above) >>> 31) +
    (((packed[low + 6]! >>> 16) - above) >>> 31) + (((packed[low + 7]! >>> 16) - above) >>> 31)
}

/** The same for the IPv6 address in `words`. */
export function findInterval6 (map: IntervalMap6): number {
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
  return low - 1
}

/**
 * Whether the low 64 bits of start `at` are not above those in `words`; asked only when the high 64 are equal, so
 * seldom.
 */
function lowNotAbove (map: IntervalMap6, at: number): boolean {
  const { low: parts, lowAt } = map
  const low = upperBound(lowAt, at) - 1
  if (lowAt[low] !== at) return true
  const part = parts[2 * low]!
  return part < words[2]! || (part === words[2] && parts[2 * low + 1]! <= words[3]!)
}
