import type { Category, IpInfo, Signal } from '../../types/contract.ts'
import { type Json, readNumber, readOneOf, readText, readTexts } from './read.ts'

export const categoryNames: readonly Category[] = [
  'vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'crawler', 'abuse', 'gateway'
]

/** The category of a matched signal with some weight. Other signals are evidence without a category. */
const ofSignal: ReadonlyMap<string, Category> = new Map([
  ['known_vpn_exact', 'vpn'],
  ['known_vpn_cidr', 'vpn'],
  ['vpn_asn', 'vpn'],
  ['vpn_org_keyword', 'vpn'],
  ['ja3_known_vpn', 'vpn'],
  ['active_probe_openvpn', 'vpn'],
  ['active_probe_wireguard', 'vpn'],
  ['active_probe_ikev2', 'vpn'],
  ['active_probe_reality', 'vpn'],
  ['residential_proxy_backbone', 'proxy'],
  ['proxy_rdns_pattern', 'proxy'],
  ['public_proxy_list', 'proxy'],
  ['active_probe_socks5', 'proxy'],
  ['active_probe_http_connect', 'proxy'],
  ['tor_exit', 'tor'],
  ['dc_ip', 'hosting']
] as const)

/**
 * Lower-case words with single spaces, and one around: `iCloudPrivateRelay`, `ICLOUD_PRIVATE_RELAY` and `iCloud
 * Private-Relay` are one. Providers spell names as they like, and a hyphen must not block ordinary customers.
 */
function wordsOf (text: string): string {
  const words = text.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2').toLowerCase()
  return ` ${words.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()} `.replaceAll(' i cloud', ' icloud')
}

/** Anybody may call a network "Private Relay": as an organisation it counts only beside the name of its operator. */
const ofVendor = [
  / (?:(?:icloud|apple) ?)?private ?relay | (?:icloud|apple) ?relay /, / (?:cloudflare ?)?warp /
] as const
const ofNetwork = [/ (?:icloud|apple) ?(?:private ?)?relay /, / cloudflare ?warp /] as const
const ofType = [
  /^ (?:known )?(?:(?:icloud |apple )*private ?relay|(?:icloud|apple) ?(?:private ?)?relay) (?:(?:egress|exit|ip) )?$/,
  /^ (?:known )?(?:cloudflare ?)?warp (?:(?:egress|exit|ip) )?$/
] as const

function match (text: unknown, [relay, warp]: readonly [RegExp, RegExp]): 'relay' | 'warp' | null {
  if (typeof text !== 'string') return null
  const words = wordsOf(text)
  return relay.test(words) ? 'relay' : warp.test(words) ? 'warp' : null
}

/** Whether the name of a VPN, as a provider writes it, is that of a private relay or of WARP. */
export function relayOrWarp (vendor: unknown): 'relay' | 'warp' | null {
  return match(vendor, ofVendor)
}

/**
 * The categories of an IPLogs answer, in the order of `categoryNames`. Private relays and WARP are what their name
 * says and not `vpn`: ordinary customers use them. `is_vpn` alone means `vpn`, unless something says what else it is
 * (Tor comes as `is_vpn` with `tor_exit`).
 */
export function categoriesOf (isVpn: boolean, signals: readonly Signal[], info: Json): Category[] {
  const found = new Set<Category>()
  let named = match(info['vpn_provider'], ofVendor) ?? match(info['org'], ofNetwork) ?? match(info['isp'], ofNetwork)
  for (const { type, weight } of signals) {
    const category = ofSignal.get(type) ?? ofSignal.get(wordsOf(type).trim().replaceAll(' ', '_'))
    if (category === undefined) named ??= match(type, ofType)
    else if (weight > 0) found.add(category)
  }
  if (info['is_proxy'] === true) found.add('proxy')
  if (info['type'] === 'datacenter' || info['type'] === 'hosting') found.add('hosting')
  if (info['is_vpn'] === true || (isVpn && !found.has('tor') && !found.has('proxy'))) found.add('vpn')
  // A name is only a claim about the network: it must not soften evidence of Tor.
  if (named !== null && !found.has('tor')) {
    found.delete('vpn')
    found.add(named)
  }
  return categoryNames.filter(name => found.has(name))
}

/** The known names of a stored list, each once. */
export function readCategories (value: unknown): Category[] {
  if (!Array.isArray(value)) return []
  return [...new Set(value.map(name => readOneOf(name, categoryNames)).filter(name => name !== undefined))]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const texts = [
  ['org', 'org'], ['isp', 'isp'], ['country', 'country'], ['countryCode', 'country_code'], ['city', 'city'],
  ['type', 'type'],
  ['vpnProvider', 'vpn_provider']
] as const

/** `ip_info` of IPLogs: everything in it but the address is optional, and what has a wrong type is not there. */
export function readInfo (json: Json): IpInfo {
  const info: Mutable<IpInfo> = {}
  const given = json['asn']
  const asn = typeof given === 'number' && Number.isInteger(given) ? `AS${given}` : readText(given)
  if (asn !== undefined) info.asn = asn
  for (const [name, field] of texts) {
    const text = readText(json[field])
    if (text !== undefined) info[name] = text
  }
  const lat = readNumber(json['lat'])
  const lon = readNumber(json['lon'])
  if (lat !== undefined && Math.abs(lat) <= 90) info.lat = lat
  if (lon !== undefined && Math.abs(lon) <= 180) info.lon = lon
  if (typeof json['is_proxy'] === 'boolean') info.isProxy = json['is_proxy']
  const sources = readTexts(json['vpn_provider_sources'], 16)
  if (sources !== undefined) info.vpnProviderSources = sources
  return info
}

export function infoToJson (info: IpInfo): Record<string, unknown> {
  return {
    asn: info.asn,
    ...Object.fromEntries(texts.map(([name, field]) => [field, info[name]])),
    lat: info.lat,
    lon: info.lon,
    is_proxy: info.isProxy,
    vpn_provider_sources: info.vpnProviderSources
  }
}
