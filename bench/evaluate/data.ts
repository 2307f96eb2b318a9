import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { formatAddress } from '../../lib/ip/address.ts'
import { findAsnPackage, readAsnTable } from '../../lib/lists/asn/database.ts'
import type { AsnTable } from '../../lib/lists/asn/table.ts'
import { readList } from '../../lib/lists/sources/read-list.ts'
import { exampleIsps } from '../../scripts/asn-kinds.ts'
import { type ExampleList, exampleLists, exampleProviders, exampleRoot } from '../../scripts/example-lists.ts'

export interface Data {
  readonly lists: readonly ExampleList[]
  /** VPN providers that publish their servers: one is left out at a time. */
  readonly providers: readonly string[]
  /** AS numbers of networks that sell access, as one list says; hosters among them are not taken out. */
  readonly isps: readonly number[]
  /** AS numbers of universities and schools. */
  readonly education: readonly number[]
  readonly table: AsnTable
}

/** Undefined where the folder or the package of AS numbers is missing. */
export function readData (folder: string | undefined): Data | undefined {
  const root = folder === undefined ? exampleRoot : pathToFileURL(`${resolve(folder)}/`)
  const asnPackage = findAsnPackage()
  if (root === undefined || !existsSync(root) || asnPackage === undefined) return undefined
  return {
    lists: exampleLists(root),
    providers: exampleProviders(root),
    isps: exampleIsps(root),
    education: readList(readFileSync(new URL('oxl/asn-kind_education.txt', root))).asns,
    table: readAsnTable(asnPackage)
  }
}

/** The lists that the provider itself publishes, as of today. */
function ownLists (lists: readonly ExampleList[], provider: string): ExampleList[] {
  return lists.filter(list => list.publisher === provider && list.id === provider)
}

export function serversOf (lists: readonly ExampleList[], provider: string): number[] {
  return addressesOf(ownLists(lists, provider))
}

/** IPv6: the first address of each range. */
export function servers6Of (lists: readonly ExampleList[], provider: string): string[] {
  const servers = ownLists(lists, provider).flatMap(({ ranges: { v6 } }) =>
    Array.from({ length: v6.length / 8 }, (_, i) => formatAddress(6, v6.subarray(8 * i, 8 * i + 4))))
  return [...new Set(servers)]
}

/** Every IPv4 address of the lists, once. */
export function addressesOf (lists: readonly ExampleList[]): number[] {
  const addresses = new Set<number>()
  for (const { ranges: { v4 } } of lists) {
    for (let i = 0; i < v4.length; i += 2) for (let address = v4[i]!; address <= v4[i + 1]!; address++) addresses.add(address)
  }
  return [...addresses]
}

export function textOf (address: number): string {
  return formatAddress(4, [0, 0, 0, address])
}
