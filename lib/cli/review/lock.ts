import { lockFile } from '../../util/index.ts'
import { UsageError } from '../command.ts'

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
