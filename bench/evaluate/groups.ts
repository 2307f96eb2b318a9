import { computeAsnKinds } from '../../scripts/asn-kinds.ts'
import type { ExampleList } from '../../scripts/example-lists.ts'
import { EYEBALL_ASNS } from '../../scripts/eyeball-asns.ts'
import { addressesOf, type Data, textOf } from './data.ts'
import { randomOf, shown, wilson } from './intervals.ts'
import { countsOf, judge, type Verdict } from './judge.ts'

/** Addresses of each group and weighting. */
const SAMPLE = 100_000
/** In names of networks that sell access. Most of them put many customers behind one address (carrier-grade NAT). */
const MOBILE = /mobil|wireless|cellular|cellco|vodacom|\bmtn\b|airtel|jio|telcel|gsm|\b3g\b|\blte\b/i

export interface Group {
  readonly name: string
  /** For the head of a column. */
  readonly short: string
  /** Each address as likely as any other. */
  readonly byAddress: readonly string[]
  /** Each announced prefix as likely as any other. */
  readonly byPrefix: readonly string[]
}

/** Pairs of first and last address. */
type Pairs = ArrayLike<number>

export function evaluateFalsePositives (data: Data): readonly Group[] {
  const groups = groupsOf(data)
  console.log('\nFalse positives: suspicious, likely, detected, in %, of random addresses, then of random announced prefixes (one address')
  console.log('of each); last the highest share of likely by address that 95 % confidence allows. Addresses that a VPN provider or Tor')
  console.log('publishes are not asked about. Networks are what two lists and the names of networks call so, not what this detector thinks.')
  const scorers: readonly (readonly [string, Verdict])[] = [['all lists and AS numbers', judge(data, data.lists)], ['AS numbers alone', judge(data, [])]]
  for (const [name, verdict] of scorers) {
    console.log(name.padEnd(46) + 'by address'.padStart(21) + 'by prefix'.padStart(24) + 'at most'.padStart(10))
    for (const group of groups) {
      const counts = countsOf(group.byAddress, verdict)
      const columns = [[counts, group.byAddress], [countsOf(group.byPrefix, verdict), group.byPrefix]] as const
      console.log(`    ${group.name}`.padEnd(44) +
        columns.map(([counts, { length }]) => counts.map(count => shown(count / length, 3).padStart(8)).join('')).join('') +
        shown(wilson(counts[1], group.byAddress.length)[1], 3).padStart(10))
    }
  }
  evaluateUnknownIsps(data)
  return groups
}

function groupsOf (data: Data): Group[] {
  const { lists, isps, education, table } = data
  const kinds = computeAsnKinds(lists, isps, table)
  const exact = published(lists)
  const eyeball = new Set(EYEBALL_ASNS)
  const hosters = new Set(kinds.hostingConfirmed)
  const vpn = new Set(kinds.vpn)
  const access = isps.filter(asn => !eyeball.has(asn))
  const nameOf = new Map(Array.from(table.numbers, (asn, i) => [asn, table.names[i]!]))
  const mobile = [...isps, ...EYEBALL_ASNS].filter(asn => MOBILE.test(nameOf.get(asn) ?? ''))
  const announced = (asns: Iterable<number>): number[] => announcedBy(table, asns)
  const group = (short: string, name: string, pairs: Pairs): Group => ({ short, name, ...sample(pairs, exact) })
  return [
    group('eyeball', `${eyeball.size} large eyeball networks`, announced(eyeball)),
    group('ISPs', `${access.length} other ISPs, hosters among them too`, announced(access)),
    group('no hoster', '  of these, those that are no hosters', announced(access.filter(asn => !hosters.has(asn)))),
    group('mobile', `${new Set(mobile).size} mobile networks (mostly CGNAT)`, announced(mobile)),
    group('100.64/10', 'shared address space, 100.64.0.0/10', [0x64400000, 0x647fffff]),
    group('education', `${education.length} networks of education`, announced(education)),
    group('gateways', 'secure web gateways', announced(kinds.gateway)),
    group('relay', 'Private Relay', pairsOf(lists, 'relay')),
    group('crawlers', 'crawlers', pairsOf(lists, 'crawler')),
    group('hosting', 'hosting networks (no VPN network)', announced(kinds.hostingConfirmed.filter(asn => !vpn.has(asn))))
  ]
}

/** What VPN providers and Tor publish. */
function published (lists: readonly ExampleList[]): ReadonlySet<number> {
  return new Set(addressesOf(lists.filter(list => list.kind === 'vpn-server' || list.kind === 'tor-exit')))
}

function announcedBy (table: Data['table'], asns: Iterable<number>): number[] {
  const wanted = new Set(asns)
  const pairs: number[] = []
  table.v4Asn.forEach((at, i) => { if (wanted.has(table.numbers[at]!)) pairs.push(table.v4[2 * i]!, table.v4[2 * i + 1]!) })
  return pairs
}

/**
 * The list of ISPs that the groups are made of also tells the package's table where people are. So each half of them in turn is left out of
 * the table, and asked about. The large ones, and confirmed hosters, are not.
 */
function evaluateUnknownIsps (data: Data): void {
  const { lists, isps, table } = data
  const exact = published(lists)
  const neither = new Set([...EYEBALL_ASNS, ...computeAsnKinds(lists, isps, table).hostingConfirmed])
  console.log('The same of ISPs that the table does not know, by address: each half of them in turn is left out of it.')
  for (const half of [0, 1]) {
    const unknown = new Set(isps.filter((asn, i) => i % 2 === half && !neither.has(asn)))
    const without = { ...data, isps: isps.filter(asn => !unknown.has(asn)) }
    const { byAddress } = sample(announcedBy(table, unknown), exact)
    const columns = [lists, []].map(given => countsOf(byAddress, judge(without, given)))
    console.log(`    ${unknown.size} ISPs; with all lists, then AS numbers alone`.padEnd(52) +
      columns.map(counts => counts.map(count => shown(count / byAddress.length, 3).padStart(8)).join('')).join('    '))
  }
}

function pairsOf (lists: readonly ExampleList[], kind: string): number[] {
  return lists.filter(list => list.kind === kind).flatMap(({ ranges }) => [...ranges.v4])
}

function sample (pairs: Pairs, exact: ReadonlySet<number>): { byAddress: string[], byPrefix: string[] } {
  const random = randomOf(7)
  const ends: number[] = []
  let total = 0
  for (let i = 0; i < pairs.length; i += 2) ends.push(total += pairs[i + 1]! - pairs[i]! + 1)
  const drawn = (draw: () => number): string[] => {
    const addresses: string[] = []
    while (addresses.length < SAMPLE) {
      const address = draw()
      if (!exact.has(address)) addresses.push(textOf(address))
    }
    return addresses
  }
  const anyAddress = (): number => {
    // Two draws, because one has fewer values than there are addresses.
    const at = Math.floor((random() + random() / 2 ** 32) * total) % total
    let low = 0
    let up = ends.length
    while (low < up) {
      const middle = (low + up) >>> 1
      if (ends[middle]! <= at) low = middle + 1
      else up = middle
    }
    return pairs[2 * low]! + at - (low === 0 ? 0 : ends[low - 1]!)
  }
  const anyPrefix = (): number => {
    const at = 2 * Math.floor(random() * ends.length)
    return pairs[at]! + Math.floor(random() * (pairs[at + 1]! - pairs[at]! + 1))
  }
  return { byAddress: drawn(anyAddress), byPrefix: drawn(anyPrefix) }
}
