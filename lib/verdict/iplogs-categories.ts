import type { Category, Signal } from '../../types/contract.ts'
import { type Json, readOneOf } from './read.ts'

export const categoryNames: readonly Category[] = ['vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'crawler', 'abuse']

/** What a matched signal of some weight says the address is. The others say how sure one may be, not what it is. */
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
 * The categories of an IPLogs answer, in the order of `categoryNames`. Private relays and WARP are what their name says and not `vpn`:
 * ordinary customers use them. `is_vpn` alone means `vpn`, unless something says what else it is (Tor comes as `is_vpn` with `tor_exit`).
 */
export function categoriesOf (isVpn: boolean, signals: readonly Signal[], info: Json): Category[] {
  const found = new Set<Category>()
  for (const { type, weight } of signals) {
    const category = ofSignal.get(type)
    if (category !== undefined && weight > 0) found.add(category)
  }
  if (info['is_proxy'] === true) found.add('proxy')
  if (info['type'] === 'datacenter' || info['type'] === 'hosting') found.add('hosting')
  if (info['is_vpn'] === true || (isVpn && !found.has('tor') && !found.has('proxy'))) found.add('vpn')
  const vendor = typeof info['vpn_provider'] === 'string' ? info['vpn_provider'] : ''
  const named = /\bprivate relay\b/i.test(vendor) ? 'relay' : /\bwarp\b/i.test(vendor) ? 'warp' : null
  if (named !== null) {
    found.delete('vpn')
    found.add(named)
  }
  return categoryNames.filter(name => found.has(name))
}

/** The known names of a stored list, each once. */
export function readCategories (value: unknown): Category[] {
  return Array.isArray(value) ? [...new Set(value.map(name => readOneOf(name, categoryNames)).filter(name => name !== undefined))] : []
}
