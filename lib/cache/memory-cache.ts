import { LRUCache } from 'lru-cache'
import { type KnownResult, type LookupResult, withCacheState } from '../verdict/index.ts'
import { type CompactAnswer, createCompaction, fromCompact, severity } from './compact.ts'
import { createFailureCache, ownText } from './failures.ts'
import { createNeighbours, subnetResult } from './neighbours.ts'
import type { AgeLimits } from './options.ts'

/**
 * The verdicts in this process: bounded. Evicts roughly the entry that was used longest ago: a use that follows another
 * within `maxEntries` / 8 writes is not noted. A hit costs no promise, timer or copy.
 */
export interface MemoryCache {
  /** A fresh verdict; after a recent failure a stale one; else that failure. `nowMs` spares a reading of the clock. */
  get (ip: string, nowMs?: number): LookupResult | undefined
  /** A verdict that is no longer fresh, for use when no other can be had. */
  stale (ip: string): LookupResult | undefined
  /**
   * The verdict that the fresh verdicts of its IPv6 /64 suggest. It is not a verdict on the address itself, so it is
   * never cached.
   */
  nearby (ip: string): KnownResult | undefined
  /** Keeps a frozen verdict for as long as `ages` allows, unless a newer one is there. */
  set (ip: string, result: KnownResult): void
  /** Remembers for `unknownTtlSeconds` that nothing could be learned. A known verdict stays. */
  fail (ip: string, result: LookupResult): void
  /** False after a recent failure. */
  mayRetry (ip: string): boolean
  delete (ip: string): void
  /** Those with a verdict or a failure. */
  addresses (): Iterable<string>
  size (): number
}

export interface MemoryCacheOptions {
  readonly maxEntries: number
  readonly ages: AgeLimits
  readonly unknownTtlSeconds: number
  readonly now: () => number
}

/** Four small fields, none of them a boxed number: there may be a hundred thousand entries. */
interface Entry {
  readonly provider: string
  /** Hundredths of a second since the cache was made, rounded down: a small integer for eight months. */
  readonly checkedAt: number
  /** How many entries had been written when this one was moved to the front. */
  movedAt: number
  /** Compact unless it was written or read recently. */
  value: KnownResult | CompactAnswer
}

/** Entries that stay parsed: most of those of a cache of the default size, a few percent of a very large one. */
const KEPT_PARSED = 4096
/** Least time between two attempts to refresh, even where failures are not cached. */
const LEAST_RETRY_MS = 1000
const TICK_MS = 10
/** The severity of `vpn_detected`. */
const DETECTED = 3

export function createMemoryCache (options: MemoryCacheOptions): MemoryCache {
  const { maxEntries, ages, now } = options
  const unknownMs = options.unknownTtlSeconds * 1000
  const startMs = now()
  const failures = createFailureCache(maxEntries, now)
  const neighbours = createNeighbours()
  const keepParsed = createCompaction(KEPT_PARSED)
  // To move an entry to the front costs as much as to find it, and is not needed while few others were written.
  const moveAfter = Math.floor(maxEntries / 8)
  let written = 0
  const entries = new LRUCache<string, Entry>({
    max: maxEntries,
    dispose (entry, ip, reason) {
      entry.value = '' // so that it is not made compact later
      if (reason !== 'set') neighbours.delete(ip)
    }
  })

  function ageMs ({ checkedAt }: Entry, nowMs = now()): number {
    return nowMs - startMs - checkedAt * TICK_MS
  }

  function read (entry: Entry): KnownResult {
    if (typeof entry.value !== 'string') return entry.value
    const { provider, checkedAt } = entry
    const checkedAtMs = startMs + checkedAt * TICK_MS
    const result = Object.freeze({ answer: fromCompact(entry.value), provider, checkedAtMs, cache: 'memory' as const })
    entry.value = result
    keepParsed(entry)
    return result
  }

  function stale (entry: Entry | undefined): LookupResult | undefined {
    if (entry === undefined || ageMs(entry) >= ages.keptMs(entry.provider)) return undefined
    return withCacheState(read(entry), 'stale')
  }

  return {
    get (ip, nowMs) {
      const entry = entries.peek(ip)
      if (entry !== undefined) {
        if (written - entry.movedAt > moveAfter) {
          entry.movedAt = written
          entries.get(ip)
        }
        // An entry of the future is fresh for as long: the clock may have been set back.
        if (Math.abs(ageMs(entry, nowMs)) < ages.freshMs(entry.provider)) return read(entry)
      }
      const failed = failures.get(ip)
      return failed && (stale(entry) ?? failed)
    },
    stale: ip => stale(entries.get(ip)),
    nearby (ip) {
      let worst: Entry | undefined
      let worstSeverity = -1
      let known = 0
      let detected = 0
      for (const other of neighbours.of(ip)) {
        const entry = entries.peek(other)
        if (entry === undefined || ageMs(entry) >= ages.freshMs(entry.provider)) continue
        const grade = severity(typeof entry.value === 'string' ? entry.value : entry.value.answer)
        known++
        if (grade === DETECTED) detected++
        if (grade > worstSeverity) {
          worst = entry
          worstSeverity = grade
        }
      }
      return worst && subnetResult(read(worst), known, detected)
    },
    set (ip, result) {
      if (now() - result.checkedAtMs >= ages.freshMs(result.provider)) return
      const checkedAt = Math.floor((result.checkedAtMs - startMs) / TICK_MS)
      const previous = entries.peek(ip)
      if (previous !== undefined && previous.checkedAt > checkedAt && ageMs(previous) >= 0) return
      const value = withCacheState(result, 'memory') as KnownResult
      const entry: Entry = { provider: result.provider, checkedAt, movedAt: ++written, value }
      const key = ownText(ip)
      entries.set(key, entry)
      if (previous === undefined) neighbours.add(key)
      failures.delete(ip)
      keepParsed(entry)
    },
    fail (ip, result) {
      const entry = entries.peek(ip)
      failures.set(ip, result, entry === undefined ? unknownMs : Math.max(unknownMs, LEAST_RETRY_MS))
      if (entry !== undefined && ageMs(entry) >= ages.keptMs(entry.provider)) entries.delete(ip)
    },
    mayRetry: ip => failures.get(ip) === undefined,
    delete (ip) {
      entries.delete(ip)
      failures.delete(ip)
    },
    addresses: () => [...entries.keys(), ...failures.addresses()],
    size: () => entries.size
  }
}
