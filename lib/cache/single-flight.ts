/** One piece of work a key: who asks while it is under way joins it. Bounded by what is under way, never evicted. */
export interface SingleFlight<T> {
  get (key: string): InFlightLoad<T> | undefined
  start (key: string, write: boolean, wantedUntilMs: number, work: (flight: InFlightLoad<T>) => Promise<T>): InFlightLoad<T>
  /** Who asks from now on starts anew; who waits already gets what comes. */
  drop (key: string): void
  keys (): Iterable<string>
}

export interface InFlightLoad<T> {
  readonly write: boolean
  readonly result: Promise<T>
  /** The end of the longest wait for it. It goes on after that, but what has not begun by then is not begun. */
  wantedUntilMs: number
  /** It was dropped: what it brings is not to be kept. */
  readonly dropped: boolean
}

export function createSingleFlight<T> (): SingleFlight<T> {
  const underWay = new Map<string, { write: boolean, result: Promise<T>, wantedUntilMs: number, dropped: boolean }>()
  return {
    get: key => underWay.get(key),
    start (key, write, wantedUntilMs, work) {
      const flight = { write, result: undefined as unknown as Promise<T>, wantedUntilMs, dropped: false }
      underWay.set(key, flight)
      flight.result = work(flight).finally(() => {
        if (underWay.get(key) === flight) underWay.delete(key)
      })
      return flight
    },
    drop (key) {
      const flight = underWay.get(key)
      if (flight === undefined) return
      flight.dropped = true
      underWay.delete(key)
    },
    keys: () => underWay.keys()
  }
}
