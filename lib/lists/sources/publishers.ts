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
  /** An SPDX name, or what the publisher says instead. */
  readonly licence: string
  /** The publisher shows a changing sample of its addresses: what was seen is kept, each range with its dates. */
  readonly rotating?: boolean
}

const github = (repository: string, path: string): string =>
  `https://raw.githubusercontent.com/${repository}/HEAD/${path}`
const x4bnet = (path: string): string => github('X4BNet/lists_vpn', path)
const ipranges = (path: string): string => github('lord-alfred/ipranges', path)

// Where half-lives come from: which part of a 30 days old copy of the list was still right in 2026 (Tor 90 %, NordVPN
// 54 %, proxies 41 %). Nothing was watched for longer, so no list of addresses counts for more than a year. AS numbers
// move slower.
const YEAR = 365

const vpnServer = (publisher: string, halfLifeDays: number, rotating?: true): PublishedList => ({
  id: `vpn-${publisher}`,
  kind: 'vpn-server',
  publisher,
  url: github('Joe12387/open-source-vpn-ip-lists', `${publisher}.txt`),
  format: 'addresses',
  halfLifeDays,
  licence: 'CC0-1.0',
  ...rotating && { rotating }
})
const crawler = (id: string, url: string, licence: string): PublishedList =>
  ({ id: `crawler-${id}`, kind: 'crawler', url, halfLifeDays: YEAR, licence })
const cloud = (id: string, url: string, licence: string): PublishedList =>
  ({ id: `cloud-${id}`, kind: 'hosting', url, halfLifeDays: YEAR, licence })
const NO_LICENCE = 'published for this use; no licence named'

/** Every list that `ip-risk lists pull` fetches. None of them comes with the package. */
export const publishers: readonly PublishedList[] = [
  {
    id: 'x4bnet-vpn-v4',
    kind: 'vpn-range',
    url: x4bnet(
      'output/vpn/ipv4.txt'
    ),
    format: 'addresses',
    halfLifeDays: YEAR,
    licence: 'MIT'
  },
  {
    id: 'x4bnet-vpn-v6',
    kind: 'vpn-range',
    url: x4bnet(
      'output/vpn/ipv6.txt'
    ),
    format: 'addresses',
    halfLifeDays: YEAR,
    licence: 'MIT'
  },
  {
    id: 'x4bnet-vpn-asn',
    kind: 'vpn-asn',
    url: x4bnet(
      'input/vpn/ASN.txt'
    ),
    format: 'asns',
    halfLifeDays: 2 * YEAR,
    licence: 'MIT'
  },
  {
    id: 'oxl-vpn-asn',
    kind: 'vpn-asn',
    url: github(
      'O-X-L/risk-db-lists', 'asn/kind_vpn.txt'
    ),
    format: 'asns',
    halfLifeDays: 2 * YEAR,
    licence: 'BSD-3-Clause'
  },

  vpnServer('airvpn', 180),
  vpnServer('ivpn', 180),
  vpnServer('mullvad', YEAR),
  vpnServer('nordvpn', 34),
  vpnServer('pia', 60, true),
  vpnServer('protonvpn', 180),
  vpnServer('surfshark', 60, true),
  vpnServer('windscribe', 180),

  {
    id: 'tor-bulk-exits',
    kind: 'tor-exit',
    url: 'https://check.torproject.org/torbulkexitlist',
    format: 'addresses',
    halfLifeDays: 180,
    licence: 'CC0-1.0'
  },
  {
    id: 'tor-exits',
    kind: 'tor-exit',
    url: github(
      'alireza-rezaee/tor-nodes', 'latest.exits.csv'
    ),
    format: 'columns',
    halfLifeDays: 180,
    licence: 'MIT'
  },
  {
    id: 'public-proxies',
    kind: 'public-proxy',
    url: github(
      'monosans/proxy-list', 'proxies/all.txt'
    ),
    format: 'addresses',
    halfLifeDays: 2,
    licence: 'MIT'
  },

  {
    id: 'apple-relay',
    kind: 'relay',
    url: 'https://mask-api.icloud.com/egress-ip-ranges.csv',
    format: 'columns',
    halfLifeDays: YEAR,
    licence: NO_LICENCE
  },

  {
    id: 'x4bnet-datacenter-v4',
    kind: 'hosting',
    url: x4bnet(
      'output/datacenter/ipv4.txt'
    ),
    format: 'addresses',
    halfLifeDays: YEAR,
    licence: 'MIT'
  },
  {
    id: 'x4bnet-datacenter-v6',
    kind: 'hosting',
    url: x4bnet(
      'output/datacenter/ipv6.txt'
    ),
    format: 'addresses',
    halfLifeDays: YEAR,
    licence: 'MIT'
  },
  {
    id: 'ipcat',
    kind: 'hosting',
    url: github(
      'growlfm/ipcat', 'datacenters.csv'
    ),
    format: 'columns',
    halfLifeDays: YEAR,
    licence: 'MIT'
  },
  cloud('aws', 'https://ip-ranges.amazonaws.com/ip-ranges.json', NO_LICENCE),
  cloud('google', 'https://www.gstatic.com/ipranges/cloud.json', NO_LICENCE),
  cloud('oracle', 'https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json', NO_LICENCE),
  cloud('digitalocean', 'https://digitalocean.com/geo/google.csv', NO_LICENCE),
  cloud('linode', 'https://geoip.linode.com/', NO_LICENCE),
  cloud('vultr', 'https://geofeed.constant.com/?json', NO_LICENCE),
  cloud('microsoft-v4', ipranges('microsoft/ipv4_merged.txt'), 'CC0-1.0'),
  cloud('microsoft-v6', ipranges('microsoft/ipv6_merged.txt'), 'CC0-1.0'),
  {
    id: 'x4bnet-datacenter-asn',
    kind: 'hosting-asn',
    url: x4bnet(
      'input/datacenter/ASN.txt'
    ),
    format: 'asns',
    halfLifeDays: 2 * YEAR,
    licence: 'MIT'
  },
  {
    id: 'bad-asn',
    kind: 'hosting-asn',
    url: github(
      'brianhama/bad-asn-list', 'bad-asn-list.csv'
    ),
    format: 'columns',
    halfLifeDays: 2 * YEAR,
    licence: 'MIT'
  },
  {
    id: 'oxl-hosting-asn',
    kind: 'hosting-asn',
    url: github(
      'O-X-L/risk-db-lists', 'asn/kind_hosting.txt'
    ),
    format: 'asns',
    halfLifeDays: 2 * YEAR,
    licence: 'BSD-3-Clause'
  },

  crawler('google', 'https://developers.google.com/static/search/apis/ipranges/googlebot.json', NO_LICENCE),
  crawler('bing', 'https://www.bing.com/toolbox/bingbot.json', NO_LICENCE),
  crawler('apple', 'https://search.developer.apple.com/applebot.json', NO_LICENCE),
  crawler('openai', ipranges('openai/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('duckduckgo', ipranges('duckduckbot/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('perplexity', ipranges('perplexity/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('pingdom-v4', ipranges('pingdom/ipv4_merged.txt'), 'CC0-1.0'),
  crawler('pingdom-v6', ipranges('pingdom/ipv6_merged.txt'), 'CC0-1.0'),
  crawler('statuscake', ipranges('statuscake/ipv4_merged.txt'), 'CC0-1.0'),

  {
    id: 'ipsum',
    kind: 'abuse',
    url: github(
      'stamparm/ipsum', 'levels/3.txt'
    ),
    format: 'addresses',
    halfLifeDays: 14,
    licence: 'Unlicense'
  },
  {
    id: 'spamhaus-drop',
    kind: 'abuse',
    url: 'https://www.spamhaus.org/drop/drop.txt',
    format: 'addresses',
    halfLifeDays: 60,
    licence: 'free of charge, credit to The Spamhaus Project'
  }
]
