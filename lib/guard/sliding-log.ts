/** At most `max` calls, of which `maxReads` reads, in any `windowMs`. */
export interface Limit {
  readonly windowMs: number
  readonly max: number
  readonly maxReads: number
}

/** When this process called, exactly: a true sliding window. It keeps no more entries than the longest limit allows. */
export interface SlidingLog {
  add (at: number, write: boolean): void
  /** 0: a call may be made now. Else the milliseconds until that may be so; Infinity where a limit allows none at all. */
  waitMs (at: number, write: boolean, limits: readonly Limit[]): number
  /** Calls after a time; of reads alone, if wanted. */
  countSince (since: number, readsOnly?: boolean): number
}

export function slidingLog (keepMs: number): SlidingLog {
  const calls: number[] = []
  const reads: number[] = []

  return {
    add (at, write) {
      calls.push(at)
      if (!write) reads.push(at)
      forget(calls, at - keepMs)
      forget(reads, at - keepMs)
    },
    waitMs (at, write, limits) {
      let wait = 0
      for (const { windowMs, max, maxReads } of limits) {
        wait = Math.max(wait, waitFor(calls, max, windowMs, at), write ? 0 : waitFor(reads, maxReads, windowMs, at))
      }
      return wait
    },
    countSince (since, readsOnly = false) {
      const times = readsOnly ? reads : calls
      return times.length - firstAfter(times, since)
    }
  }
}

/** Until the oldest of the newest `max` calls leaves the window. */
function waitFor (times: readonly number[], max: number, windowMs: number, at: number): number {
  if (max <= 0) return Infinity
  const oldest = times[times.length - max]
  return oldest === undefined ? 0 : Math.max(0, oldest + windowMs - at)
}

/** Drops what is that old or older, now and then. */
function forget (times: number[], until: number): void {
  const old = firstAfter(times, until)
  if (old > 64) times.splice(0, old)
}

function firstAfter (times: readonly number[], since: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! > since) high = middle
    else low = middle + 1
  }
  return low
}
