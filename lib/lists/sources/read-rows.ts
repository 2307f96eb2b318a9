import { parseAddress } from '../../ip/index.ts'
import { asnOf, type Collector } from './collector.ts'

/** No row of a list is longer. What stands behind it is not read: a list without line ends must not cost more than one with them. */
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

/** One address, CIDR, `first-last` or `address:port` a line, or one AS number; what follows a space, `#` or `;` is a note. */
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

/** Comma-separated columns. Which of them count stands in the header, else in the first row that can be understood. */
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
export function splitCells (line: string): string[] {
  const cells: string[] = []
  const pattern = /\s*(?:"((?:[^"]|"")*)"?[^,]*|([^,]*))(?:,|$)/y
  while (pattern.lastIndex < line.length) {
    const match = pattern.exec(line)!
    cells.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"').trim())
  }
  return cells
}
