import { words } from './address.ts'
import type { Cidr } from './cidr.ts'

/** A set of networks, asked about the address that was parsed last. Immutable; overlapping networks are merged. */
export interface RangeSet {
  /** Whether the address that stands in `words` is inside. `family` as `parseAddress` said. */
  has (family: 4 | 6): boolean
  /** Disjoint ranges kept, of both families. */
  readonly size: number
}

/** Binary search in sorted, disjoint ranges; IPv4 in one word, IPv6 in four. */
export function rangeSet (cidrs: Iterable<Cidr>): RangeSet {
  const all = [...cidrs]
  const v4 = merged(all.filter(cidr => cidr.family === 4))
  const v6 = merged(all.filter(cidr => cidr.family === 6))
  const v4First = Uint32Array.from(v4, range => Number(range.first))
  const v4Last = Uint32Array.from(v4, range => Number(range.last))
  const v6First = flat(v6.map(range => range.first))
  const v6Last = flat(v6.map(range => range.last))
  return {
    size: v4.length + v6.length,
    has (family) {
      if (family === 4) {
        const at = lastNotAbove4(v4First, words[3]!)
        return at >= 0 && words[3]! <= v4Last[at]!
      }
      const at = lastNotAbove6(v6First)
      return at >= 0 && compareToWords(v6Last, at) >= 0
    }
  }
}

interface Range { first: bigint, last: bigint }

function merged (cidrs: Cidr[]): Range[] {
  const ranges = cidrs.map(cidr => {
    const first = cidr.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    const hostBits = BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix)
    return { first, last: first | ((1n << hostBits) - 1n) }
  }).sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0)
  const disjoint: Range[] = []
  for (const range of ranges) {
    const before = disjoint.at(-1)
    if (before !== undefined && range.first <= before.last + 1n) {
      if (range.last > before.last) before.last = range.last
    } else disjoint.push(range)
  }
  return disjoint
}

function flat (values: bigint[]): Uint32Array {
  const array = new Uint32Array(values.length * 4)
  values.forEach((value, i) => {
    for (let word = 0; word < 4; word++) array[4 * i + word] = Number((value >> BigInt(96 - 32 * word)) & 0xffffffffn)
  })
  return array
}

function lastNotAbove4 (sorted: Uint32Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}

function lastNotAbove6 (sorted: Uint32Array): number {
  let low = 0
  let high = sorted.length >>> 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareToWords(sorted, middle) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Sign of `array[at] - words`, four words each. */
function compareToWords (array: Uint32Array, at: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = array[4 * at + i]! - words[i]!
    if (difference !== 0) return difference
  }
  return 0
}
