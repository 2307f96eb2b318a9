import type { Readable } from 'node:stream'
import { canonicalAddress } from '../../ip/index.ts'
import { UsageError } from '../command.ts'
import { type FormatChoice, recordFormat } from './detect.ts'
import { type InputFile, type Line, lineCutter, type TextChunk, textOf } from './input.ts'
import type { RecordFormat, ReviewRecord } from './record.ts'

/** Records that are looked up together. Addresses are canonical where they are addresses. */
export interface Batch {
  readonly records: readonly ReviewRecord[]
  readonly addresses: readonly string[]
  /** Behind each record, in unpacked bytes of the file. */
  readonly ends: readonly number[]
  /** Lines before each record that are none; and behind the last one. */
  readonly skips: readonly number[]
  readonly trailingSkips: number
  readonly end: number
  /** Bytes read so far of the file as it is stored. */
  readonly storedBytes: number
}

const SAMPLE = 65_536
const SAMPLE_LINES = 1_000
const MAX_BYTES = 8_388_608

export interface Source {
  readonly file: InputFile
  readonly stdin: Readable
  readonly signal: AbortSignal
}

export interface Records {
  readonly format: RecordFormat
  batches (maxRecords: number): AsyncGenerator<Batch, void>
}

/** Reads an input from an offset. Its format is found at its start in any case. Throws `UsageError`. */
export async function openRecords (
  { file, stdin, signal }: Source, offset: number, choice: FormatChoice
): Promise<Records> {
  const chunks = textOf(file, offset, stdin, signal)
  const read: TextChunk[] = []
  let sample: Sample
  if (offset === 0) sample = await readSample(chunks, read)
  else {
    const head = textOf(file, 0, stdin, signal)
    sample = await readSample(head, [])
    await head.return()
  }
  const format = recordFormat(sampleLines(sample, file), choice)

  async function * lines (): AsyncGenerator<{ readonly lines: Iterable<Line>, readonly storedBytes: number }, void> {
    const cut = lineCutter(file.name, offset, () => format.quoted)
    let storedBytes = 0
    for await (const chunk of replay(read, chunks)) {
      storedBytes = chunk.storedBytes
      yield { lines: cut(chunk.text, false), storedBytes }
    }
    yield { lines: cut('', true), storedBytes }
  }

  async function * batches (maxRecords: number): AsyncGenerator<Batch, void> {
    let isFirst = offset === 0
    let batch = emptyBatch(offset)
    for await (const { lines: some, storedBytes } of lines()) {
      batch.storedBytes = storedBytes
      for (const { text, end } of some) {
        const line = isFirst ? withoutBom(text) : text
        const isHeader = isFirst && format.header
        isFirst = false
        batch.end = end
        batch.bytes += line.length
        const record = isHeader ? null : format.parse(line)
        if (record !== null) add(batch, record, end)
        else if (!isHeader) batch.trailingSkips++
        if (batch.records.length < maxRecords && batch.bytes < MAX_BYTES) continue
        yield batch
        batch = { ...emptyBatch(end), storedBytes }
      }
    }
    yield batch
  }

  return { format, batches }
}

async function * replay (read: TextChunk[], rest: AsyncGenerator<TextChunk, void>): AsyncGenerator<TextChunk, void> {
  yield * read.splice(0)
  yield * rest
}

function emptyBatch (end: number) {
  return {
    records: [] as ReviewRecord[],
    addresses: [] as string[],
    ends: [] as number[],
    skips: [] as number[],
    trailingSkips: 0,
    end,
    storedBytes: 0,
    bytes: 0
  }
}

function add (batch: ReturnType<typeof emptyBatch>, record: ReviewRecord, end: number): void {
  batch.records.push(record)
  const { address } = record
  batch.addresses.push(address === null ? '' : canonicalAddress(address) ?? address)
  batch.ends.push(end)
  batch.skips.push(batch.trailingSkips)
  batch.trailingSkips = 0
}

interface Sample { readonly text: string, readonly ended: boolean }

/** Reads until there is enough to find the format; keeps what it read in `kept`. */
async function readSample (chunks: AsyncGenerator<TextChunk, void>, kept: TextChunk[]): Promise<Sample> {
  let text = ''
  while (text.length < SAMPLE) {
    const next = await chunks.next()
    if (next.done === true) return { text, ended: true }
    kept.push(next.value)
    text += next.value.text
  }
  return { text, ended: false }
}

/** Whole lines only, and the same ones whenever the file is opened. */
function sampleLines ({ text, ended }: Sample, file: InputFile): string[] {
  let head = text.slice(0, SAMPLE)
  if (!ended || text.length > SAMPLE) {
    const feed = head.lastIndexOf('\n')
    if (feed < 0) throw new UsageError(`${file.name}: its first line is longer than 64 KiB`)
    head = head.slice(0, feed)
  }
  return withoutBom(head).split(/\r?\n/).slice(0, SAMPLE_LINES)
}

/** The byte order mark of UTF-8. */
function withoutBom (text: string): string {
  return text.startsWith('\xef\xbb\xbf') ? text.slice(3) : text
}
