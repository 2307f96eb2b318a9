import { canonicalAddress } from '../../ip/index.ts'
import { UsageError } from '../command.ts'
import { csvCells, delimiterOf } from './csv.ts'
import { type RecordFormat, type ReviewRecord, toUtf8 } from './record.ts'

/** Names of a column with addresses, in the order of preference. */
export const addressNames: readonly string[] = [
  'ip', 'ip_address', 'ipaddress', 'ip_addr', 'address', 'client_ip', 'clientip', 'remote_ip', 'remote_addr',
  'remoteaddress', 'remote_address', 'source_ip', 'src_ip', 'src', 'user_ip', 'signup_ip', 'last_ip', 'host'
]
const timeName = /^(?:time|timestamp|ts|date|datetime|created|created_at|createdat|@timestamp)$/i

export interface ColumnChoice {
  /** A name, or a number from 1. */
  readonly column: string | undefined
  readonly actionColumn: string | undefined
}

/** One address in each line; what follows a space is kept. Lines that begin with "#" are comments. */
export function textFormat (): RecordFormat {
  return {
    name: 'text',
    columns: ['address'],
    delimiter: ',',
    quoted: false,
    header: false,
    prefersNdjson: false,
    parse (line) {
      const text = line.trim()
      if (text === '' || text.startsWith('#')) return null
      return { address: /^\S+/.exec(text)![0], cells: [line] }
    }
  }
}

export function csvFormat (sample: readonly string[], choice: ColumnChoice): RecordFormat {
  const delimiter = delimiterOf(sample[0] ?? '') ?? ','
  const rows = sample.slice(0, 100).map(line => csvCells(line, delimiter))
  const first = rows[0] ?? []
  const header = !first.some(isAddress)
  const names = header ? first.map(toUtf8) : first.map((_, i) => `column${i + 1}`)
  const at = columnOf(choice.column, names, '--column') ?? addressColumn(names, header ? rows.slice(1) : rows)
  if (at === undefined) {
    throw new UsageError(`no column with addresses among ${names.join(', ')}: name it with --column`)
  }
  const actionAt = columnOf(choice.actionColumn, names, '--action-column')
  const timeAt = names.findIndex(name => timeName.test(name))
  return {
    name: 'csv',
    columns: names,
    delimiter,
    quoted: true,
    header,
    prefersNdjson: false,
    parse (line): ReviewRecord | null {
      if (line === '') return null
      const cells = csvCells(line, delimiter)
      const timeMs = timeAt < 0 ? undefined : timeOf(cells[timeAt])
      const action = actionAt === undefined ? undefined : cells[actionAt]
      return { address: cells[at]?.trim() || null, cells, timeMs, action }
    }
  }
}

function columnOf (wanted: string | undefined, names: readonly string[], option: string): number | undefined {
  if (wanted === undefined) return undefined
  const named = names.indexOf(wanted)
  const at = named >= 0 ? named : /^\d+$/.test(wanted) ? Number(wanted) - 1 : -1
  if (at < 0 || at >= names.length) {
    throw new UsageError(`${option}: there is no column "${wanted}" among ${names.join(', ')}`)
  }
  return at
}

/** The column with a known name that has an address in it; else the one with most addresses. */
function addressColumn (names: readonly string[], rows: readonly (readonly string[])[]): number | undefined {
  const counts = names.map((_, i) => rows.filter(row => isAddress(row[i])).length)
  const named = addressNames.map(wanted => names.findIndex(name => name.toLowerCase() === wanted)).filter(at => at >= 0)
  const found = named.find(at => counts[at]! > 0) ?? named[0]
  if (found !== undefined) return found
  const most = counts.indexOf(Math.max(...counts))
  return counts[most]! > 0 ? most : undefined
}

export function isAddress (text: unknown): boolean {
  return typeof text === 'string' && /[.:]/.test(text) && canonicalAddress(text.trim()) !== null
}

/** Of ISO 8601 text, or of seconds or milliseconds since 1970. */
export function timeOf (value: unknown): number | undefined {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{9,13}(?:\.\d+)?$/.test(value))
  if (isNumber && Number(value) > 0) return Number(value) < 1e11 ? Number(value) * 1000 : Number(value)
  const parsed = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : NaN
  return Number.isNaN(parsed) ? undefined : parsed
}
