import { type Family, formatAddress, parseAddress, words } from './address.ts'

/** A network: the words of its first address, host bits cleared. An IPv4 prefix counts 32 bits, an IPv6 prefix 128. */
export interface Cidr {
  readonly family: 4 | 6
  readonly words: readonly [number, number, number, number]
  readonly prefix: number
  /** Bits were set right of the prefix (`10.0.0.1/8`): usable, and probably a slip of the pen. */
  readonly hostBits: boolean
}

/**
 * `192.0.2.0/24`, `2001:db8::/32`, or a bare address (one host). Throws a `RangeError` that says what is wrong with the text,
 * for option checks and list readers to wrap: no netmask notation, no leading zeros, no text after the number; a mapped
 * prefix (`::ffff:10.0.0.0/104`) is the IPv4 prefix less 96, and refused below /96.
 */
export function parseCidr (text: string): Cidr {
  const slash = text.indexOf('/')
  const addressEnd = slash < 0 ? text.length : slash
  const family: Family = parseAddress(text, 0, addressEnd)
  if (family === 0) throw new RangeError(`"${printable(text)}" is not an IP address or CIDR`)
  const mapped = family === 4 && text.includes(':')
  const width = family === 4 && !mapped ? 32 : 128
  let prefix = slash < 0 ? width : parsePrefix(text, slash + 1)
  if (prefix < 0 || prefix > width) throw new RangeError(`"${printable(text)}" needs a prefix length from 0 to ${width} after the slash`)
  if (mapped) {
    if (prefix < 96) throw new RangeError(`"${printable(text)}" covers more than IPv4-mapped addresses: write the IPv4 network itself`)
    prefix -= 96
  }
  const first: [number, number, number, number] = [words[0]!, words[1]!, words[2]!, words[3]!]
  const hostBits = clearHostBits(first, family === 4 ? prefix + 96 : prefix)
  return { family, words: first, prefix, hostBits }
}

export function formatCidr (cidr: Cidr): string {
  return `${formatAddress(cidr.family, cidr.words)}/${cidr.prefix}`
}

/** Decimal digits without leading zeros, to the end of the text; -1 otherwise. */
function parsePrefix (text: string, start: number): number {
  const length = text.length - start
  if (length < 1 || length > 3 || (length > 1 && text.charCodeAt(start) === 48)) return -1
  let value = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function clearHostBits (network: [number, number, number, number], prefix: number): boolean {
  let cleared = false
  for (let i = 0; i < 4; i++) {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i))
    const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
    const kept = (network[i]! & mask) >>> 0
    if (kept !== network[i]) cleared = true
    network[i] = kept
  }
  return cleared
}

/** What may stand in an error message or a log line: short, and nothing that breaks a line. */
function printable (text: string): string {
  return JSON.stringify(text.slice(0, 60)).slice(1, -1)
}
