// How much of a VPN provider is found without its own lists, and who is wrongly called a VPN: node --import tsx bench/evaluate.ts
// Its lists are removed from everything, also from the counts by network and subnet; then its IPv4 servers are asked about.
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import type { AsnTable } from '../lib/lists/asn/table.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import type { AddressList } from '../lib/lists/sources/list.ts'
import { formatAddress } from '../lib/ip/address.ts'
import { computeAsnKinds, exampleIsps } from '../scripts/asn-kinds.ts'
import { EXAMPLE_SECONDS, type ExampleList, exampleLists, hasExampleLists, PROVIDERS } from '../scripts/example-lists.ts'
import { EYEBALL_ASNS } from '../scripts/eyeball-asns.ts'

const SAMPLE = 200_000
const asnPackage = findAsnPackage()
if (!hasExampleLists || asnPackage === undefined) {
  console.log('Needs the example lists in ../shared/data and the package @ip-location-db/asn: nothing was evaluated.')
  process.exit(0)
}
const table = readAsnTable(asnPackage)
const lists = exampleLists()
const isps = exampleIsps()

type Grades = readonly [suspicious: number, likely: number, detected: number]
type Verdict = (ip: string) => string

interface JudgeOptions { readonly without?: string, readonly asnTable?: AsnTable | undefined }

function judge (given: readonly AddressList[], options: JudgeOptions = {}): Verdict {
  const others = lists.filter(list => !list.contains?.includes(options.without ?? ''))
  const bytes = compileSnapshot(given, {
    nowSeconds: EXAMPLE_SECONDS,
    asnKinds: computeAsnKinds(others, isps, table),
    asnTable: 'asnTable' in options ? options.asnTable! : table
  })
  const database = openDatabase(bytes, () => EXAMPLE_SECONDS * 1000)
  return ip => database.answer(ip).verdict
}

function grades (addresses: readonly string[], verdict: Verdict): Grades {
  let suspicious = 0
  let likely = 0
  let detected = 0
  for (const address of addresses) {
    const answer = verdict(address)
    if (answer === 'vpn_detected') detected++
    if (answer === 'vpn_detected' || answer === 'vpn_likely') likely++
    if (answer !== 'clean' && answer !== 'unknown') suspicious++
  }
  const share = (count: number): number => 100 * count / addresses.length
  return [share(suspicious), share(likely), share(detected)]
}

/** Every server of a provider, IPv4. */
function serversOf (provider: string): number[] {
  const servers = new Set<number>()
  for (const list of lists.filter(list => list.publisher === provider && list.id === provider)) {
    for (let i = 0; i < list.ranges.v4.length; i += 2) {
      for (let address = list.ranges.v4[i]!; address <= list.ranges.v4[i + 1]!; address++) servers.add(address)
    }
  }
  return [...servers]
}

/** X4BNet publishes its result together with the providers' lists that went into it: the addresses named there are taken out again. */
function withoutAddresses (list: ExampleList, removed: ReadonlySet<number>): ExampleList {
  const v4: number[] = []
  for (let i = 0; i < list.ranges.v4.length; i += 2) {
    const first = list.ranges.v4[i]!
    const last = list.ranges.v4[i + 1]!
    if (last - first >= 256) {
      v4.push(first, last)
      continue
    }
    for (let address = first; address <= last; address++) if (!removed.has(address)) v4.push(address, address)
  }
  return { ...list, ranges: { ...list.ranges, v4: Uint32Array.from(v4) } }
}

const text = (address: number): string => formatAddress(4, [0, 0, 0, address])
const shown = (values: readonly number[], digits = 1): string => values.map(value => value.toFixed(digits).padStart(6)).join('')
const mean = (rows: readonly Grades[]): number[] => [0, 1, 2].map(grade => rows.reduce((sum, row) => sum + row[grade]!, 0) / rows.length)

interface Scorer { readonly name: string, readonly verdictWithout: (provider: string, servers: readonly number[]) => Verdict }
const without = (provider: string): ExampleList[] => lists.filter(list => !list.contains?.includes(provider))
const strict = (provider: string, servers: readonly number[]): ExampleList[] => {
  const removed = new Set(servers)
  return without(provider).map(list => list.id === 'x4bnet-vpn-v4' ? withoutAddresses(list, removed) : list)
}
const scorers: readonly Scorer[] = [
  { name: 'X4BNet VPN list alone', verdictWithout: () => judge(lists.filter(list => list.id === 'x4bnet-vpn-v4'), { asnTable: undefined }) },
  { name: 'all lists and AS numbers', verdictWithout: provider => judge(without(provider), { without: provider }) },
  { name: '  the same, X4BNet without its copies', verdictWithout: (provider, servers) => judge(strict(provider, servers), { without: provider }) },
  { name: 'AS numbers alone', verdictWithout: provider => judge([], { without: provider }) }
]

console.log('Recall, leaving one provider out (IPv4): suspicious / likely / detected, %')
for (const { name, verdictWithout } of scorers) {
  const rows = PROVIDERS.map(provider => {
    const servers = serversOf(provider)
    return grades(servers.map(text), verdictWithout(provider, servers))
  })
  console.log(`${name.padEnd(40)}${shown(mean(rows))}`)
  PROVIDERS.forEach((provider, i) => console.log(`    ${provider.padEnd(36)}${shown(rows[i]!)}`))
}

/** IPv6 servers, first address of each range. */
function servers6Of (provider: string): string[] {
  const servers = new Set<string>()
  for (const list of lists.filter(list => list.publisher === provider && list.id === provider)) {
    for (let i = 0; i < list.ranges.v6.length; i += 8) servers.add(formatAddress(6, list.ranges.v6.subarray(i, i + 4)))
  }
  return [...servers]
}
console.log('\nThe same for IPv6, all lists and AS numbers')
for (const provider of PROVIDERS) {
  const servers = servers6Of(provider)
  if (servers.length > 0) console.log(`    ${provider.padEnd(36)}${shown(grades(servers, judge(without(provider), { without: provider })))}  of ${servers.length}`)
}

/** Random announced addresses of networks, each address as likely as any other; those that a provider or Tor publishes are left out. */
function sample (wanted: ReadonlySet<number>, exact: ReadonlySet<number>): string[] {
  const ranges: number[] = []
  const ends: number[] = []
  let total = 0
  for (let i = 0; i < table.v4Asn.length; i++) {
    if (!wanted.has(table.numbers[table.v4Asn[i]!]!)) continue
    ranges.push(i)
    ends.push(total += table.v4[2 * i + 1]! - table.v4[2 * i]! + 1)
  }
  const addresses: string[] = []
  let seed = 1
  while (addresses.length < SAMPLE) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    const high = seed
    seed = (seed * 1103515245 + 12345) % 2147483648
    const at = Math.floor((high / 2147483648 + seed / 2147483648 / 65536) % 1 * total)
    let low = 0
    let up = ends.length
    while (low < up) {
      const middle = (low + up) >>> 1
      if (ends[middle]! <= at) low = middle + 1
      else up = middle
    }
    const address = table.v4[2 * ranges[low]!]! + at - (low === 0 ? 0 : ends[low - 1]!)
    if (!exact.has(address)) addresses.push(text(address))
  }
  return addresses
}

const exact = new Set(lists.filter(list => list.kind === 'vpn-server' || list.kind === 'tor-exit').flatMap(list => {
  const addresses: number[] = []
  for (let i = 0; i < list.ranges.v4.length; i += 2) for (let a = list.ranges.v4[i]!; a <= list.ranges.v4[i + 1]!; a++) addresses.push(a)
  return addresses
}))
const kinds = computeAsnKinds(lists, isps, table)
const eyeball = new Set(kinds.eyeball)
const vpnNetworks = new Set(kinds.vpn)
const hosters = new Set(kinds.hostingConfirmed.filter(asn => !vpnNetworks.has(asn)))
const groups: readonly [string, string[]][] = [
  [`${eyeball.size} large eyeball networks of ${EYEBALL_ASNS.length}`, sample(eyeball, exact)],
  ['other ISPs', sample(new Set(isps.filter(asn => !eyeball.has(asn) && !hosters.has(asn))), exact)],
  ['hosting networks', sample(hosters, exact)]
]
console.log(`\nFalse positives, ${SAMPLE} random addresses each: suspicious / likely / detected, %`)
for (const [name, verdict] of [['all lists and AS numbers', judge(lists)], ['AS numbers alone', judge([])]] as const) {
  console.log(name)
  for (const [group, addresses] of groups) console.log(`    ${group.padEnd(36)}${shown(grades(addresses, verdict), 3)}`)
}
