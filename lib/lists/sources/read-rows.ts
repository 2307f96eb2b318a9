import { parseAddress, parseCidr, words } from '../../ip/index.ts'
import type { Ranges } from './list.ts'

/**
 * Rows that were not understood are kept up to this number, each up to this many characters: enough to see what is
 * wrong.
 */
const KEPT_REJECTED = 20
const KEPT_TEXT_LENGTH = 80

export interface RejectedRow { readonly line: number, readonly text: string }

/** Gathers what the rows of one list say. The add functions answer whether the text was understood. */
export interface Collector {
  /** An address, a CIDR, `first-last`, `address:port`, `[address]:port`, or a proxy's URL without a path. */
  addNetwork (text: string): boolean
  addRange (first: string, last: string): boolean
  /** `AS64496` or `64496`. */
  addAsn (text: string): boolean
  reject (line: number, text: string): void
  readonly rejected: readonly RejectedRow[]
  rejectedRows (): number
  ranges (): Ranges
  asns (): number[]
}

export function createCollector (): Collector {
  const v4: number[] = []
  const v6: number[] = []
  const asns: number[] = []
  const rejected: RejectedRow[] = []
  let rejectedRows = 0

  const addBetween = (family: 4 | 6, first: ArrayLike<number>, last: ArrayLike<number>) => {
    if (family === 4) v4.push(first[3]!, last[3]!)
    else v6.push(first[0]!, first[1]!, first[2]!, first[3]!, last[0]!, last[1]!, last[2]!, last[3]!)
    return true
  }

  const addAddress = (text: string, start = 0, end = text.length) => {
    const family = parseAddress(text, start, end)
    return family !== 0 && addBetween(family, words, words)
  }

  const addRange = (firstText: string, lastText: string) => {
    const family = parseAddress(firstText)
    if (family === 0) return false
    const first = words.slice()
    return parseAddress(lastText) === family && compare(first, words) <= 0 && addBetween(family, first, words)
  }

  const addCidr = (text: string, slash: number) => {
    const prefix = text.slice(slash + 1)
    const family = parseAddress(text, 0, slash)
    const mapped = family === 4 && text.includes(':')
    const width = family === 4 && !mapped ? 32 : 128
    // Asked before parseCidr, which throws: a long list of nonsense must cost no more than a good one.
    if (family === 0 || !/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > width ||
      (mapped && Number(prefix) < 96)) {
      return false
    }
    const cidr = parseCidr(text)
    return addBetween(cidr.family, cidr.words, lastOf(cidr.words, cidr.family === 4 ? cidr.prefix + 96 : cidr.prefix))
  }

  const addWithPort = (text: string) => {
    const scheme = /^[a-z][a-z\d]{2,9}:\/\//.exec(text)
    const host = scheme === null ? text : text.slice(scheme[0].length)
    const port = /:\d{1,5}$/.exec(host)
    if (port === null) return false
    if (host.startsWith('[')) return host[port.index - 1] === ']' && addAddress(host, 1, port.index - 1)
    return addAddress(host, 0, port.index)
  }

  return {
    rejected,
    rejectedRows: () => rejectedRows,
    addRange,
    addNetwork (text) {
      const slash = text.indexOf('/')
      if (slash >= 0 && text[slash + 1] !== '/') return addCidr(text, slash)
      const dash = text.indexOf('-')
      if (dash >= 0) return addRange(text.slice(0, dash), text.slice(dash + 1))
      return addAddress(text) || addWithPort(text)
    },
    addAsn (text) {
      const number = asnOf(text)
      if (number > 0) asns.push(number)
      return number > 0
    },
    reject (line, text) {
      rejectedRows++
      if (rejected.length < KEPT_REJECTED) rejected.push({ line, text: text.slice(0, KEPT_TEXT_LENGTH) })
    },
    ranges: () => ({ v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }),
    asns: () => asns
  }
}

/** A 32-bit AS number, with or without `AS` before it; 0 where the text is none. */
export function asnOf (text: string): number {
  const match = /^(?:AS)?([1-9]\d{0,9})$/i.exec(text)
  const number = match === null ? 0 : Number(match[1])
  return number <= 0xffffffff ? number : 0
}

function compare (a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

function lastOf (first: readonly number[], prefix: number): number[] {
  return first.map((word, i) => {
    const networkBits = Math.min(32, Math.max(0, prefix - 32 * i))
    return networkBits === 32 ? word : (word | (0xffffffff >>> networkBits)) >>> 0
  })
}

/**
 * No row of a list is longer. What follows it is not read: a list without line ends must not cost more than one
 * with them.
 */
const MAX_ROW_LENGTH = 4096

/** Each line that is neither empty nor a comment, trimmed, and its number from 1. */
export function * rowsOf (text: string): Generator<[line: string, number: number]> {
  let number = 0
  for (let start = 0; start < text.length;) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    number++
    const line = text.slice(start, Math.min(end, start + MAX_ROW_LENGTH)).trim()
    if (line !== '' && !/^(?:[#;]|\/\/)/.test(line)) yield [line, number]
    start = end + 1
  }
}

/**
 * One address, CIDR, `first-last` or `address:port` a line, or one AS number; what follows a space, `#` or `;` is a
 * note.
 */
export function readLines (text: string, kind: 'addresses' | 'asns', into: Collector): number {
  let rows = 0
  for (const [line, number] of rowsOf(text)) {
    rows++
    const entry = entryOf(line)
    if (!(kind === 'asns' ? into.addAsn(entry) : into.addNetwork(entry))) into.reject(number, line)
  }
  return rows
}

/** A line without its note. `first - last` loses its spaces. */
export function entryOf (line: string): string {
  const end = line.search(/[\s#;]/)
  if (end < 0) return line
  const last = /^\s*-\s*([0-9a-fA-F.:]+)/.exec(line.slice(end, end + 100))
  return last === null ? line.slice(0, end) : `${line.slice(0, end)}-${last[1]}`
}

type Columns =
  | { readonly network: number }
  | { readonly first: number, readonly last: number }
  | { readonly asn: number }

const NETWORK_NAMES = /^(?:ip|ip_?addr(?:ess)?|address|prefix|ip_?prefix|cidr|network|range|ipv[46])$/
const FIRST_NAMES = /^(?:start|first|ip_?start|start_?ip|range_?start)$/
const LAST_NAMES = /^(?:end|last|ip_?end|end_?ip|range_?end)$/
const ASN_NAMES = /^(?:asn?|as_?number|autonomous_?system_?number)$/

/** Comma-separated columns. The header says which of them count, else in the first row that can be understood. */
export function readColumns (text: string, into: Collector): number {
  let rows = 0
  let columns: Columns | undefined
  let mayBeHeader = true
  for (const [line, number] of rowsOf(text)) {
    const cells = splitCells(line)
    if (columns === undefined) {
      columns = mayBeHeader ? columnsByName(cells) : undefined
      if (columns !== undefined) continue
      columns = columnsByValue(cells)
      const header = mayBeHeader && columns === undefined
      mayBeHeader = false
      if (header) continue
    }
    rows++
    if (columns === undefined || !addCells(cells, columns, into)) into.reject(number, line)
  }
  return rows
}

function addCells (cells: readonly string[], columns: Columns, into: Collector): boolean {
  const cell = (at: number) => cells[at] ?? ''
  if ('asn' in columns) return into.addAsn(cell(columns.asn))
  if ('network' in columns) return into.addNetwork(cell(columns.network))
  return into.addRange(cell(columns.first), cell(columns.last))
}

function columnsByName (cells: readonly string[]): Columns | undefined {
  const find = (names: RegExp) => cells.findIndex(cell => names.test(cell.toLowerCase().replaceAll(/[ -]/g, '_')))
  const first = find(FIRST_NAMES)
  const last = find(LAST_NAMES)
  if (first >= 0 && last >= 0) return { first, last }
  const network = find(NETWORK_NAMES)
  if (network >= 0) return { network }
  const asn = find(ASN_NAMES)
  return asn >= 0 ? { asn } : undefined
}

function columnsByValue (cells: readonly string[]): Columns | undefined {
  const network = cells.findIndex(cell => parseAddress(cell.replace(/\/\d{1,3}$/, '')) !== 0)
  if (network >= 0) {
    const next = cells[network + 1]
    return next !== undefined && parseAddress(next) !== 0 ? { first: network, last: network + 1 } : { network }
  }
  const asn = cells.findIndex(cell => asnOf(cell) > 0)
  // Two numbers side by side are a range of addresses in decimal notation, which is not read.
  return asn >= 0 && asnOf(cells[asn + 1] ?? '') === 0 ? { asn } : undefined
}

/** Cells of one line, trimmed; quotes as in RFC 4180, but a quoted cell ends with its line. */
function splitCells (line: string): string[] {
  const cells: string[] = []
  const pattern = /\s*(?:"((?:[^"]|"")*)"?[^,]*|([^,]*))(?:,|$)/y
  while (pattern.lastIndex < line.length) {
    const match = pattern.exec(line)!
    cells.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"').trim())
  }
  return cells
}
