import { readFile, rm } from 'node:fs/promises'
import { lockFile, replaceFile } from '../../util/index.ts'
import { UsageError } from '../command.ts'
import type { Counts } from './counts.ts'
import type { SummaryState } from './summary.ts'

/** Where a review is: enough to go on as if it had never stopped. */
export interface Checkpoint {
  /** Of what the options and the inputs are; another one cannot be resumed. */
  readonly fingerprint: string
  /** Index of the input. */
  readonly file: number
  /** Behind the last record written, in unpacked bytes. */
  readonly offset: number
  readonly outputBytes: number
  readonly counts: Counts
  readonly summary: SummaryState | null
}

export function checkpointPath (output: string): string {
  return `${output}.resume`
}

export function writeCheckpoint (path: string, checkpoint: Checkpoint): void {
  // One name: what a crash leaves is overwritten by the next checkpoint.
  const beside = `${path}.new`
  replaceFile(path, JSON.stringify({ version: 1, ...checkpoint }), { mode: 0o600, flush: true, beside })
}

/** Null: there is none. */
export async function readCheckpoint (path: string): Promise<Checkpoint | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const checkpoint = JSON.parse(text) as Checkpoint & { readonly version: number }
  if (checkpoint.version !== 1) throw new Error(`${path} is of another version: start again with --force`)
  return checkpoint
}

export async function removeCheckpoint (path: string): Promise<void> {
  await rm(`${path}.new`, { force: true })
  await rm(path, { force: true })
}

/** Runs `work` while no other review may write the output; undefined is standard output. As `lockOutput`. */
export async function whileLocked<T> (output: string | undefined, work: () => Promise<T>): Promise<T> {
  if (output === undefined) return await work()
  const release = await lockOutput(output)
  try {
    return await work()
  } finally {
    await release()
  }
}

/**
 * Keeps other reviews from writing the same output. Throws `UsageError` where another process is writing. Returns what
 * releases the lock.
 */
export async function lockOutput (output: string): Promise<() => Promise<void>> {
  const lock = await lockFile(output)
  if ('release' in lock) return lock.release
  throw new UsageError(`another review is writing ${output}: wait for it, or end it and use --resume (${lock.heldBy})`)
}
