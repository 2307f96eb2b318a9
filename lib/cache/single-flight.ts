import type { LookupResult } from '../verdict/index.ts'

/** The loads in flight: at most one per address, which later callers share. Never evicted. */
export interface SingleFlight {
  get (ip: string): InFlightLoad | undefined
  /** Starts a load, which must not reject. There must be none in flight for the address. */
  start (
    ip: string, write: boolean, wantedUntilMs: number, run: (load: InFlightLoad) => Promise<LookupResult>
  ): InFlightLoad
  /** The next caller starts a new load. Whoever shares the dropped one still gets its result. */
  drop (ip: string): void
  addresses (): Iterable<string>
}

export interface InFlightLoad {
  /** Whether it may use the part of a quota that is reserved for writes. */
  readonly write: boolean
  readonly result: Promise<LookupResult>
  /** When the longest wait for the result ends. The load continues after that, but starts no call any more. */
  wantedUntilMs: number
  /** Whether the address was dropped: the result must not be cached. */
  readonly dropped: boolean
}

export function createSingleFlight (): SingleFlight {
  const inFlight = new Map<string, { -readonly [K in keyof InFlightLoad]: InFlightLoad[K] }>()
  return {
    get: ip => inFlight.get(ip),
    start (ip, write, wantedUntilMs, run) {
      const load = { write, result: undefined as unknown as Promise<LookupResult>, wantedUntilMs, dropped: false }
      inFlight.set(ip, load)
      load.result = run(load).finally(() => {
        if (inFlight.get(ip) === load) inFlight.delete(ip)
      })
      return load
    },
    drop (ip) {
      const load = inFlight.get(ip)
      if (load === undefined) return
      load.dropped = true
      inFlight.delete(ip)
    },
    addresses: () => inFlight.keys()
  }
}
