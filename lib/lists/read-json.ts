import type { Collector } from './collector.ts'

/** Where publishers put addresses: AWS, Google and Microsoft ranges, Fastly, Oracle, VPN server lists, onionoo. */
const ADDRESS_KEYS = new Set([
  'ip_prefix', 'ipv6_prefix', 'ipv4Prefix', 'ipv6Prefix', 'prefix', 'prefixes', 'addressPrefixes', 'cidr', 'cidrs', 'range', 'ranges', 'network', 'networks',
  'ip', 'ips', 'ipv4', 'ipv6', 'address', 'addresses', 'ipv6_addresses', 'exit_addresses', 'ipv4_cidrs', 'ipv6_cidrs', 'ipv4_addr_in', 'ipv6_addr_in', 'station'
])

/**
 * Every text under one of these keys, and in arrays directly in the root. Another text is no address and no mistake (a region, a date).
 * The "line" of a rejected row is its count among the addresses.
 */
export function readJson (root: unknown, into: Collector): number {
  let rows = 0
  const open: { value: unknown, address: boolean }[] = [{ value: root, address: true }]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { value, address } = at
    if (typeof value === 'string') {
      if (!address || value === '') continue
      rows++
      if (!into.addNetwork(value)) into.reject(rows, value)
    } else if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) open.push({ value: value[i], address })
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value).reverse()) open.push({ value: member, address: ADDRESS_KEYS.has(key) })
    }
  }
  return rows
}
