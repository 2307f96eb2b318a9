import type { Readable, Writable } from 'node:stream'

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
