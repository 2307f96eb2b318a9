import type { Category, Signal, VerdictName } from '../../../types/contract.ts'
import {
  BANDS, decay, densityWeight, HOSTING_CEILING, NEARBY_CEILING, NETWORK_CEILING, WEIGHTS, WIDE_CEILING
} from '../compile/weights.ts'
import { collectionOf } from '../sources/publishers.ts'
import type { MarkKind, SnapshotList } from './snapshot.ts'

/** What is known of one address. */
export interface Evidence {
  readonly marks: readonly { readonly list: SnapshotList, readonly day: number, readonly wide?: true }[]
  /** No VPN list was given: evidence of VPNs comes from the package's own table of networks. */
  readonly tableAlone?: boolean
  readonly network?: {
    readonly asn: number, readonly name: string, /** As `Snapshot.asnDensity`. */ readonly density: number
  }
}
export type Group = 'exact' | 'vpnNetwork' | 'neighbours' | 'density' | 'name' | 'hosting' | 'proxy' | 'abuse'
  | 'relay' | 'warp' | 'gateway' | 'crawler' | 'service'
/** One factor of the score. `weight` is after trust and decay. */
export interface GroupScore { readonly group: Group, readonly weight: number, readonly signals: readonly Signal[] }
interface Score {
  readonly verdict: VerdictName
  /** 0..1, three decimals. */
  readonly score: number
  readonly groups: readonly GroupScore[]
  readonly categories: readonly Category[]
}

const CLOUDFLARE_ASN = 13335
/** Alone they say nothing of a VPN, however many of them. */
const NO_VPN: readonly Group[] = ['hosting', 'abuse', 'warp', 'gateway']
/** Evidence about a network, or about addresses nearby. */
const ABOUT_NEIGHBOURHOOD: readonly Group[] = ['hosting', 'vpnNetwork', 'density', 'neighbours']
/** What is known of a VPN's servers in the same network. */
const SERVERS_NEARBY: readonly Group[] = ['density', 'neighbours']
/** What the package's own table, and a name, can say. */
const ABOUT_NETWORK: readonly Group[] = [...NO_VPN, 'vpnNetwork', 'density', 'name']

/** `todayDays`: Unix days, which decide how much each mark has decayed. Pure. */
export function scoreEvidence (evidence: Evidence, todayDays: number): Score {
  const found = strongestOf(evidence, todayDays)
  const all = groupsOf(found, evidence)
  const groups = all.filter(group => overruledBy(group.group, found) === undefined)
  const counted = withoutSameServers(groups.filter(group => group.weight > 0))
  let score = 1 - counted.reduce((product, { weight }) => product * (1 - weight), 1)
  if (counted.every(({ group }) => NO_VPN.includes(group))) score = Math.min(score, HOSTING_CEILING)
  if (evidence.tableAlone === true && counted.every(({ group }) => ABOUT_NETWORK.includes(group))) {
    score = Math.min(score, NETWORK_CEILING)
  }
  if (isWideOfOneList(evidence, counted)) score = Math.min(score, WIDE_CEILING)
  score = Math.round(score * 1000) / 1000
  const verdict = verdictOf(score)
  return { verdict, score, groups, categories: categoriesOf(groups, found, verdict) }
}

/** Neighbours and density count the same servers, so only the stronger of them counts. */
function withoutSameServers (groups: readonly GroupScore[]): GroupScore[] {
  const weightOf = (name: Group): number => groups.find(({ group }) => group === name)?.weight ?? 0
  const weaker: Group = weightOf('neighbours') < weightOf('density') ? 'neighbours' : 'density'
  return groups.filter(({ group }) => group !== weaker || weightOf('neighbours') === 0)
}

/** Kinds of lists that name the address itself as a VPN's, or alike. */
const ABOUT_VPN: readonly MarkKind[] = ['vpn-server', 'vpn-range', 'vpn-asn', 'tor-exit', 'public-proxy']

/**
 * A wide range, or an AS number, that one collection names, where nothing but hosting speaks beside it. What the
 * application labels by hand is obeyed.
 */
function isWideOfOneList ({ marks }: Evidence, counted: readonly GroupScore[]): boolean {
  const about = marks.filter(({ list }) => ABOUT_VPN.includes(list.kind))
  const isWide = about.every(({ list, wide }) => list.halfLifeDays !== null && (wide ?? list.kind === 'vpn-asn'))
  return isWide && new Set(about.map(({ list }) => collectionOf(list.id))).size === 1 &&
    counted.every(({ group }) => !SERVERS_NEARBY.includes(group))
}

export function verdictOf (score: number): VerdictName {
  if (score < BANDS.suspicious) return 'clean'
  if (score < BANDS.vpnLikely) return 'suspicious'
  return score < BANDS.vpnDetected ? 'vpn_likely' : 'vpn_detected'
}

/**
 * A public service is no visitor, whatever a list says. Private Relay is in VPN and hosting lists, and is neither:
 * nothing else counts there. Of a secure web gateway and of a crawler only what names the address itself counts: lists
 * of VPN networks have whole gateways, a crawler is hosted by its nature, and one wrong row must not block it.
 */
function overruledBy (group: Group, found: Found): Group | undefined {
  if (found.has('public-service')) return group === 'service' ? undefined : 'service'
  if (found.has('relay')) return group === 'relay' ? undefined : 'relay'
  if (found.has('gateway') && (group === 'name' || ABOUT_NEIGHBOURHOOD.includes(group))) return 'gateway'
  if (found.has('crawler') && ABOUT_NEIGHBOURHOOD.includes(group)) return 'crawler'
  return undefined
}

interface Mark { readonly list: SnapshotList, readonly day: number, readonly strength: number }
/** Of each kind the lists that name the address, strongest first. */
type Found = ReadonlyMap<MarkKind, readonly Mark[]>

function strongestOf ({ marks }: Evidence, todayDays: number): Found {
  const found = new Map<MarkKind, Mark[]>()
  for (const { list, day } of marks) {
    const strength = list.trust * (list.halfLifeDays === null
      ? 1
      : decay(Math.max(0, todayDays - day), list.halfLifeDays))
    const others = found.get(list.kind) ?? []
    found.set(list.kind, [...others, { list, day, strength }].sort((a, b) => b.strength - a.strength))
  }
  return found
}

function groupsOf (found: Found, { network }: Evidence): GroupScore[] {
  const groups: GroupScore[] = []
  const strength = (kind: MarkKind): number => found.get(kind)?.[0]?.strength ?? 0
  const add = (group: Group, weight: number, ...signals: (Signal | undefined)[]): void => {
    const matched = signals.filter(signal => signal !== undefined)
    if (matched.length > 0) groups.push({ group, weight, signals: matched })
  }
  const signal = (type: string, kind: MarkKind, weight: number): Signal | undefined => {
    const marks = found.get(kind)
    return marks && { type, weight: rounded(weight * strength(kind)), detail: marks.map(detailOf).join('; ') }
  }
  const { exact, vpnNetwork, neighbours, proxy, abuse } = WEIGHTS

  add('exact', Math.max(exact.vpnServer * strength('vpn-server'), exact.torExit * strength('tor-exit')),
    signal('known_vpn_exact', 'vpn-server', exact.vpnServer), signal('tor_exit', 'tor-exit', exact.torExit))
  const range = strength('vpn-range')
  const vpnAsn = strength('vpn-asn')
  add('vpnNetwork', Math.max(
    vpnNetwork.range * range, vpnNetwork.asn * vpnAsn, vpnNetwork.both * Math.min(range, vpnAsn),
    vpnNetwork.asnTwice * (found.get('vpn-asn')?.[1]?.strength ?? 0)
  ),
  signal('known_vpn_cidr', 'vpn-range', vpnNetwork.range), signal('vpn_asn', 'vpn-asn', vpnNetwork.asn))
  const isHosting = (['hosting', 'hosting-asn', 'vpn-range', 'vpn-asn'] as const).some(kind => found.has(kind))
  const nearby = isHosting ? 1 : NEARBY_CEILING
  for (const [kind, full] of [
    ['near-many', neighbours.many], ['near-few', neighbours.few], ['near-one', neighbours.one]
  ] as const) {
    const weight = Math.min(full, nearby)
    add('neighbours', weight * strength(kind), signal('vpn_neighbours', kind, weight))
  }
  const density = Math.min(densityWeight(network?.density ?? 0), nearby)
  if (density > 0) {
    add('density', density, {
      type: 'vpn_asn_density', weight: density, detail: `VPN servers are known in AS${network!.asn}`
    })
  }
  add('name', WEIGHTS.name * strength('vpn-name'), signal('vpn_rdns_name', 'vpn-name', WEIGHTS.name))
  // WARP's egress is published nowhere: what Cloudflare announces beside its proxies is a hint, and no hosting by that
  // alone.
  const published = found.get('hosting') ?? []
  const warp = network?.asn === CLOUDFLARE_ASN && !published.some(({ list }) => list.id === 'cloudflare') &&
    !found.has('crawler')
  const networks = warp ? [] : found.get('hosting-asn') ?? []
  const hostLists = [...published, ...networks]
  const hosts = hostingWeight(published, networks)
  if (hostLists.length > 0) {
    add('hosting', hosts, { type: 'dc_ip', weight: rounded(hosts), detail: hostLists.map(detailOf).join('; ') })
  }
  add(
    'proxy', proxy.publicProxy * strength('public-proxy'), signal(
      'public_proxy_list', 'public-proxy', proxy.publicProxy
    )
  )
  add('abuse', abuse.listed * strength('abuse'), signal('abuse_list', 'abuse', abuse.listed))
  add('relay', WEIGHTS.relay * strength('relay'), signal('private_relay', 'relay', WEIGHTS.relay))
  add('gateway', WEIGHTS.gateway * strength('gateway'), signal('web_gateway', 'gateway', WEIGHTS.gateway))
  add('service', 0, signal('public_service', 'public-service', 0))
  add('crawler', 0, signal('known_crawler', 'crawler', WEIGHTS.crawler))
  const { warp: hint } = WEIGHTS
  if (warp) {
    add('warp', hint, {
      type: 'warp_hint',
      weight: hint,
      detail: 'in AS13335, outside the ranges of Cloudflare\'s proxies'
    })
  }
  return groups
}

/** Strongest first, both. */
function hostingWeight (published: readonly Mark[], networks: readonly Mark[]): number {
  const { hosting } = WEIGHTS
  const range = published[0]?.strength ?? 0
  const collections = new Set([...published, ...networks].map(({ list }) => collectionOf(list.id))).size
  return Math.max(
    collections > 1 ? hosting.publishedAndListed * range : hosting.published * range,
    hosting.listedTwice * (networks[1]?.strength ?? 0),
    hosting.listed * (networks[0]?.strength ?? 0)
  )
}

function categoriesOf (groups: readonly GroupScore[], found: Found, verdict: VerdictName): Category[] {
  const categories = new Set<Category>()
  const likely = verdict === 'vpn_likely' || verdict === 'vpn_detected'
  for (const { group } of groups) {
    if (group === 'exact') {
      if (found.has('vpn-server')) categories.add('vpn')
      if (found.has('tor-exit')) categories.add('tor')
    } else if (group === 'vpnNetwork') categories.add('vpn')
    else if (group === 'neighbours' || group === 'density' || group === 'name') {
      if (likely) categories.add('vpn')
    } else if (group !== 'service') categories.add(group)
  }
  return [...categories]
}

function detailOf ({ list, day }: Mark): string {
  const who = list.publisher === undefined ? list.id : `${list.publisher} (${list.id})`
  return list.halfLifeDays === null ? who : `${who}, seen ${new Date(day * 86400_000).toISOString().slice(0, 10)}`
}

function rounded (value: number): number {
  return Math.round(value * 1000) / 1000
}
