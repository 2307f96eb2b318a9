/**
 * Input is read as Latin-1 and written as Latin-1: each character is one byte, so that bytes of any encoding come out
 * as they went in, and an index in a text is an offset in its file. `fromUtf8` and `toUtf8` convert what is ours.
 */
export interface ReviewRecord {
  /** What to look up; null where the record has no address. */
  readonly address: string | null
  /** The cells of `RecordFormat.columns`. */
  readonly cells: readonly string[]
  /** A line that is a JSON object, and that object: written as it is, with our members added. */
  readonly json?: { readonly line: string, readonly object: JsonObject } | undefined
  /** Unix milliseconds. */
  readonly timeMs?: number | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly status?: number | undefined
  readonly action?: string | undefined
}
export type JsonObject = Readonly<Record<string, unknown>>

export interface RecordFormat {
  readonly name: FormatName
  /** The columns of a CSV output before those that a review adds. */
  readonly columns: readonly string[]
  /** Output uses the delimiter of the input, as the reader's spreadsheet does. */
  readonly delimiter: string
  /** Line feeds inside quotes do not end a record. */
  readonly quoted: boolean
  /** The first record is a header. */
  readonly header: boolean
  readonly prefersNdjson: boolean
  /** Null: not a record, such as a comment, or a log line that is no request. */
  parse (line: string): ReviewRecord | null
}

export const formatNames = ['text', 'csv', 'ndjson', 'combined', 'caddy', 'fastify'] as const
export type FormatName = typeof formatNames[number]

export function fromUtf8 (text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

export function toUtf8 (text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8')
}
