import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean, readonly columns?: number }
export type Input = Readable & { readonly isTTY?: boolean }

/** What a command may use of its process. Results go to standard output, everything else to standard error. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  /** Writes a line of the result. */
  out (line: string): void
  /** Writes a line for people: progress, warnings, errors. */
  err (line: string): void
  /**
   * Aborted by Ctrl-C or SIGTERM from the first call on, so that a command can finish what it must not lose. A second
   * signal ends the process at once.
   */
  interrupted (): AbortSignal
}

export type IoStreams = Pick<Io, 'env' | 'stdin' | 'stdout' | 'stderr'> & Partial<Pick<Io, 'interrupted'>>

export function createIo (streams: IoStreams): Io {
  const { stdout, stderr } = streams
  let signal: AbortSignal | undefined
  return {
    interrupted () {
      signal ??= abortedBySignals()
      return signal
    },
    ...streams,
    out: line => { stdout.write(`${line}\n`) },
    err: line => { stderr.write(`${line}\n`) }
  }
}

function abortedBySignals (): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

/** Waits until the stream takes more, so that a long result does not pile up in memory. */
export async function written (stream: Writable, text: string | Uint8Array): Promise<void> {
  if (stream.write(text)) return
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null): void => {
      stream.off('drain', done)
      stream.off('error', done)
      stream.off('close', done)
      if (error == null) resolve()
      else reject(error)
    }
    stream.once('drain', done)
    stream.once('error', done)
    stream.once('close', done)
  })
}

type Style = Parameters<typeof styleText>[0]

/** Colours a text for a stream: only on a terminal, and not with `NO_COLOR` (https://no-color.org) or `TERM=dumb`. */
export function painter (stream: Output, env: Io['env']): (style: Style, text: string) => string {
  const colours = stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return (style, text) => colours ? styleText(style, text, { validateStream: false }) : text
}

/** A list or a provider wrote some of what is shown: it must neither break a line nor control the terminal. */
export function plainText (text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
}

export interface Column {
  readonly align?: 'left' | 'right'
  /** Longer cells are cut, and end with "…". */
  readonly max?: number
}

/** Rows of equal length as lines with aligned columns; a column that is empty in every row is left out. */
export function alignedRows (rows: readonly (readonly string[])[], columns: readonly Column[] = []): string[] {
  const cells = rows.map(row => row.map((cell, i) => cut(plainText(cell), columns[i]?.max)))
  const widths = (cells[0] ?? []).map((_, i) => cells.reduce((width, row) => Math.max(width, row[i]!.length), 0))
  return cells.map(row => row.flatMap((cell, i) => {
    if (widths[i] === 0) return []
    return columns[i]?.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
  }).join('  ').trimEnd())
}

function cut (text: string, max = Infinity): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
