// Computes lib/lists/asn/kinds-data.ts: node --import tsx scripts/asn-kinds.ts
// From the example lists, scripts/further-providers.json and @ip-location-db/asn;
// NOTICE names the sources. Only figures of our own are kept: votes and classes by network.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { type AsnKinds, packNumbers } from '../lib/lists/asn/kinds.ts'
import { CONTENT_ASNS, GATEWAY_ASNS, RELAY_ASNS, TRANSIT_ASNS, VPN_OPERATOR_ASNS } from '../lib/lists/asn/named-networks.ts'
import type { AsnTable } from '../lib/lists/asn/table.ts'
import type { AddressList } from '../lib/lists/sources/list.ts'
import { readList } from '../lib/lists/sources/read-list.ts'
import { densities, serverCounts } from '../lib/lists/compile/vpn-servers.ts'
import { EXAMPLE_SECONDS, exampleLists, exampleRoot } from './example-lists.ts'
import { EYEBALL_ASNS, FURTHER_ACCESS_ASNS } from './eyeball-asns.ts'
import { companyOf, furtherCounts } from './further-providers.ts'

/** Networks that sell access, as a list of them says. */
export function exampleIsps (root: URL = exampleRoot!): readonly number[] {
  return readList(readFileSync(new URL('oxl/asn-kind_isp.txt', root))).asns
}

/**
 * A hoster is what one of three collections calls so; an access network needs all three to be one, a large one never is.
 * Nothing is known of the VPN provider `without`: neither which networks are its own, nor where its servers are.
 */
export function computeAsnKinds (
  lists: readonly AddressList[], isps: readonly number[], table: AsnTable, without = ''
): AsnKinds {
  const eyeball = new Set(EYEBALL_ASNS)
  const access = new Set(isps)
  const votes = new Map<number, number>()
  for (const list of lists) {
    if (list.kind === 'hosting-asn') for (const asn of new Set(list.asns)) votes.set(asn, (votes.get(asn) ?? 0) + 1)
  }
  const neither = new Set([...GATEWAY_ASNS, ...TRANSIT_ASNS, ...FURTHER_ACCESS_ASNS])
  const isMixed = (asn: number): boolean => eyeball.has(asn) || neither.has(asn) || (access.has(asn) && votes.get(asn)! < 3)
  const votesOf = (asn: number): number => isMixed(asn) ? 0 : votes.get(asn)!
  const announcing = new Set(table.numbers)
  const known = (asns: Iterable<number>): number[] => [...new Set(asns)].filter(asn => announcing.has(asn)).sort((a, b) => a - b)
  const hosting = known(votes.keys()).filter(asn => votesOf(asn) > 0)
  const hostingConfirmed = hosting.filter(asn => votesOf(asn) > 1)
  const hosters = new Set(hostingConfirmed)
  const people = known([...isps, ...EYEBALL_ASNS, ...FURTHER_ACCESS_ASNS]).filter(asn => !hosters.has(asn))
  const named = lists.flatMap(({ publisher }) => publisher ?? [])
  const counts = [...serverCounts(lists, table, EXAMPLE_SECONDS), ...furtherCounts(new Set([...named, ...companyOf(without)]))]
  const silent = new Set([...people, ...neither, ...CONTENT_ASNS])
  const classes = densities(counts, table, { silent, hosters: new Set(hosting) })
  return {
    dateSeconds: EXAMPLE_SECONDS,
    hosting,
    hostingConfirmed,
    vpn: known(lists.flatMap(list => list.kind === 'vpn-asn' ? list.asns : [])),
    operators: Object.entries(VPN_OPERATOR_ASNS).flatMap(([operator, asns]) => operator === without ? [] : asns),
    eyeball: known(EYEBALL_ASNS),
    access: people,
    gateway: GATEWAY_ASNS,
    transit: TRANSIT_ASNS,
    content: CONTENT_ASNS,
    relay: RELAY_ASNS,
    density: new Map(Array.from(table.numbers, (asn, i) => [asn, classes[i]!] as const)
      .filter(([, kept]) => kept > 0))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asnPackage = findAsnPackage()
  if (asnPackage === undefined) throw new Error('npm install @ip-location-db/asn first')
  const kinds = computeAsnKinds(exampleLists(), exampleIsps(), readAsnTable(asnPackage))
  const ofClass = (kept: number): number[] => [...kinds.density].flatMap(([asn, value]) => value === kept ? [asn] : [])
  const line = (packed: string): string =>
    (packed.match(/.{1,110}/g) ?? ['']).map(part => `'${part}'`).join(' +\n  ')
  writeFileSync(new URL('../lib/lists/asn/kinds-data.ts', import.meta.url), `// Written by scripts/asn-kinds.ts; see NOTICE for the sources.
export const KINDS_DATE: string = '${new Date(EXAMPLE_SECONDS * 1000).toISOString().slice(0, 10)}'
export const HOSTING: string =
  ${line(packNumbers(kinds.hosting))}
export const HOSTING_CONFIRMED: string =
  ${line(packNumbers(kinds.hostingConfirmed))}
export const VPN: string =
  ${line(packNumbers(kinds.vpn))}
export const EYEBALL: string =
  ${line(packNumbers(kinds.eyeball))}
export const ACCESS: string =
  ${line(packNumbers(kinds.access))}
/** By class, as \`densities\` counts them. */
export const DENSITY: readonly string[] = [
${Array.from({ length: 13 }, (_, kept) => `  ${line(packNumbers(ofClass(kept)))}`).join(',\n')}
]
`)
}
