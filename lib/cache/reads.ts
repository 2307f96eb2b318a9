import type { SharedCache } from './shared-cache.ts'
import { createInFlight } from './single-flight.ts'

/** A read of the shared cache that has not ended, or just has. */
export interface SharedRead {
  readonly stored: ReturnType<SharedCache['read']>
  /** Whether the address was forgotten meanwhile: what was read must not be kept. */
  readonly dropped: boolean
}

/** The reads of the shared cache in flight: at most one per address, which later callers share. */
export interface SharedReads {
  of (ip: string): SharedRead
  /** The next caller reads again. */
  drop (ip: string): void
  addresses (): Iterable<string>
}

export function createReads ({ read }: Pick<SharedCache, 'read'>): SharedReads {
  const { get, add, end, drop, addresses } = createInFlight<{ -readonly [K in keyof SharedRead]: SharedRead[K] }>()
  return {
    of (ip) {
      const known = get(ip)
      if (known !== undefined) return known
      const started = { stored: read(ip), dropped: false }
      add(ip, started)
      // After its callers have kept what was read: until then an invalidation must find it.
      const endLater = (): void => { setImmediate(end, ip, started) }
      started.stored.then(endLater, endLater)
      return started
    },
    drop,
    addresses
  }
}
