export interface Deadline {
  /** Aborts when the time is over, or with the parent. */
  readonly signal: AbortSignal
  /** Ends it now. */
  abort (): void
  /** Must be called when the work is done: frees the timer and the listener. */
  clear (): void
}

/** A time limit over a whole piece of work, which also ends with its parent. (AbortSignal.any keeps its sources alive too long.) */
export function deadline (timeoutMs: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  if (parent?.aborted === true) abort()
  else parent?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    abort,
    clear () {
      clearTimeout(timer)
      parent?.removeEventListener('abort', abort)
    }
  }
}

/**
 * The time that one lookup may spend waiting for Redis, over all its commands. Only the waiting counts, not what the
 * provider takes in between. When it is used up, the lookup continues as if Redis were down.
 */
export interface RedisBudget {
  /** 0: used up. */
  leftMs (): number
  /** Waits, and takes the wait out of the budget. Waits at the same time count once. */
  wait<T> (pending: Promise<T>): Promise<T>
  /** Redis has failed: no more waiting. */
  useUp (): void
}

export function redisBudget (totalMs: number, now: () => number = () => performance.now()): RedisBudget {
  let spentMs = 0
  let waits = 0
  let sinceMs = 0
  return {
    useUp () { spentMs = Infinity },
    leftMs () {
      const leftMs = totalMs - spentMs - (waits > 0 ? now() - sinceMs : 0)
      return leftMs < 1 ? 0 : leftMs
    },
    async wait (pending) {
      if (waits++ === 0) sinceMs = now()
      try {
        return await pending
      } finally {
        if (--waits === 0) spentMs += now() - sinceMs
      }
    }
  }
}
