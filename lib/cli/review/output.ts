import { type FileHandle, open } from 'node:fs/promises'
import type { Decision } from '../../../types/contract.ts'
import { type Output, written } from '../io.ts'
import { csvCell } from './csv.ts'
import { fromUtf8, type JsonObject, type RecordFormat, type ReviewRecord } from './record.ts'
import { addedColumns, cellsOf, type AddressVerdict, membersOf } from './verdicts.ts'

/** Where rows go: a file, or standard output. */
export interface Sink {
  /** Written so far, what was there before a resumed review included. */
  readonly bytes: number
  write (text: string): Promise<void>
  /** Resolves when everything written is on the disk. */
  sync (): Promise<void>
  close (): Promise<void>
}

/** `keep`: so many bytes of an interrupted review stay, and what was written after its last checkpoint goes. */
export async function fileSink (path: string, keep: number | null): Promise<Sink> {
  const handle: FileHandle = await open(path, keep === null ? 'w' : 'r+')
  if (keep !== null) {
    const { size } = await handle.stat()
    if (size < keep) {
      await handle.close()
      throw new Error(`${path} is shorter than at its last checkpoint: start again with --force`)
    }
    await handle.truncate(keep)
  }
  let bytes = keep ?? 0
  return {
    get bytes () { return bytes },
    async write (text) {
      const { bytesWritten } = await handle.write(Buffer.from(text, 'latin1'), 0, null, bytes)
      if (bytesWritten < text.length) throw new Error(`${path} cannot be written: the disk is full`)
      bytes += bytesWritten
    },
    sync: () => handle.datasync(),
    close: () => handle.close()
  }
}

export function streamSink (stream: Output): Sink {
  let bytes = 0
  return {
    get bytes () { return bytes },
    async write (text) {
      bytes += text.length
      await written(stream, Buffer.from(text, 'latin1'))
    },
    async sync () {},
    async close () {}
  }
}

export interface RowWriter {
  /** The first line of the output; empty where there is none. */
  readonly header: string
  row (record: ReviewRecord, found: AddressVerdict, decision: Decision): string
}

export function csvRows (format: RecordFormat): RowWriter {
  const { columns, delimiter } = format
  const header = [...columns.map(fromUtf8), ...addedNames(name => columns.includes(name))]
  return {
    header: `${header.map(csvCell).join(delimiter)}\n`,
    row ({ cells }, found, decision) {
      let text = ''
      for (const cell of cells) text += csvCell(cell) + delimiter
      // A short row must not move what is added into columns of the input.
      for (let i = cells.length; i < columns.length; i++) text += delimiter
      return `${text}${cellsOf(found, delimiter)}${delimiter}${decision}\n`
    }
  }
}

export function ndjsonRows ({ columns }: RecordFormat): RowWriter {
  const names = columns.map(fromUtf8)
  return {
    header: '',
    row ({ cells, json }, found, decision) {
      if (json !== undefined) return withMembers(json.line, json.object, found, decision)
      const object: JsonObject = Object.fromEntries(cells.map((cell, i) => [names[i] ?? `column${i + 1}`, cell]))
      return withMembers(JSON.stringify(object), object, found, decision)
    }
  }
}

/** The line as it is, and our members at its end: numbers keep their digits, and members their order. */
function withMembers (line: string, object: JsonObject, found: AddressVerdict, decision: Decision): string {
  const names = addedNames(name => Object.hasOwn(object, name))
  const added = membersOf(found).map((json, i) => `"${names[i]}":${json}`)
  added.push(`"${names.at(-1)}":"${decision}"`)
  const isEmpty = Object.keys(object).length === 0
  return `${line.slice(0, line.lastIndexOf('}'))}${isEmpty ? '' : ','}${added.join()}}\n`
}

/** All of them get a prefix where the input has one of these names: a review of a reviewed file keeps both. */
function addedNames (isTaken: (name: string) => boolean): string[] {
  const prefix = addedColumns.some(isTaken) ? 'ip_risk_' : ''
  return addedColumns.map(name => `${prefix}${name}`)
}
