import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type { AddressList, ListKind } from '../lib/lists/sources/list.ts'
import { readList } from '../lib/lists/sources/read-list.ts'
import { HALF_LIFE_DAYS } from '../lib/lists/compile/weights.ts'

/** Real lists to measure and to try things on. They are no part of this project: what uses them does without where they are missing. */

/** Their folder. */
export const exampleRoot: URL | undefined = ['../../shared/data/', '../../../shared/data/'].map(path => new URL(path, import.meta.url)).find(existsSync)

export const hasExampleLists: boolean = exampleRoot !== undefined

/** The day of the snapshots. */
export const EXAMPLE_SECONDS: number = Date.parse('2026-08-22') / 1000

export interface ExampleList extends AddressList {
  /** Whose servers it lists, in part: left out when that provider is the one to be found. */
  readonly contains?: readonly string[]
}

const CLOUDS = ['amazon', 'digitalocean', 'google', 'linode', 'microsoft', 'oracle', 'vultr']
const CRAWLERS = ['bing', 'duckassistbot', 'duckduckbot', 'googlebot', 'openai', 'perplexity', 'pingdom', 'statuscake']

/** The VPN providers with a list of their own there: one file each, named for the provider. */
export function exampleProviders (root: URL = exampleRoot!): string[] {
  return readdirSync(new URL('vpn-first-party/', root)).filter(file => file.endsWith('.txt')).map(file => file.slice(0, -'.txt'.length)).sort()
}

export function exampleLists (root: URL = exampleRoot!): ExampleList[] {
  const read = (path: string, id: string, kind: ListKind, more?: Pick<ExampleList, 'publisher' | 'contains'>): ExampleList | undefined =>
    readExample(new URL(path, root), id, kind, more)
  const families = (names: readonly string[], kind: ListKind): (ExampleList | undefined)[] =>
    names.flatMap(name => [4, 6].map(family => read(`ipranges/${name}-ipv${family}.txt`, `${name}-v${family}`, kind)))
  const lists = [
    ...exampleProviders(root).map(provider => read(`vpn-first-party/${provider}.txt`, provider, 'vpn-server', { publisher: provider, contains: [provider] })),
    read('ipranges/protonvpn-ipv4.txt', 'protonvpn-2025', 'vpn-server', { publisher: 'protonvpn', contains: ['protonvpn'] }),
    ...['mullvad', 'pia', 'protonvpn'].map(provider =>
      read(`x4bnet/input-vpn-${provider}.txt`, `x4bnet-${provider}`, 'vpn-server', { publisher: provider, contains: [provider] })),
    read('x4bnet/vpn-ipv4.txt', 'x4bnet-vpn-v4', 'vpn-range'),
    read('x4bnet/vpn-ipv6.txt', 'x4bnet-vpn-v6', 'vpn-range'),
    read('x4bnet/input-vpn-ASN.txt', 'x4bnet-vpn-asn', 'vpn-asn'),
    read('oxl/asn-kind_vpn.txt', 'oxl-vpn-asn', 'vpn-asn'),
    read('tor/exits.csv', 'tor-exits', 'tor-exit'),
    read('icloud-relay/ipv4.txt', 'apple-relay-v4', 'relay'),
    read('icloud-relay/ipv6.txt', 'apple-relay-v6', 'relay'),
    read('x4bnet/datacenter-ipv4.txt', 'x4bnet-datacenter-v4', 'hosting'),
    read('x4bnet/datacenter-ipv6.txt', 'x4bnet-datacenter-v6', 'hosting'),
    read('ipcat/datacenters.csv', 'ipcat', 'hosting'),
    ...families(CLOUDS, 'hosting'),
    read('x4bnet/input-datacenter-ASN.txt', 'x4bnet-datacenter-asn', 'hosting-asn'),
    read('bad-asn-list.csv', 'bad-asn', 'hosting-asn'),
    read('oxl/asn-kind_hosting.txt', 'oxl-hosting-asn', 'hosting-asn'),
    ...families(CRAWLERS, 'crawler'),
    read('ipsum/level3.txt', 'ipsum', 'abuse')
  ]
  return lists.filter(list => list !== undefined)
}

function readExample (url: URL, id: string, kind: ListKind, more: Pick<ExampleList, 'publisher' | 'contains'> = {}): ExampleList | undefined {
  if (!existsSync(url) || !statSync(url).isFile()) return undefined
  const { ranges, asns } = readList(readFileSync(url))
  return { id, kind, ranges, asns, halfLifeDays: HALF_LIFE_DAYS[kind], dateSeconds: EXAMPLE_SECONDS, ...more }
}
