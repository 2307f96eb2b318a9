import { announcerOf } from '../../lib/lists/asn/table.ts'
import { mergeRanges } from '../../lib/lists/sources/list.ts'
import type { ExampleList } from '../../scripts/example-lists.ts'
import { parseAddress, words } from '../../lib/ip/index.ts'
import { type Data, serversOf } from './data.ts'
import type { Group } from './groups.ts'
import { meanInterval, meanOf, shown, withInterval } from './intervals.ts'
import { withoutCopies } from './judge.ts'

/** What a list says of an address: it is named, or not. */
type Names = (address: number) => boolean

/** What users take otherwise: one list, and whether the address is in it. */
export function evaluateAlternatives (data: Data, groups: readonly Group[]): void {
  const list = (id: string): ExampleList[] => data.lists.filter(list => list.id === id)
  const x4bnet = list('x4bnet-vpn-v4')
  const badAsns = new Set(list('bad-asn').flatMap(({ asns }) => asns))
  const rows: readonly (readonly [string, (servers: readonly number[]) => Names])[] = [
    ['X4BNet VPN list, without copies', servers => namedBy(withoutCopies(x4bnet, servers))],
    ['X4BNet VPN list', () => namedBy(x4bnet)],
    ['X4BNet datacenter list', () => namedBy(list('x4bnet-datacenter-v4'))],
    ['ipcat', () => namedBy(list('ipcat'))],
    ['bad-asn-list', () => address => badAsns.has(data.table.numbers[announcerOf(data.table, address)] ?? 0)]
  ]
  console.log('\nThe alternatives, each a list that names an address or does not: servers found, then what it names of each group, in %.')
  console.log('Beside X4BNet VPN put "detected" and "likely" of this detector; beside the others, which are lists of hosting, "suspicious".')
  const share = (names: Names, { byAddress }: Group): number => byAddress.filter(text => names(addressOf(text))).length / byAddress.length
  console.log(' '.repeat(34) + 'found'.padEnd(20) + groups.map(({ short }) => short.padStart(10)).join(''))
  for (const [name, namesWithout] of rows) {
    const shares = data.providers.map(provider => {
      const servers = serversOf(data.lists, provider)
      return servers.filter(namesWithout(servers)).length / servers.length
    })
    const names = namesWithout([])
    console.log(name.padEnd(30) + withInterval(meanOf(shares), meanInterval(shares)).padEnd(24) +
      groups.map(group => shown(share(names, group), 2).padStart(10)).join(''))
  }
}

function addressOf (text: string): number {
  parseAddress(text)
  return words[3]!
}

function namedBy (lists: readonly ExampleList[]): Names {
  const { v4 } = mergeRanges({ v4: Uint32Array.from(lists.flatMap(({ ranges }) => [...ranges.v4])), v6: new Uint32Array(0) })
  return address => {
    let low = 0
    let up = v4.length / 2
    while (low < up) {
      const middle = (low + up) >>> 1
      if (v4[2 * middle]! <= address) low = middle + 1
      else up = middle
    }
    return low > 0 && address <= v4[2 * low - 1]!
  }
}
