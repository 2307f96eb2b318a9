import { upperBound } from '../../util/index.ts'

/** Which network announces an address. Ranges do not overlap. */
export interface AsnTable {
  /** `@ip-location-db/asn 2.3.2026061719`. */
  readonly source: string
  /** AS numbers, ascending. */
  readonly numbers: Uint32Array
  /** One name each. */
  readonly names: readonly string[]
  /** first, last, first, last, … */
  readonly v4: Uint32Array
  /** Of each range the index into `numbers`. */
  readonly v4Asn: Uint32Array
  /** four words first, four words last, … */
  readonly v6: Uint32Array
  readonly v6Asn: Uint32Array
}

/** IPv4 addresses that each network announces, in the order of `numbers`. */
export function announcedAddresses (table: AsnTable): Float64Array {
  const announced = new Float64Array(table.numbers.length)
  table.v4Asn.forEach((asn, i) => { announced[asn]! += table.v4[2 * i + 1]! - table.v4[2 * i]! + 1 })
  return announced
}

/** Index into `numbers` of the network that announces the IPv4 address, or -1. The table's ranges must be ascending. */
export function announcerOf (table: AsnTable, address: number): number {
  const after = upperBound(table.v4, address, 0, table.v4Asn.length, 2)
  return after > 0 && address <= table.v4[2 * after - 1]! ? table.v4Asn[after - 1]! : -1
}

/** Index of the number in an ascending array, or -1. */
export function indexOfNumber (sorted: Uint32Array, value: number): number {
  const last = upperBound(sorted, value) - 1
  return sorted[last] === value ? last : -1
}
