import type { AsnTable } from '../../lib/lists/asn/table.ts'
import type { AddressList } from '../../lib/lists/sources/list.ts'

/** Which lists contain an address, each list asked alone: sorted by first address, with the farthest last address up to each. */

export interface SlowLists {
  /** `ids sorted,… AS64500 name`. */
  answer (family: 4 | 6, address: readonly number[]): string
  /** Four words each: before, at and behind the first and the last address of ranges, from all over the lists. */
  borders (limit: number): Iterable<readonly [4 | 6, readonly number[]]>
}

interface Sorted<T> { readonly firsts: readonly T[], readonly farthest: readonly T[] }
interface Tagged<T> extends Sorted<T> { readonly tags: readonly number[] }

export function referenceOf (lists: readonly AddressList[], table: AsnTable): SlowLists {
  const sorted = lists
    .map(list => ({ id: list.id, asns: new Set(list.asns), v4: sort(pairs4(list.ranges.v4)), v6: sort(pairs6(list.ranges.v6)) }))
    .sort((a, b) => a.id < b.id ? -1 : 1)
  const networks4 = sort(pairs4(table.v4).map(([first, last], i) => [first, last, table.v4Asn[i]!] as const))
  const networks6 = sort(pairs6(table.v6).map(([first, last], i) => [first, last, table.v6Asn[i]!] as const))

  function answer (family: 4 | 6, address: readonly number[]): string {
    if (family === 4) return said(address[3]!, list => list.v4, networks4)
    return said(big(address), list => list.v6, networks6)
  }

  function said<T extends number | bigint> (address: T, part: (list: typeof sorted[number]) => Sorted<T>, networks: Tagged<T>): string {
    const at = holds(networks, address)
    const asn = at < 0 ? 0 : table.numbers[networks.tags[at]!]!
    const ids: string[] = []
    for (const list of sorted) if (holds(part(list), address) >= 0 || list.asns.has(asn)) ids.push(list.id)
    return `${ids.join()} AS${asn} ${at < 0 ? '' : table.names[networks.tags[at]!]}`
  }

  function * borders (limit: number): Generator<readonly [4 | 6, readonly number[]]> {
    const all4 = [...lists.flatMap(list => pairs4(list.ranges.v4)), ...pairs4(table.v4)]
    const all6 = [...lists.flatMap(list => pairs6(list.ranges.v6)), ...pairs6(table.v6)]
    const step = Math.max(1, Math.floor((all4.length + all6.length) * 6 / limit))
    let given = 0
    for (let i = 0; given < limit; i += step) {
      const range = i < all4.length ? all4[i] : all6[i - all4.length]
      if (range === undefined) return
      for (const edge of [range[0], range[1]]) {
        for (const by of [-1, 0, 1]) {
          const address = typeof edge === 'number' ? edge + by : edge + BigInt(by)
          if (address < 0 || address >= (typeof edge === 'number' ? 2 ** 32 : 1n << 128n)) continue
          if (given++ === limit) return
          yield typeof address === 'number' ? [4, [0, 0, 0, address]] : [6, split(address)]
        }
      }
    }
  }

  return { answer, borders }
}

function sort<T extends number | bigint> (ranges: readonly (readonly [T, T, number?])[]): Tagged<T> {
  const inOrder = [...ranges].sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)
  const farthest: T[] = []
  for (const [, last] of inOrder) farthest.push(farthest.length > 0 && farthest.at(-1)! > last ? farthest.at(-1)! : last)
  return { firsts: inOrder.map(([first]) => first), farthest, tags: inOrder.map(([, , tag = 0]) => tag) }
}

/** The last range that starts not above the address, if one that starts there or before reaches it; else -1. */
function holds<T> ({ firsts, farthest }: Sorted<T>, address: T): number {
  let low = -1
  let high = firsts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (firsts[middle]! > address) high = middle
    else low = middle
  }
  return low >= 0 && farthest[low]! >= address ? low : -1
}

function pairs4 (v4: Uint32Array): [number, number][] {
  return Array.from({ length: v4.length / 2 }, (_, i) => [v4[2 * i]!, v4[2 * i + 1]!])
}

function pairs6 (v6: Uint32Array): [bigint, bigint][] {
  return Array.from({ length: v6.length / 8 }, (_, i) => [big(v6.subarray(8 * i, 8 * i + 4)), big(v6.subarray(8 * i + 4, 8 * i + 8))])
}

function big (address: ArrayLike<number>): bigint {
  return (BigInt(address[0]!) << 96n) | (BigInt(address[1]!) << 64n) | (BigInt(address[2]!) << 32n) | BigInt(address[3]!)
}

function split (address: bigint): number[] {
  return [96n, 64n, 32n, 0n].map(shift => Number(address >> shift & 0xffffffffn))
}
