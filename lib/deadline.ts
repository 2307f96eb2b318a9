export interface Deadline {
  /** Aborts when the time is over, or with the parent. */
  readonly signal: AbortSignal
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
    clear () {
      clearTimeout(timer)
      parent?.removeEventListener('abort', abort)
    }
  }
}
