// Counts VPN servers by network, of providers that are in none of the example lists: node --import tsx scripts/further-providers.ts DIR
// DIR has one file a provider. Those that were counted: gluetun-servers/pkg/servers of github.com/qdm12/gluetun (MIT, commit c77d306c), and
// tunnelbear_ips.txt of github.com/tn3w/TunnelBear-IPs (Apache-2.0, as tunnelbear.txt). Only the counts are kept.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { HALF_LIFE_DAYS } from '../lib/lists/compile/weights.ts'
import { type ServerCount, serverCounts } from '../lib/lists/compile/vpn-servers.ts'
import { readList } from '../lib/lists/sources/read-list.ts'
import { EXAMPLE_SECONDS, type ExampleList, exampleProviders } from './example-lists.ts'

const COUNTS = new URL('further-providers.json', import.meta.url)
/** Older lists say where a provider was. */
const OLDEST_SECONDS = EXAMPLE_SECONDS - 3 * 365 * 86400
/** What another file calls a provider of the example lists. */
const ALIASES: Readonly<Record<string, string>> = { 'private internet access': 'pia' }
/** Providers of one company, with servers in the same networks: they count as one, and one cannot be left out alone. */
const COMPANIES: readonly (readonly string[])[] = [['giganews', 'vyprvpn']]

/** Those of the same company, itself included. */
export function companyOf (provider: string): readonly string[] {
  return COMPANIES.find(company => company.includes(provider)) ?? [provider]
}

/** Their own lists, as of files in a folder. */
export function furtherProviders (folder: string): ExampleList[] {
  const known = new Set(exampleProviders())
  return readdirSync(folder).sort().flatMap(file => {
    const [, name, format] = /^(.*)\.(json|txt)$/.exec(file) ?? []
    const id = ALIASES[name!] ?? name?.replaceAll(' ', '')
    if (id === undefined || known.has(id)) return []
    const bytes = readFileSync(join(folder, file))
    const seconds = format === 'json' ? (JSON.parse(bytes.toString()) as { timestamp?: number }).timestamp : undefined
    const { ranges } = readList(bytes)
    if (ranges.v4.length === 0 || (seconds !== undefined && seconds < OLDEST_SECONDS)) return []
    return [{
      id,
      kind: 'vpn-server' as const,
      publisher: companyOf(id)[0]!,
      contains: companyOf(id),
      ranges,
      asns: [],
      halfLifeDays: HALF_LIFE_DAYS['vpn-server'],
      dateSeconds: EXAMPLE_SECONDS
    }]
  })
}

/** Without the providers that are left out. */
export function furtherCounts (without: ReadonlySet<string>): ServerCount[] {
  const counts = JSON.parse(readFileSync(COUNTS, 'utf8')) as Record<string, Record<string, number>>
  return Object.entries(counts).filter(([publisher]) => !without.has(publisher)).flatMap(([publisher, networks]) =>
    Object.entries(networks).map(([asn, servers]) => ({ asn: Number(asn), publisher, servers })))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asnPackage = findAsnPackage()
  const folder = process.argv[2]
  if (asnPackage === undefined || folder === undefined) throw new Error('npm install @ip-location-db/asn first, and name the folder')
  const counts: Record<string, Record<string, number>> = {}
  for (const { asn, publisher, servers } of serverCounts(furtherProviders(folder), readAsnTable(asnPackage), EXAMPLE_SECONDS)) {
    (counts[publisher] ??= {})[asn] = servers
  }
  const rows = Object.entries(counts).map(([publisher, networks]) => `  ${JSON.stringify(publisher)}: ${JSON.stringify(networks)}`)
  writeFileSync(COUNTS, `{\n${rows.join(',\n')}\n}\n`)
}
