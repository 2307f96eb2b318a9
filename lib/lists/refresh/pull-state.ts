import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileLock, lockFile, replaceFile } from '../../util/index.ts'

/** When the public lists of a folder were pulled last, whichever process or command did it. */
interface PullState {
  /** Unix milliseconds. */
  readonly endedAtMs: number
  /** Whether at least one list came. */
  readonly succeeded: boolean
}

const HOUR_MS = 3_600_000
/** After a pull that brought nothing. */
const RETRY_MS = HOUR_MS
/** Clocks of machines that share a folder differ by less; a later time is from before the clock was set back. */
const MAX_AHEAD_MS = HOUR_MS

function stateFile (cacheFolder: string): string {
  return join(cacheFolder, 'pull.json')
}

/**
 * Of the processes and commands on one folder one pulls. Makes the folder where it is missing. A process gets the lock
 * twice.
 */
export async function lockPull (cacheFolder: string): Promise<FileLock> {
  await mkdir(cacheFolder, { recursive: true })
  return await lockFile(join(cacheFolder, 'pull'))
}

export function writePullState (cacheFolder: string, state: PullState): void {
  replaceFile(stateFile(cacheFolder), JSON.stringify(state))
}

/** Undefined: never pulled, or that cannot be read any more. */
export async function readPullState (cacheFolder: string): Promise<PullState | undefined> {
  try {
    const { endedAtMs, succeeded } = JSON.parse(await readFile(stateFile(cacheFolder), 'utf8')) as PullState
    return Number.isFinite(endedAtMs) ? { endedAtMs, succeeded: succeeded === true } : undefined
  } catch {
    return undefined
  }
}

/** Whether the next pull is due. `spread`, 0 to 1: how much of the jitter, a tenth of the interval, is added. */
export function isPullDue (state: PullState | undefined, nowMs: number, hours: number, spread: number): boolean {
  if (state === undefined) return true
  const ageMs = nowMs - state.endedAtMs
  if (ageMs < -MAX_AHEAD_MS) return true
  const intervalMs = state.succeeded ? hours * HOUR_MS : Math.min(hours * HOUR_MS, RETRY_MS)
  return ageMs >= intervalMs * (1 + spread / 10)
}
