import { organisations } from '../asn/organisations.ts'
import { announcedAddresses, announcerOf, type AsnTable, indexOfNumber } from '../asn/table.ts'
import type { AddressList } from '../sources/list.ts'
import { decay, densityClass, densityWeight, type LabelledRanges, LEAST_SERVERS_OF_ONE } from './weights.ts'
import { wideRanges } from './wide-ranges.ts'

/**
 * What the known addresses of VPN servers say of those beside them: in the same /24 or /64, and in the same network.
 */

/** Ranges of more addresses than this are networks rather than servers. */
const LARGEST_SERVER_RANGE = 256
/** Half of the servers move within some months; a neighbourhood lasts longer than a server. */
const NEIGHBOURHOOD_HALF_LIFE_DAYS = 90

interface Server { readonly address: number, readonly publisher: string, readonly seenSeconds: number }
interface Server6 {
  readonly subnet: string
  readonly address: string
  readonly publisher: string
  readonly seenSeconds: number
}

export function neighbourhoods (lists: readonly AddressList[], nowSeconds: number): LabelledRanges[] {
  const v4 = tally(servers4(lists, nowSeconds), server => Math.floor(server.address / 256), server => server.address)
  const v6 = tally(servers6(lists, nowSeconds), server => server.subnet, server => server.address)
  const layers: LabelledRanges[] = []
  for (const [kind, least, most] of [['near-one', 1, 1], ['near-few', 2, 3], ['near-many', 4, Infinity]] as const) {
    const inClass = (count: Tally): boolean => count.members.size >= least && count.members.size <= most
    const ranges4: number[] = []
    let newest = 0
    for (const [subnet, count] of v4) {
      if (!inClass(count)) continue
      ranges4.push(subnet * 256, subnet * 256 + 255)
      newest = Math.max(newest, count.newest)
    }
    const ranges6: number[] = []
    for (const [subnet, count] of v6) {
      if (!inClass(count)) continue
      const [w0, w1] = subnet.split(':').map(Number) as [number, number]
      ranges6.push(w0, w1, 0, 0, w0, w1, 0xffffffff, 0xffffffff)
      newest = Math.max(newest, count.newest)
    }
    if (newest === 0) continue
    layers.push({
      id: `${kind}-vpn-server`,
      kind,
      ranges: { v4: Uint32Array.from(ranges4), v6: Uint32Array.from(ranges6) },
      halfLifeDays: NEIGHBOURHOOD_HALF_LIFE_DAYS,
      dateSeconds: newest
    })
  }
  return layers
}

/** How many servers one publisher has in one network. */
export interface ServerCount { readonly asn: number, readonly publisher: string, readonly servers: number }

/** Of each network and publisher, for `densities`. Of addresses that no network announces nothing. */
export function serverCounts (lists: readonly AddressList[], table: AsnTable, nowSeconds: number): ServerCount[] {
  const found = new Map<string, { asn: number, publisher: string, addresses: Set<number> }>()
  for (const { address, publisher } of servers4(lists, nowSeconds)) {
    const at = announcerOf(table, address)
    if (at < 0) continue
    const key = `${at} ${publisher}`
    if (!found.has(key)) found.set(key, { asn: table.numbers[at]!, publisher, addresses: new Set() })
    found.get(key)!.addresses.add(address)
  }
  return Array.from(found.values(), ({ addresses, ...count }) => ({ ...count, servers: addresses.size }))
}

interface KnownNetworks {
  /** They say nothing of themselves, nor of others. */
  readonly silent: ReadonlySet<number>
  /** A public collection calls them hosters. */
  readonly hosters: ReadonlySet<number>
}

/**
 * Per network: 0 where too few servers are known, else as `densityWeight` reads it; its own density or that of its
 * organisation, whichever says more.
 */
export function densities (
  counts: readonly ServerCount[], table: AsnTable, { silent, hosters }: KnownNetworks
): Uint8Array {
  const isSilent = Array.from(table.numbers, asn => silent.has(asn))
  const isHoster = (at: number): boolean => hosters.has(table.numbers[at]!)
  const announced = announcedAddresses(table)
  const organisation = organisations(table, silent)
  const together = new Float64Array(announced.length)
  organisation.forEach((first, at) => { if (!isSilent[at]) together[first]! += announced[at]! })
  const known = counts.flatMap(count => {
    const at = indexOfNumber(table.numbers, count.asn)
    return at < 0 || isSilent[at] ? [] : [{ ...count, at }]
  })
  const own = classesOf(known, announced, isHoster)
  const shared = classesOf(known.map(count => ({ ...count, at: organisation[count.at]! })), together, isHoster)
  return own.map((kept, at) => {
    if (isSilent[at]) return 0
    const wider = shared[organisation[at]!]!
    return densityWeight(wider) > densityWeight(kept) ? wider : kept
  })
}

function classesOf (
  counts: readonly (ServerCount & { readonly at: number })[], announced: Float64Array, isHoster: (at: number) => boolean
): Uint8Array {
  const networks = new Map<number, { servers: number, publishers: Set<string> }>()
  for (const { at, publisher, servers } of counts) {
    const network = networks.get(at) ?? { servers: 0, publishers: new Set() }
    network.servers += servers
    network.publishers.add(publisher)
    networks.set(at, network)
  }
  const classes = new Uint8Array(announced.length)
  for (const [at, { servers, publishers }] of networks) {
    const least = isHoster(at) ? LEAST_SERVERS_OF_ONE.hoster : LEAST_SERVERS_OF_ONE.other
    if (publishers.size === 1 && servers < least) continue
    classes[at] = 1 + densityClass(servers, announced[at]!) + 4 * (Math.min(publishers.size, 3) - 1)
  }
  return classes
}

interface Tally { readonly members: Set<number | string>, newest: number }

function tally<S extends { readonly seenSeconds: number }, K> (
  servers: Iterable<S>, keyOf: (server: S) => K, memberOf: (server: S) => number | string
): Map<K, Tally> {
  const tallies = new Map<K, Tally>()
  for (const server of servers) {
    const key = keyOf(server)
    let entry = tallies.get(key)
    if (entry === undefined) tallies.set(key, entry = { members: new Set(), newest: 0 })
    entry.members.add(memberOf(server))
    entry.newest = Math.max(entry.newest, server.seenSeconds)
  }
  return tallies
}

/**
 * Those seen within their half-life; what is older says little of its neighbours, and what a user labels by hand
 * nothing.
 */
function * servers4 (lists: readonly AddressList[], nowSeconds: number): Generator<Server> {
  for (const list of lists) {
    if (list.kind !== 'vpn-server') continue
    const wide = wideRanges(list)
    for (let i = 0; 2 * i < list.ranges.v4.length; i++) {
      const seenSeconds = list.lastSeenSeconds?.[i] ?? list.dateSeconds
      if (wide[i] === 1 || !isFresh(list, seenSeconds, nowSeconds)) continue
      const first = list.ranges.v4[2 * i]!
      const last = Math.min(list.ranges.v4[2 * i + 1]!, first + LARGEST_SERVER_RANGE - 1)
      for (let address = first; address <= last; address++) {
        yield {
          address,
          publisher: list.publisher ?? list.id,
          seenSeconds
        }
      }
    }
  }
}

function * servers6 (lists: readonly AddressList[], nowSeconds: number): Generator<Server6> {
  for (const list of lists) {
    if (list.kind !== 'vpn-server') continue
    const wide = wideRanges(list)
    const { v6 } = list.ranges
    const before = list.ranges.v4.length / 2
    for (let i = 0; 8 * i < v6.length; i++) {
      const seenSeconds = list.lastSeenSeconds?.[before + i] ?? list.dateSeconds
      const at = 8 * i
      const oneSubnet = v6[at] === v6[at + 4] && v6[at + 1] === v6[at + 5]
      if (!oneSubnet || wide[before + i] === 1 || !isFresh(list, seenSeconds, nowSeconds)) continue
      yield {
        subnet: `${v6[at]}:${v6[at + 1]}`,
        address: `${v6[at + 2]}:${v6[at + 3]}`,
        publisher: list.publisher ?? list.id,
        seenSeconds
      }
    }
  }
}

function isFresh (list: AddressList, seenSeconds: number, nowSeconds: number): boolean {
  return Number.isFinite(list.halfLifeDays) && decay((nowSeconds - seenSeconds) / 86400, list.halfLifeDays) >= 0.5
}
