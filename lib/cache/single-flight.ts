/** One piece of work a key: who asks while it is under way joins it. Bounded by what is under way, never evicted. */
export interface Flights<T> {
  get (key: string): Flight<T> | undefined
  start (key: string, write: boolean, wantedUntilMs: number, work: (flight: Flight<T>) => Promise<T>): Flight<T>
  /** Who asks from now on starts anew; who waits already gets what comes. */
  drop (key: string): void
  keys (): Iterable<string>
}

export interface Flight<T> {
  readonly write: boolean
  readonly landed: Promise<T>
  /** The end of the longest wait for it. It goes on after that, but what has not begun by then is not begun. */
  wantedUntilMs: number
  /** It was dropped: what it brings is not to be kept. */
  readonly dropped: boolean
}

export function createFlights<T> (): Flights<T> {
  const underWay = new Map<string, { write: boolean, landed: Promise<T>, wantedUntilMs: number, dropped: boolean }>()
  return {
    get: key => underWay.get(key),
    start (key, write, wantedUntilMs, work) {
      const flight = { write, landed: undefined as unknown as Promise<T>, wantedUntilMs, dropped: false }
      underWay.set(key, flight)
      flight.landed = work(flight).finally(() => {
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
