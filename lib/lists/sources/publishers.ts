import type { ListKind } from './list.ts'
import type { ListFormat } from './read-list.ts'

/** One published list: where it is, what it says, and on which terms. */
export interface PublishedList {
  /** Short and unique: letters, digits and `-`. */
  readonly id: string
  readonly kind: ListKind
  /** Absolute http or https. */
  readonly url: string
  /** The VPN provider of a `vpn-server` list. */
  readonly publisher?: string
  /** Found out where absent. */
  readonly format?: ListFormat
  readonly halfLifeDays: number
  /**
   * An SPDX name where the repository has such a LICENSE file (read in 2026), or what the publisher says instead.
   */
  readonly licence: string
  /** The publisher shows a changing sample of its addresses: what was seen is kept, each range with its dates. */
  readonly rotating?: boolean
}

const github = (repository: string, path: string): string =>
  `https://raw.githubusercontent.com/${repository}/HEAD/${path}`
const ipranges = (path: string): string => github('lord-alfred/ipranges', path)

// Where half-lives come from: which part of a 30 days old copy of the list was still right in 2026 (Tor 90 %, NordVPN
// 54 %, proxies 41 %). Nothing was watched for longer, so no list of addresses counts for more than a year. AS numbers
// move slower.
const YEAR = 365
const NO_LICENCE = 'published for this use; no licence found'

type Terms = Pick<PublishedList, 'halfLifeDays' | 'licence'> & Partial<Pick<PublishedList, 'format' | 'rotating'>>
const list = (id: string, kind: ListKind, url: string, terms: Terms): PublishedList => ({ id, kind, url, ...terms })

const vpnServer = (publisher: string, halfLifeDays: number, rotating?: true): PublishedList => ({
  ...list(`vpn-${publisher}`, 'vpn-server', github('Joe12387/open-source-vpn-ip-lists', `${publisher}.txt`), {
    format: 'addresses', halfLifeDays, licence: 'CC0-1.0', ...rotating && { rotating }
  }),
  publisher
})
/** What visitors come from: the addresses in the list above are mostly those that clients connect to. */
const vpnExits = (publisher: string, repository: string, file: string, halfLifeDays: number): PublishedList => ({
  ...list(`vpn-${publisher}-exits`, 'vpn-server', github(`tn3w/${repository}`, file), {
    format: 'addresses', halfLifeDays, licence: 'Apache-2.0'
  }),
  publisher
})
const x4bnet = (name: string, kind: ListKind, path: string): PublishedList =>
  list(`x4bnet-${name}`, kind, github('X4BNet/lists_vpn', path), kind.endsWith('asn')
    ? { format: 'asns', halfLifeDays: 2 * YEAR, licence: 'MIT' }
    : { format: 'addresses', halfLifeDays: YEAR, licence: 'MIT' })
const oxl = (name: string, kind: ListKind, path: string): PublishedList =>
  list(`oxl-${name}`, kind, github('O-X-L/risk-db-lists', path), {
    format: 'asns', halfLifeDays: 2 * YEAR, licence: 'BSD-3-Clause'
  })
const crawler = (id: string, url: string, licence: string): PublishedList =>
  list(`crawler-${id}`, 'crawler', url, { halfLifeDays: YEAR, licence })
const cloud = (id: string, url: string, licence: string): PublishedList =>
  list(`cloud-${id}`, 'hosting', url, { halfLifeDays: YEAR, licence })

/** Every list that `ip-risk lists pull` fetches. None of them comes with the package. */
export const publishers: readonly PublishedList[] = [
  x4bnet('vpn-v4', 'vpn-range', 'output/vpn/ipv4.txt'),
  x4bnet('vpn-v6', 'vpn-range', 'output/vpn/ipv6.txt'),
  x4bnet('vpn-asn', 'vpn-asn', 'input/vpn/ASN.txt'),
  oxl('vpn-asn', 'vpn-asn', 'asn/kind_vpn.txt'),

  vpnServer('airvpn', 180),
  vpnServer('ivpn', 180),
  vpnServer('mullvad', YEAR),
  vpnServer('nordvpn', 34),
  vpnServer('pia', 60, true),
  vpnServer('protonvpn', 180),
  vpnServer('surfshark', 60, true),
  vpnServer('windscribe', 180),
  vpnExits('protonvpn', 'ProtonVPN-IPs', 'protonvpn_ips.txt', 60),
  vpnExits('tunnelbear', 'TunnelBear-IPs', 'tunnelbear_ips.txt', 60),
  vpnExits('windscribe', 'Windscribe-IPs', 'windscribe_ips.txt', 60),

  list('tor-bulk-exits', 'tor-exit', 'https://check.torproject.org/torbulkexitlist', {
    format: 'addresses', halfLifeDays: 180, licence: NO_LICENCE
  }),
  list('tor-exits', 'tor-exit', github('alireza-rezaee/tor-nodes', 'latest.exits.csv'), {
    format: 'columns', halfLifeDays: 180, licence: 'MIT'
  }),
  list('public-proxies', 'public-proxy', github('monosans/proxy-list', 'proxies/all.txt'), {
    format: 'addresses', halfLifeDays: 2, licence: 'MIT'
  }),

  list('apple-relay', 'relay', 'https://mask-api.icloud.com/egress-ip-ranges.csv', {
    format: 'columns', halfLifeDays: YEAR, licence: NO_LICENCE
  }),

  x4bnet('datacenter-v4', 'hosting', 'output/datacenter/ipv4.txt'),
  x4bnet('datacenter-v6', 'hosting', 'output/datacenter/ipv6.txt'),
  list('ipcat', 'hosting', github('growlfm/ipcat', 'datacenters.csv'), {
    format: 'columns', halfLifeDays: YEAR, licence: 'MIT'
  }),
  cloud('aws', 'https://ip-ranges.amazonaws.com/ip-ranges.json', NO_LICENCE),
  cloud('google', 'https://www.gstatic.com/ipranges/cloud.json', NO_LICENCE),
  cloud('oracle', 'https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json', NO_LICENCE),
  cloud('digitalocean', 'https://digitalocean.com/geo/google.csv', NO_LICENCE),
  cloud('linode', 'https://geoip.linode.com/', NO_LICENCE),
  cloud('vultr', 'https://geofeed.constant.com/?json', NO_LICENCE),
  cloud('microsoft-v4', ipranges('microsoft/ipv4_merged.txt'), 'CC0-1.0'),
  cloud('microsoft-v6', ipranges('microsoft/ipv6_merged.txt'), 'CC0-1.0'),
  x4bnet('datacenter-asn', 'hosting-asn', 'input/datacenter/ASN.txt'),
  list('bad-asn', 'hosting-asn', github('brianhama/bad-asn-list', 'bad-asn-list.csv'), {
    format: 'columns', halfLifeDays: 2 * YEAR, licence: 'MIT'
  }),
  oxl('hosting-asn', 'hosting-asn', 'asn/kind_hosting.txt'),

  crawler('google', 'https://developers.google.com/static/search/apis/ipranges/googlebot.json', NO_LICENCE),
  crawler('bing', 'https://www.bing.com/toolbox/bingbot.json', NO_LICENCE),
  crawler('apple', 'https://search.developer.apple.com/applebot.json', NO_LICENCE),
  crawler('openai', ipranges('openai/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('duckduckgo', ipranges('duckduckbot/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('perplexity', ipranges('perplexity/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('pingdom-v4', ipranges('pingdom/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('pingdom-v6', ipranges('pingdom/ipv6_merged.txt'), 'CC0-1.0'),
  crawler('statuscake', ipranges('statuscake/ipv4_merged.txt'), 'CC0-1.0'),

  list('ipsum', 'abuse', github('stamparm/ipsum', 'levels/3.txt'), {
    format: 'addresses', halfLifeDays: 14, licence: 'Unlicense'
  }),
  list('spamhaus-drop', 'abuse', 'https://www.spamhaus.org/drop/drop.txt', {
    format: 'addresses', halfLifeDays: 60, licence: 'terms of use of the DROP lists: free of charge'
  })
]

const repositories: ReadonlyMap<string, string> = new Map(publishers.map(({ id, url }) =>
  [id, /^https:\/\/raw\.githubusercontent\.com\/([^/]+\/[^/]+)\//.exec(url)?.[1] ?? id]))

/** Lists from one repository are one word: what spoils one of them may spoil all. Another list speaks for itself. */
export function collectionOf (listId: string): string {
  return repositories.get(listId) ?? listId
}
