import type { AsnLookup } from '../pull/lint.ts'
import { announcerOf, type AsnTable } from './table.ts'

/** Who announces an address, of both families. The table's ranges must be ascending. */
export function asnLookup (table: AsnTable): AsnLookup {
  return (family, words) => {
    const at = family === 4 ? announcerOf(table, words[3]!) : announcerOf6(table, words)
    return at < 0 ? 0 : table.numbers[at]!
  }
}

function announcerOf6 ({ v6, v6Asn }: AsnTable, address: ArrayLike<number>): number {
  let low = 0
  let high = v6Asn.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(v6, 8 * middle, address) <= 0) low = middle + 1
    else high = middle
  }
  return low > 0 && compare(v6, 8 * low - 4, address) >= 0 ? v6Asn[low - 1]! : -1
}

function compare (table: Uint32Array, at: number, address: ArrayLike<number>): number {
  for (let i = 0; i < 4; i++) {
    const difference = table[at + i]! - address[i]!
    if (difference !== 0) return difference
  }
  return 0
}
