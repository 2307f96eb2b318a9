import { compareRow, upperBoundOfRows } from '../../util/index.ts'

/** Sets of address ranges: sorted, disjoint, as `mergeRanges` makes them. `stride`: words of a range, 2 or 8. */
export type Stride = 2 | 8

/** An IPv4 address counts one; of IPv6 a /48 does, the least that a site gets (RFC 6177), and a part of one as one. */
export function unitsOf (range: ArrayLike<number>, stride: Stride): number {
  return stride === 2 ? range[1]! - range[0]! + 1 : siteOf(range, 4) - siteOf(range, 0) + 1
}

/** The high 48 bits of an IPv6 address, as a number. */
function siteOf (range: ArrayLike<number>, at: number): number {
  return range[at]! * 0x10000 + (range[at + 1]! >>> 16)
}

/** The parts of the range that are in the set. */
export function intersection (range: Uint32Array, set: Uint32Array, stride: Stride): Uint32Array[] {
  const words = stride / 2
  const [first, last] = [range.subarray(0, words), range.subarray(words, stride)]
  const parts: Uint32Array[] = []
  for (let at = firstEndingAtOrAfter(range, set, stride); at < set.length; at += stride) {
    if (compareRow(set, at, last) > 0) break
    const part = range.slice()
    if (compareRow(set, at, first) > 0) part.set(set.subarray(at, at + words), 0)
    if (compareRow(set, at + words, last) < 0) part.set(set.subarray(at + words, at + stride), words)
    parts.push(part)
  }
  return parts
}

/** The parts of the range that are in none of the given parts of it, which are ascending and disjoint. */
export function difference (range: Uint32Array, parts: readonly Uint32Array[], stride: Stride): Uint32Array[] {
  const words = stride / 2
  const rest: Uint32Array[] = []
  const current = range.slice()
  for (const part of parts) {
    if (compareRow(part, 0, current.subarray(0, words)) > 0) {
      const before = current.slice()
      before.set(part.subarray(0, words), words)
      step(before, words, words, -1)
      rest.push(before)
    }
    current.set(part.subarray(words, stride), 0)
    if (compareRow(current, 0, range.subarray(words, stride)) >= 0) return rest
    step(current, 0, words, 1)
  }
  return [...rest, current]
}

/** Whether the set has an address of the range. */
export function intersects (range: Uint32Array, set: Uint32Array, stride: Stride): boolean {
  const at = firstEndingAtOrAfter(range, set, stride)
  return at < set.length && compareRow(set, at, range.subarray(stride / 2, stride)) <= 0
}

/** Where the first range of the set begins that ends at the first address of this one or after it. */
function firstEndingAtOrAfter (range: Uint32Array, set: Uint32Array, stride: Stride): number {
  const words = stride / 2
  const first = range.subarray(0, words)
  const after = upperBoundOfRows(set, first, stride) * stride
  return after > 0 && compareRow(set, after - words, first) >= 0 ? after - stride : after
}

/** One address further, or back. */
function step (range: Uint32Array, at: number, words: number, by: 1 | -1): void {
  for (let i = at + words - 1; i >= at; i--) {
    range[i] = range[i]! + by
    if (range[i] !== (by === 1 ? 0 : 0xffffffff)) return
  }
}
