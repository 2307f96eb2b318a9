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

/** What is in flight, by its address. */
interface InFlight<Entry> {
  get (ip: string): Entry | undefined
  set (ip: string, entry: Entry): void
  /** Nothing happens where the entry was dropped, whatever followed it. */
  end (ip: string, entry: Entry): void
  drop (ip: string): void
  addresses (): Iterable<string>
}

export function createInFlight<Entry extends { dropped: boolean }> (): InFlight<Entry> {
  const entries = new Map<string, Entry>()
  return {
    get: ip => entries.get(ip),
    set (ip, entry) { entries.set(ip, entry) },
    end (ip, entry) {
      if (entries.get(ip) === entry) entries.delete(ip)
    },
    drop (ip) {
      const entry = entries.get(ip)
      if (entry === undefined) return
      entry.dropped = true
      entries.delete(ip)
    },
    addresses: () => entries.keys()
  }
}

export function createSingleFlight (): SingleFlight {
  const { get, set, end, drop, addresses } = createInFlight<{ -readonly [K in keyof InFlightLoad]: InFlightLoad[K] }>()
  return {
    get,
    start (ip, write, wantedUntilMs, run) {
      const load = { write, result: undefined as unknown as Promise<LookupResult>, wantedUntilMs, dropped: false }
      set(ip, load)
      load.result = run(load).finally(() => end(ip, load))
      return load
    },
    drop,
    addresses
  }
}
