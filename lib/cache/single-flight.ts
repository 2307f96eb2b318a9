import type { LookupResult } from '../verdict/index.ts'

/** The loads in flight: at most one per address, which later callers share. Never evicted. */
export interface SingleFlight {
  /** The latest one that is not dropped, of those that `accepts` takes. Default: of all. */
  get (ip: string, accepts?: (load: InFlightLoad) => boolean): InFlightLoad | undefined
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
  /**
   * When the longest wait for the result ends, by `performance.now()`. The load continues after that, but starts no
   * call any more.
   */
  wantedUntilMs: number
  /**
   * Whether the address was dropped, after the call began if there is one, or the load waits for another one: the
   * result must not be cached.
   */
  dropped: boolean
}

/** What is in flight, by its address. One that was dropped stays until it ends: its call may be yet to begin. */
interface InFlight<Entry> {
  /** The latest one that is not dropped, of those that `accepts` takes. Default: of all. */
  get (ip: string, accepts?: (entry: Entry) => boolean): Entry | undefined
  add (ip: string, entry: Entry): void
  end (ip: string, entry: Entry): void
  drop (ip: string): void
  addresses (): Iterable<string>
}

export function createInFlight<Entry extends { dropped: boolean }> (): InFlight<Entry> {
  const entries = new Map<string, readonly Entry[]>()
  const of = (ip: string): readonly Entry[] => entries.get(ip) ?? []
  return {
    get: (ip, accepts = () => true) => of(ip).findLast(entry => !entry.dropped && accepts(entry)),
    add (ip, entry) { entries.set(ip, [...of(ip), entry]) },
    end (ip, entry) {
      const left = of(ip).filter(other => other !== entry)
      if (left.length === 0) entries.delete(ip)
      else entries.set(ip, left)
    },
    drop (ip) {
      for (const entry of of(ip)) entry.dropped = true
    },
    addresses: () => entries.keys()
  }
}

export function createSingleFlight (): SingleFlight {
  const { get, add, end, drop, addresses } = createInFlight<{ -readonly [K in keyof InFlightLoad]: InFlightLoad[K] }>()
  return {
    get,
    start (ip, write, wantedUntilMs, run) {
      const load = { write, result: undefined as unknown as Promise<LookupResult>, wantedUntilMs, dropped: false }
      add(ip, load)
      load.result = run(load).finally(() => end(ip, load))
      return load
    },
    drop,
    addresses
  }
}
