import type { Readable } from 'node:stream'
import { isObject } from '../../verdict/index.ts'
import { UsageError } from '../command.ts'
import { csvCells, delimiterOf } from '../review/csv.ts'
import { type InputFile, lineCutter, textOf } from '../review/input.ts'
import { type JsonObject, toUtf8 } from '../review/record.ts'

/** One line of an input. */
export interface Row {
  /** A member or a column; undefined where there is none. A path such as `user.label` names a member of a member. */
  get (name: string): unknown
  /** The names of the columns; the same object for all rows of a CSV. undefined: a JSON object. */
  readonly columns: ReadonlyMap<string, number> | undefined
  /** The line of a JSON object. */
  readonly json: string | undefined
}

interface RowSource {
  readonly file: InputFile
  readonly stdin: Readable
  readonly signal: AbortSignal
  /** Called with the bytes read of the file as it is stored. */
  readonly onBytes: (bytes: number) => void
}

/** The rows of a file, CSV with a header or NDJSON; null: a line that is neither. Throws `UsageError`. */
export async function * rowsOf ({ file, stdin, signal, onBytes }: RowSource): AsyncGenerator<Row | null, void> {
  let parse: ((line: string) => Row | null) | undefined
  let isCsv = false
  const cut = lineCutter(file.name, 0, () => isCsv)

  function * rows (text: string, isLast: boolean): Generator<Row | null, void> {
    for (const { text: line } of cut(text, isLast)) {
      if (line.trim() === '') continue
      if (parse !== undefined) yield parse(line)
      else if (withoutBom(line).trimStart().startsWith('{')) {
        parse = jsonRow
        yield parse(withoutBom(line))
      } else {
        parse = csvRows(withoutBom(line), file.name)
        isCsv = true
      }
    }
  }

  for await (const { text, storedBytes } of textOf(file, 0, stdin, signal)) {
    onBytes(storedBytes)
    yield * rows(text, false)
  }
  yield * rows('', true)
}

/** The byte order mark of UTF-8, read as Latin-1. */
function withoutBom (line: string): string {
  return line.startsWith('\xef\xbb\xbf') ? line.slice(3) : line
}

function jsonRow (line: string): Row | null {
  const json = toUtf8(line)
  let object: unknown
  try {
    object = JSON.parse(json)
  } catch {
    return null
  }
  if (!isObject(object)) return null
  return { json, columns: undefined, get: name => memberOf(object, name) }
}

function memberOf (object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name]
  const [first, ...rest] = name.split('.')
  const inner = Object.hasOwn(object, first!) ? object[first!] : undefined
  return rest.length > 0 && isObject(inner) ? memberOf(inner, rest.join('.')) : undefined
}

function csvRows (header: string, name: string): (line: string) => Row {
  const delimiter = delimiterOf(header) ?? ','
  const columns = new Map(csvCells(header, delimiter).map((cell, i) => [toUtf8(cell.trim()), i]))
  if (!columns.has('verdict') && !columns.has('ip_risk_verdict')) {
    throw new UsageError(`${name} has no column "verdict": give decision records (NDJSON), or the output of ` +
      `ip-risk review with its header; its columns are ${[...columns.keys()].join(', ').slice(0, 200)}`)
  }
  return line => {
    const cells = csvCells(line, delimiter)
    return {
      columns,
      json: undefined,
      get (column) {
        const at = columns.get(column)
        return at === undefined ? undefined : toUtf8(cells[at] ?? '')
      }
    }
  }
}
