export interface Deadline {
  /** Aborts when the time is over, or with the parent. */
  readonly signal: AbortSignal
  /** Ends it now. */
  abort (): void
  /** Must be called when the work is done: frees the timer and the listener. */
  clear (): void
}

/**
 * A time limit over a whole piece of work, which also ends with its parent. (AbortSignal.any keeps its sources alive
 * too long.)
 */
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
  /** Redis has answered all along: the whole time is available again. Without effect after `useUp`. */
  renew (): void
  /** Renews it if something is left: then all commands until now were answered in time, or refused at once. */
  renewIfLeft (): void
}

export function redisBudget (totalMs: number, now: () => number = () => performance.now()): RedisBudget {
  let spentMs = 0
  let waits = 0
  let sinceMs = 0
  return {
    useUp () { spentMs = Infinity },
    renew () { if (spentMs !== Infinity) spentMs = 0 },
    renewIfLeft () { if (this.leftMs() > 0) this.renew() },
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

/**
 * Works on the items with `limit` of them under way, and gives the results' parts out as they come, in whatever order.
 * Work that is done waits for the reader, so a slow reader slows the work. `work` must not reject; when the reader
 * stops, no further item is begun.
 */
export async function * eachConcurrently<T, R> (
  items: Iterable<T>, limit: number, work: (item: T) => Promise<readonly R[]>
): AsyncGenerator<R, void> {
  interface Done { readonly self: Promise<Done>, readonly results: readonly R[] }
  const source = items[Symbol.iterator]()
  const underWay = new Set<Promise<Done>>()
  const begin = (): boolean => {
    const next = source.next()
    if (next.done === true) return false
    const promise: Promise<Done> = work(next.value).then(results => ({ self: promise, results }))
    underWay.add(promise)
    return true
  }
  while (underWay.size < limit && begin());
  while (underWay.size > 0) {
    const { self, results } = await Promise.race(underWay)
    underWay.delete(self)
    begin()
    yield * results
  }
}

/**
 * What `pending` gives, or the fallback when it takes longer or fails. Ends the waiting only: the work goes on for
 * whoever asks next.
 */
export function waitAtMost<T> (pending: Promise<T>, timeoutMs: number, fallback: () => T): Promise<T> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(fallback()), timeoutMs)
    pending.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, () => {
      clearTimeout(timer)
      resolve(fallback())
    })
  })
}

export class TooLate extends Error {}

/** Rejects with `TooLate` and this message when the time is over. What was started goes on. */
export async function within<T> (
  ms: number, pending: T | PromiseLike<T>, late = `no answer within ${ms} ms`
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooLate(late)), ms)
  })
  try {
    return await Promise.race([pending, over])
  } finally {
    clearTimeout(timer)
  }
}

/** A promise, and the function that resolves it. (`Promise.withResolvers` needs Node 22.) */
export function deferred<T> (): { readonly promise: Promise<T>, resolve (value: T): void } {
  let settle!: (value: T) => void
  const promise = new Promise<T>(resolve => { settle = resolve })
  return { promise, resolve: settle }
}

export function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
