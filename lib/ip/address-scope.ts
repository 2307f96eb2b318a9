import type { AddressScope } from '../../types/contract.ts'
import { checkNumber } from '../util/index.ts'
import { addressText, formatAddress, parseAddress, words } from './address.ts'
import { parseCidr, type RangeMap, rangeMap, type RangeMapEntry } from './cidr.ts'
import { specialPurpose } from './published-ranges.ts'

/** Every scope; its place is its number in a range map. */
export const scopes: readonly AddressScope[] = [
  'public', 'unspecified', 'this_network', 'loopback', 'private', 'shared', 'link_local', 'documentation',
  'benchmarking', 'protocol', 'translation', '6to4', 'teredo', 'discard', 'dummy', 'srv6', 'site_local', 'multicast',
  'reserved', 'broadcast'
]

/** Bits that the number of a scope needs. */
export const SCOPE_MASK = 31
export const UNSPECIFIED: number = scopes.indexOf('unspecified')

/** What the special-purpose registries leave out: RFC 5771, RFC 4291 (2.4 global unicast, 2.7 multicast), RFC 3879. */
const outsideRegistries: readonly (readonly [string, AddressScope])[] = [
  ['224.0.0.0/4', 'multicast'], ['ff00::/8', 'multicast'], ['fec0::/10', 'site_local'],
  ['::/3', 'reserved'], ['4000::/2', 'reserved'], ['8000::/1', 'reserved']
]
const scopeRows = [...outsideRegistries, ...specialPurpose]

/** The networks of the scopes wanted, as text. A narrower network of another scope may lie inside one of them. */
export function networksOf (wanted: (scope: AddressScope) => boolean): readonly string[] {
  return scopeRows.flatMap(([cidr, scope]) => wanted(scope) ? [cidr] : [])
}

/** Every network with a scope, for a range map whose ground is 0, `public`. The narrowest network decides. */
export const scopeEntries: readonly RangeMapEntry[] = scopeRows
  .map(([cidr, scope]) => ({ cidr: parseCidr(cidr), value: scopes.indexOf(scope) }))

const scopeMap: RangeMap = rangeMap(scopeEntries, 0, (_outer, inner) => inner)

/** Which kind of address the text is, by IANA's registries; null where it is none. */
export function scopeOf (ip: string): AddressScope | null {
  const family = parseAddress(ip)
  return family === 0 ? null : scopes[scopeMap.at(family)]!
}

/**
 * The address that a client is looked up and cached by: its own, or the public IPv4 address that a 6to4, Teredo or
 * NAT64 address carries, because that is what providers know. null: nobody is asked. Documentation addresses occur in
 * tests and examples only.
 */
export function lookupAddress (ip: string, scope: AddressScope | null): string | null {
  if (isLookedUp(scope)) return ip
  if (scope !== '6to4' && scope !== 'teredo' && scope !== 'translation') return null
  parseAddress(ip)
  return placeEmbedded(scope) && isLookedUp(scopes[scopeMap.at(4)]!) ? formatAddress(4) : null
}

/** As `lookupAddress`, and the address itself where nobody is asked: two texts of one client are one address. */
export function effectiveAddress (ip: string): string {
  return ip.includes(':') ? lookupAddress(ip, scopeOf(ip)) ?? ip : ip
}

function isLookedUp (scope: AddressScope | null): boolean {
  return scope === 'public' || scope === 'documentation'
}

/** Puts the IPv4 address inside the IPv6 address in `words` there instead. false: there is none. */
export function placeEmbedded (scope: AddressScope): boolean {
  const value = embeddedIPv4(scope)
  if (value < 0) return false
  words[0] = words[1] = words[2] = 0
  words[3] = value
  return true
}

/** The IPv4 address inside the IPv6 address in `words`, or -1. Never to trust: anybody can write one. */
export function embeddedIPv4 (scope: AddressScope): number {
  if (scope === '6to4') return ((words[0]! & 0xffff) * 65536) + (words[1]! >>> 16) // RFC 3056
  if (scope === 'teredo') return ~words[3]! >>> 0 // RFC 4380: the client, inverted
  const top = words[0] === 0 && words[1] === 0
  const compatible = top && (words[2] === 0 || words[2] === 0xffff0000) // RFC 4291, and SIIT of RFC 2765
  const nat64 = words[0] === 0x64ff9b && words[1] === 0 && words[2] === 0 // RFC 6052
  return (scope === 'reserved' && compatible) || (scope === 'translation' && nat64) ? words[3]! : -1
}

/**
 * What to count by: the IPv4 address, or the IPv6 network that one subscriber holds (`2001:db8:1:2::/64`), because
 * whoever has a /64 has 2^64 addresses to hide behind. `ipv6Prefix` 48 to 128, default 64. null where the text is no
 * address.
 */
export function subnetKey (ip: string | null | undefined, ipv6Prefix = 64): string | null {
  const prefix = ipv6Prefix === 64 ? 64 : checkNumber('ipv6Prefix', ipv6Prefix, 64, { min: 48, max: 128 })
  const family = typeof ip === 'string' ? parseAddress(ip) : 0
  if (family === 0 || typeof ip !== 'string') return null
  if (family === 4 || prefix === 128) return addressText(family, ip)
  for (let i = 1; i < 4; i++) {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i))
    words[i] = bits === 0 ? 0 : words[i]! & (0xffffffff << (32 - bits))
  }
  return `${formatAddress(6)}/${prefix}`
}

/** A short key for the IPv6 /64 around an address; undefined where the text is no IPv6 address. */
export function subnetOf (ip: string): string | undefined {
  return ip.includes(':') && parseAddress(ip) === 6 ? `${words[0]}:${words[1]}` : undefined
}
