import { gunzipSync } from 'node:zlib'
import { BadList } from '../../errors.ts'
import type { Ranges } from './list.ts'
import {
  asnOf, type Collector, createCollector, entryOf, readColumns, readLines, type RejectedRow, rowsOf
} from './read-rows.ts'

/** Where publishers put addresses: AWS, Google and Microsoft ranges, Fastly, Oracle, VPN server lists, onionoo. */
const ADDRESS_KEYS = new Set([
  'ip_prefix', 'ipv6_prefix', 'ipv4Prefix', 'ipv6Prefix', 'prefix', 'prefixes', 'addressPrefixes', 'cidr', 'cidrs',
  'range', 'ranges', 'network', 'networks',
  'ip', 'ips', 'ipv4', 'ipv6', 'address', 'addresses', 'ipv6_addresses', 'exit_addresses', 'ipv4_cidrs', 'ipv6_cidrs',
  'ipv4_addr_in', 'ipv6_addr_in', 'station'
])

/**
 * Every text under one of these keys, and in arrays directly in the root. Another text is no address and no mistake (a
 * region, a date). The "line" of a rejected row is its count among the addresses.
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
      for (const [key, member] of Object.entries(value).reverse()) {
        open.push({
          value: member, address: ADDRESS_KEYS.has(key)
        })
      }
    }
  }
  return rows
}

/**
 * `addresses`: IP, CIDR, `first-last` or `IP:port` a line, with notes. `asns`: AS number a line. `columns`:
 * comma-separated, with or without a header. `json`: as cloud providers publish their ranges.
 */
export type ListFormat = 'addresses' | 'asns' | 'columns' | 'json'

export interface ReadList {
  readonly format: ListFormat
  readonly ranges: Ranges
  readonly asns: number[]
  /** The first twenty rows that were not understood; lines count from 1, texts are cut to 80 characters. */
  readonly rejected: readonly RejectedRow[]
  readonly rejectedRows: number
  /** Rows with something in them: no comment, no header. */
  readonly rows: number
}

/** Largest list, inflated. The largest that is published (all Microsoft ranges) has 5 MB. */
export const MAX_LIST_BYTES: number = 64 * 1024 * 1024

/**
 * Reads a published list, plain or gzip. Found out where not given: the format. Single rows that are wrong are counted,
 * not thrown. Throws `BadList` when there is no list at all: a damaged or too large gzip, JSON that is none, an HTML
 * page.
 */
export function readList (bytes: Uint8Array, format?: ListFormat): ReadList {
  const text = textOf(inflated(bytes))
  const start = text.slice(0, 1000).trimStart()
  if (start.startsWith('<')) throw new BadList('it is an HTML or XML page, not a list')
  const chosen = format ?? detectFormat(text, start)
  const into = createCollector()
  const rows = chosen === 'json'
    ? readJson(parsedJson(text), into)
    : chosen === 'columns' ? readColumns(text, into) : readLines(text, chosen, into)
  return {
    format: chosen,
    ranges: into.ranges(),
    asns: into.asns(),
    rejected: into.rejected,
    rejectedRows: into.rejectedRows(),
    rows
  }
}

function detectFormat (text: string, start: string): ListFormat {
  if (start.startsWith('{') || (start.startsWith('[') && !/^\[[0-9a-fA-F:.]+\]:/.test(start))) return 'json'
  const [row = ''] = rowsOf(text).next().value ?? []
  const entry = entryOf(row)
  if (asnOf(entry) > 0) return 'asns'
  const comma = /^(?:"[^"]*"|[^\s#;,]+)\s*,/.test(row) || (!createCollector().addNetwork(entry) && /^[^#;]*,/.test(row))
  return comma ? 'columns' : 'addresses'
}

function inflated (bytes: Uint8Array): Uint8Array {
  if (!isGzip(bytes)) {
    if (bytes.length > MAX_LIST_BYTES) throw new BadList(`it is larger than ${MAX_LIST_BYTES} bytes`)
    return bytes
  }
  let plain: Uint8Array
  try {
    plain = gunzipSync(bytes, { maxOutputLength: MAX_LIST_BYTES })
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw new BadList(tooLarge
      ? `it inflates to more than ${MAX_LIST_BYTES} bytes`
      : 'its gzip is damaged or cut off', { cause })
  }
  if (isGzip(plain)) throw new BadList('it is gzip inside gzip')
  return plain
}

function isGzip (bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** UTF-8, a byte order mark removed; bytes that are none become U+FFFD, which no address contains. */
function textOf (bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function parsedJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BadList('it is not JSON, or was cut off', { cause })
  }
}
