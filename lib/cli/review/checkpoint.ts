import { open, readFile, rename, rm } from 'node:fs/promises'
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

/** Whole or not at all. */
export async function writeCheckpoint (path: string, checkpoint: Checkpoint): Promise<void> {
  // One name: what a crash leaves is overwritten by the next checkpoint.
  const beside = `${path}.new`
  try {
    const handle = await open(beside, 'w', 0o600)
    try {
      await handle.writeFile(JSON.stringify({ version: 1, ...checkpoint }))
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
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
