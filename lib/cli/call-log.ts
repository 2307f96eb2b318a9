import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { LookupContext, Provider, ProviderAnswer, ProviderLimits, UnknownAnswer } from '../../types/contract.ts'
import { replaceFile } from '../util/index.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

export interface CallLogOptions {
  /** One line for each call: Unix milliseconds. */
  readonly path: string
  readonly limits: Pick<ProviderLimits, 'perMinute' | 'perDay'>
  /** Called once, when the file cannot be written. */
  readonly onUnwritable: (error: Error) => void
  readonly now?: () => number
}

/**
 * A provider whose limits hold over runs, and over several runs at a time: a small file counts its calls where there
 * is no Redis. GetIPIntel bans addresses that exceed its limits, and each run of a command would begin to count at
 * zero.
 */
export function withCallLog (
  provider: Provider, { path, limits, onUnwritable, now = Date.now }: CallLogOptions
): Provider {
  let isWritable = true

  function spend (): UnknownAnswer | null {
    const atMs = now()
    const calls = readCalls(path).filter(callMs => callMs > atMs - DAY_MS && callMs <= atMs)
    const waitMs = Math.max(
      waitFor(calls, limits.perMinute, MINUTE_MS, atMs), waitFor(calls, limits.perDay, DAY_MS, atMs)
    )
    if (waitMs > 0) return { verdict: 'unknown', reason: 'quota_exhausted', retryAfterSeconds: waitMs / 1000 }
    try {
      mkdirSync(dirname(path), { recursive: true })
      // Before the call: one that is cut off counts, too.
      appendFileSync(path, `${atMs}\n`, { mode: 0o600 })
      if (calls.length === 0) replaceFile(path, Buffer.from(`${atMs}\n`))
    } catch (error) {
      if (isWritable) onUnwritable(error as Error)
      isWritable = false
    }
    return null
  }

  return {
    ...provider,
    async lookup (ip: string, context: LookupContext): Promise<ProviderAnswer> {
      return spend() ?? await provider.lookup(ip, context)
    }
  }
}

/** Until the oldest of the newest `max` calls leaves the window. */
function waitFor (calls: readonly number[], max: number | undefined, windowMs: number, atMs: number): number {
  const oldest = max === undefined ? undefined : calls[calls.length - max]
  return oldest === undefined ? 0 : Math.max(0, oldest + windowMs - atMs)
}

function readCalls (path: string): number[] {
  try {
    return readFileSync(path, 'utf8').split('\n').map(Number).filter(callMs => callMs > 0).sort((a, b) => a - b)
  } catch {
    // Not there yet, or not to be read: then it cannot be written either, which is reported.
    return []
  }
}
