/** Something that has events of its own: a process, or the rest of the world (null). */
export interface Actor {
  /** The number of the process. */
  readonly process: number
  /** When it was killed, or had closed. */
  diedMs?: number
  /** Until then its events wait, as after SIGSTOP. */
  frozenUntilMs: number
  /** Added to its `Date.now()`. */
  skewMs: number
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly actor: Actor | null
  readonly run: () => void
  cancelled: boolean
}

/** Virtual time. While it is installed, timers and clocks of the whole process belong to it. */
export interface World {
  readonly nowMs: number
  /** The event's promises are settled before the next event. */
  at (delayMs: number, actor: Actor | null, run: () => void): { cancel (): void }
  /** Runs something as an actor: timers that it starts belong to that actor. */
  as<T> (actor: Actor | null, run: () => T): T
  /** Runs events until this time. */
  advance (toMs: number): Promise<void>
  random (): number
  uninstall (): void
}

export const START_MS = 1_700_000_000_000
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  now: Date.now,
  performanceNow: performance.now,
  random: Math.random,
  stackTraceLimit: Error.stackTraceLimit
}

export function installWorld (seed: number): World {
  const heap: Event[] = []
  let nowMs = 0
  let order = 0
  let current: Actor | null = null
  let state = seed | 0

  function random (): number { // mulberry32
    state = (state + 0x6D2B79F5) | 0
    let n = Math.imul(state ^ (state >>> 15), 1 | state)
    n = (n + Math.imul(n ^ (n >>> 7), 61 | n)) ^ n
    return ((n ^ (n >>> 14)) >>> 0) / 4_294_967_296
  }

  function add (atMs: number, actor: Actor | null, run: () => void): Event {
    const event = { atMs, order: order++, actor, run, cancelled: false }
    push(heap, event)
    return event
  }

  const wait = (ms: unknown): number => Math.max(1, Number(ms) || 1)
  const timerOf = (event: Event): object => ({ event, unref () { return this }, ref () { return this } })
  const eventOf = (timer: unknown): { cancelled: boolean } | undefined => (timer as { event?: Event } | undefined)?.event
  const clear = (timer: unknown): void => {
    const event = eventOf(timer)
    if (event !== undefined) event.cancelled = true
  }
  Object.assign(globalThis, {
    setTimeout: (run: (...args: unknown[]) => void, ms: number, ...args: unknown[]) =>
      timerOf(add(nowMs + wait(ms), current, () => run(...args))),
    setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) =>
      timerOf(add(nowMs, current, () => run(...args))),
    setInterval (run: () => void, ms: number) {
      const timer = { event: undefined as Event | undefined, unref () { return this }, ref () { return this } }
      const next = (): void => {
        timer.event = add(nowMs + wait(ms), current, () => {
          next()
          run()
        })
      }
      next()
      return timer
    },
    clearTimeout: clear,
    clearInterval: clear
  })
  Date.now = () => START_MS + nowMs + (current?.skewMs ?? 0)
  performance.now = () => nowMs
  Math.random = random
  // The library's errors are many while Redis is away, and their stack traces are never read.
  Error.stackTraceLimit = 0

  async function settle (): Promise<void> {
    await new Promise<void>(resolve => process.nextTick(resolve)) // runs when no microtask is left
  }

  return {
    get nowMs () { return nowMs },
    at: (delayMs, actor, run) => {
      const event = add(nowMs + delayMs, actor, run)
      return { cancel () { event.cancelled = true } }
    },
    as (actor, run) {
      const before = current
      current = actor
      try {
        return run()
      } finally {
        current = before
      }
    },
    async advance (toMs) {
      while (heap.length > 0 && heap[0]!.atMs <= toMs) {
        const event = pop(heap)
        if (event.cancelled || event.actor?.diedMs !== undefined) continue
        const thawMs = event.actor?.frozenUntilMs ?? 0
        if (thawMs > event.atMs) {
          push(heap, { ...event, atMs: thawMs, get cancelled () { return event.cancelled } })
          continue
        }
        nowMs = Math.max(nowMs, event.atMs)
        current = event.actor
        event.run()
        await settle()
        current = null
      }
      nowMs = Math.max(nowMs, toMs)
    },
    random,
    uninstall () {
      const { now, performanceNow, random, stackTraceLimit, ...timers } = real
      Object.assign(globalThis, timers)
      Date.now = now
      performance.now = performanceNow
      Math.random = random
      Error.stackTraceLimit = stackTraceLimit
    }
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

function push (heap: Event[], event: Event): void {
  let i = heap.push(event) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (isBefore(heap[parent]!, event)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = event
}

function pop (heap: Event[]): Event {
  const first = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return first
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (isBefore(last, heap[child]!)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return first
}
