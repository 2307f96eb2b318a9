import { createReadStream, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { addAbortSignal, pipeline, Transform, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { createHash } from 'node:crypto'

/** Longer lines are no lines: memory stays bounded whatever the file is. */
const MAX_LINE = 1_048_576
const HEAD_BYTES = 4_096

export interface InputFile {
  /** Null: standard input. */
  readonly path: string | null
  readonly name: string
  /** As stored; null where it is not known. */
  readonly bytes: number | null
  /** Of the first bytes, so that a resumed review notices another file. */
  readonly head: string
}

/** Throws the file system's error where a file cannot be read. */
export async function inputFile (path: string): Promise<InputFile> {
  if (path === '-') return { path: null, name: 'standard input', bytes: null, head: '' }
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const stats = statSync(path)
    const head = createHash('sha256').update(buffer.subarray(0, Math.min(bytesRead, 1024))).digest('hex').slice(0, 16)
    return { path, name: path, bytes: stats.isFile() ? stats.size : null, head }
  } finally {
    await handle.close()
  }
}

export interface TextChunk {
  readonly text: string
  /** Bytes read of the file as it is stored, for the progress. */
  readonly storedBytes: number
}

/**
 * The text of an input from an offset in its unpacked bytes. Gzip is recognized by its first two bytes, and read from
 * its start, since it cannot be entered in the middle.
 */
export async function * textOf (
  file: InputFile, offset: number, stdin: Readable, signal: AbortSignal
): AsyncGenerator<TextChunk, void> {
  const gzip = file.path === null ? await startsAsGzip(stdin) : await isGzip(file.path)
  const start = gzip ? 0 : offset
  const source = file.path === null ? stdin : createReadStream(file.path, { start, highWaterMark: 262_144 })
  addAbortSignal(signal, source)
  let stored = gzip ? 0 : offset
  let skip = gzip ? offset : 0
  const counted = new Transform({
    transform (chunk: Buffer, _encoding, done) {
      stored += chunk.length
      done(null, chunk)
    }
  })
  let failure: unknown
  // Errors of every part end the iteration; the callback only keeps the first one.
  const parts = gzip ? [source, counted, createGunzip({ chunkSize: 262_144 })] : [source, counted]
  const last = pipeline(parts as [Readable, Transform], error => { failure ??= error }) as unknown as Readable
  try {
    for await (const chunk of last as AsyncIterable<Buffer>) {
      const kept = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - kept.length
      if (kept.length > 0) yield { text: kept.toString('latin1'), storedBytes: stored }
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${file.name} cannot be read: ${message}`, { cause: failure ?? code })
  }
}

function isMagic (bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** Looks at the first chunk, and puts it back. */
async function startsAsGzip (stdin: Readable): Promise<boolean> {
  await new Promise<void>(resolve => {
    stdin.once('readable', resolve)
    stdin.once('end', resolve)
    stdin.once('error', () => resolve())
  })
  const chunk = stdin.read() as Uint8Array | null
  if (chunk !== null) stdin.unshift(chunk)
  return chunk !== null && isMagic(chunk)
}

async function isGzip (path: string): Promise<boolean> {
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && isMagic(buffer)
  } finally {
    await handle.close()
  }
}

export interface Line {
  /** Without its line ending. */
  readonly text: string
  /** Just behind it, in unpacked bytes of the file. */
  readonly end: number
}

/**
 * Cuts text into records as it comes. With `quoted`, a line feed inside quotes ends no record. Throws where a record is
 * longer than 1 MiB.
 */
export function lineCutter (
  name: string, start: number, quoted: () => boolean
): (text: string, isLast: boolean) => Iterable<Line> {
  let carried = ''
  let offset = start
  let lines = 0

  function * cut (text: string, isLast: boolean): Generator<Line, void> {
    const all = carried === '' ? text : carried + text
    let at = 0
    for (;;) {
      const feed = endOfRecord(all, at)
      if (feed < 0) break
      yield line(all.slice(at, feed), feed + 1 - at)
      at = feed + 1
    }
    carried = all.slice(at)
    if (carried.length > MAX_LINE) {
      const hint = quoted() ? ', or a quote is not closed' : ''
      throw new Error(`${name}: record ${lines + 1} is longer than 1 MiB${hint}`)
    }
    if (!isLast || carried === '') return
    const rest = carried
    carried = ''
    yield line(rest, rest.length)
  }

  function line (text: string, length: number): Line {
    offset += length
    lines++
    return { text: text.endsWith('\r') ? text.slice(0, -1) : text, end: offset }
  }

  function endOfRecord (text: string, at: number): number {
    let feed = text.indexOf('\n', at)
    if (!quoted()) return feed
    // Quotes are doubled inside of quotes, so that their number is even where a record ends.
    for (let from = at, open = false; feed >= 0; feed = text.indexOf('\n', feed + 1)) {
      for (let quote = text.indexOf('"', from); quote >= 0 && quote < feed; quote = text.indexOf('"', quote + 1)) {
        open = !open
      }
      if (!open) return feed
      from = feed
    }
    return -1
  }

  return cut
}
