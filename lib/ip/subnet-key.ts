import { checkNumber } from '../options.ts'
import { addressText, formatAddress, parseAddress, words } from './address.ts'

/**
 * What to count by: the IPv4 address, or the IPv6 network that one subscriber holds (`2001:db8:1:2::/64`), because whoever
 * has a /64 has 2^64 addresses to hide behind. `ipv6Prefix` 48 to 128, default 64. null where the text is no address.
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
