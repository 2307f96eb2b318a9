import { upperBound, upperBoundOfRows } from '../util/index.ts'
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
 * `192.0.2.0/24`, `2001:db8::/32`, or a bare address (one host). Throws a `RangeError` that says what is wrong with the
 * text, for option checks and list readers to wrap: no netmask notation, no leading zeros, no text after the number; a
 * mapped prefix (`::ffff:10.0.0.0/104`) is the IPv4 prefix less 96, and refused below /96.
 */
export function parseCidr (text: string): Cidr {
  const slash = text.indexOf('/')
  const addressEnd = slash < 0 ? text.length : slash
  const family: Family = parseAddress(text, 0, addressEnd)
  if (family === 0) throw new RangeError(`"${printable(text)}" is not an IP address or CIDR`)
  const mapped = family === 4 && text.includes(':')
  const width = family === 4 && !mapped ? 32 : 128
  let prefix = slash < 0 ? width : parsePrefix(text, slash + 1)
  if (prefix < 0 || prefix > width) {
    throw new RangeError(`"${printable(text)}" needs a prefix length from 0 to ${width} after the slash`)
  }
  if (mapped) {
    if (prefix < 96) {
      throw new RangeError(`"${printable(text)}" covers more than IPv4-mapped addresses: write the IPv4 network itself`)
    }
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

/** What may be in an error message or a log line: short, and nothing that breaks a line. */
function printable (text: string): string {
  return JSON.stringify(text.slice(0, 60)).slice(1, -1)
}

/** A number for every address: what the networks say that contain it. Immutable. */
export interface RangeMap {
  /** Of the address in `words`. `family` is what `parseAddress` returned. */
  at (family: 4 | 6): number
}

export interface RangeMapEntry { readonly cidr: Cidr, readonly value: number }

type Combine = (outer: number, inner: number) => number

/**
 * One search answers for all networks at once. Networks nest or are disjoint: `combine` is called from the widest
 * to the narrowest, `ground` being what holds where no network is. Values are 16 bits.
 */
export function rangeMap (entries: Iterable<RangeMapEntry>, ground: number, combine: Combine): RangeMap {
  const all = [...entries]
  const v4 = segments(all.filter(entry => entry.cidr.family === 4), 32, ground, combine)
  const v6 = segments(all.filter(entry => entry.cidr.family === 6), 128, ground, combine)
  const starts4 = Uint32Array.from(v4, segment => Number(segment.start))
  const values4 = Uint16Array.from(v4, segment => segment.value)
  const buckets = firstSegmentOfEachOctet(starts4)
  const starts6 = new Uint32Array(v6.length * 4)
  v6.forEach((segment, i) => {
    for (let word = 0; word < 4; word++) {
      starts6[4 * i + word] = Number((segment.start >> BigInt(96 - 32 * word)) & 0xffffffffn)
    }
  })
  const values6 = Uint16Array.from(v6, segment => segment.value)
  return {
    at (family) {
      // The first segment starts at zero, so there is always one that does not start above the address.
      if (family === 6) return values6[upperBoundOfRows(starts6, words) - 1]!
      const address = words[3]!
      const octet = address >>> 24
      return values4[upperBound(starts4, address, buckets[octet]! + 1, buckets[octet + 1]! + 1) - 1]!
    }
  }
}

interface Segment { readonly start: bigint, readonly value: number }

/** The whole address space, cut wherever the value changes; the first segment starts at 0. */
function segments (entries: RangeMapEntry[], width: 32 | 128, ground: number, combine: Combine): Segment[] {
  const sorted = entries.map(({ cidr, value }) => {
    const first = cidr.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    return { first, end: first + (1n << BigInt(width - cidr.prefix)), value }
  }).sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : a.end > b.end ? -1 : a.end < b.end ? 1 : 0)
  const cut: Segment[] = []
  const open: { end: bigint, value: number }[] = [{ end: 1n << BigInt(width), value: ground }]
  const add = (start: bigint, value: number) => {
    if (cut.at(-1)?.start === start) cut.pop()
    if (cut.at(-1)?.value !== value) cut.push({ start, value })
  }
  add(0n, ground)
  const closeUntil = (address: bigint) => {
    while (open.at(-1)!.end <= address && open.length > 1) add(open.pop()!.end, open.at(-1)!.value)
  }
  for (const { first, end, value } of sorted) {
    closeUntil(first)
    const combined = combine(open.at(-1)!.value, value)
    add(first, combined)
    open.push({ end, value: combined })
  }
  const last = 1n << BigInt(width)
  closeUntil(last)
  return cut.filter(segment => segment.start < last)
}

/** For each first octet, the segment that its first address is in; one more for the end. */
function firstSegmentOfEachOctet (starts: Uint32Array): Uint32Array {
  const buckets = new Uint32Array(257)
  let at = 0
  for (let octet = 0; octet < 256; octet++) {
    while (at + 1 < starts.length && starts[at + 1]! <= octet * 0x1000000) at++
    buckets[octet] = at
  }
  buckets[256] = starts.length - 1
  return buckets
}
