import type { Ranges } from './list.ts'

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
      if (compareAddresses(pairs, first + 4, merged, end - 4) > 0) merged.set(pairs.subarray(first + 4, first + 8), end - 4)
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
export function compareAddresses (a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): number {
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
