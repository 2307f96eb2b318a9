import { createHmac } from 'node:crypto'
import type { LogAddress } from '../types/contract.ts'
import { derivedKey } from './cache-options.ts'
import { formatAddress, parseAddress, words } from './ip/address.ts'
import { HIDDEN, redactAddress, redactStrings } from './ip/redact.ts'

/** How an address stands in a log line or a record. null stays null. */
export type ShowAddress = (ip: string | null) => string | null

/** `keySecret` is needed by `hmac` alone; the first one counts. */
export function showAddress (how: LogAddress, keySecret?: readonly string[]): ShowAddress {
  switch (how) {
    case 'full': return ip => ip
    case 'truncated': return ip => ip === null ? null : truncated(ip)
    case 'hmac': {
      const key = derivedKey(keySecret![0]!, 'log')
      return ip => ip === null ? null : createHmac('sha256', key).update(ip).digest('hex')
    }
    case 'none': return () => null
  }
}

/** The network that hosts share: /24 of IPv4, and /48 of IPv6, where a customer has a /56 or more. */
function truncated (ip: string): string | null {
  const family = parseAddress(ip)
  if (family === 0) return null
  return family === 4
    ? `${formatAddress(4, [0, 0, 0, words[3]! & 0xffffff00])}/24`
    : `${formatAddress(6, [words[0]!, (words[1]! & 0xffff0000) >>> 0, 0, 0])}/48`
}

/** What a provider says of an address, for a log line or a record that shows the address as `shown`. */
export function withoutAddress<T> (value: T, ip: string | null, shown: string | null): T {
  return ip === null || shown === ip ? value : redactStrings(value, redactAddress(ip, shown ?? HIDDEN))
}
