import { LRUCache } from 'lru-cache'
import { type KnownResult, type LookupResult, withCacheState } from '../verdict/index.ts'
import { type CompactAnswer, fromCompact, severity, toCompact } from './compact.ts'
import { createNeighbours, verdictOfSubnet } from './neighbours.ts'
import type { AgeLimits } from './options.ts'

/** The verdicts this process holds: bounded, longest unused out first. A hit costs no promise, no timer and no copy. */
export interface MemoryCache {
  /** What is fresh; when a failure was noted a moment ago, what is stale; else that failure. */
  get (ip: string): LookupResult | undefined
  /** A verdict that is past its time and may stand in for one that could not be had. */
  stale (ip: string): LookupResult | undefined
  /** What is known of the IPv6 /64 around an address: fresh verdicts only. Not a verdict on the address itself, so it is never kept. */
  nearby (ip: string): KnownResult | undefined
  /** Keeps a verdict (frozen) while it is fresh, and longer in case of need, as `ages` says. A newer one stays. */
  set (ip: string, verdict: KnownResult): void
  /** Notes that nothing could be learnt, which holds for `unknownTtlSeconds`. What is known stays. */
  fail (ip: string, verdict: LookupResult): void
  /** Whether no failure was noted a moment ago. */
  mayRetry (ip: string): boolean
  delete (ip: string): void
  addresses (): Iterable<string>
}

export interface MemoryCacheOptions {
  readonly maxEntries: number
  readonly ages: AgeLimits
  readonly unknownTtlSeconds: number
  readonly now: () => number
}

/** Three small fields, none of them a boxed number: there may be a hundred thousand. `held` is packed unless it was read lately. */
interface Entry {
  readonly provider: string
  /** Hundredths of a second since the memory was made, rounded down: a small integer for eight months. */
  readonly checkedAt: number
  held: KnownResult | CompactAnswer
}

/** So many entries stay unpacked: most of those that a process of the default size holds, some percent of a very large one. */
const UNPACKED = 4096
/** Between two tries to refresh, even where failures are not kept. */
const LEAST_RETRY_MS = 1000
const TICK_MS = 10
/** The severity of `vpn_detected`. */
const DETECTED = 3

export function createMemoryCache (options: MemoryCacheOptions): MemoryCache {
  const { maxEntries, ages, now } = options
  const unknownMs = options.unknownTtlSeconds * 1000
  const startMs = now()
  // What is thrown out must not be packed any more.
  const entries = new LRUCache<string, Entry>({
    max: maxEntries,
    dispose (entry, ip, reason) {
      entry.held = ''
      if (reason !== 'set') neighbours.delete(ip)
    }
  })
  const neighbours = createNeighbours()
  const failures = new Map<string, { readonly verdict: LookupResult, readonly untilMs: number }>()
  const unpacked: (Entry | undefined)[] = []
  let next = 0

  return {
    get (ip) {
      const entry = entries.get(ip)
      if (entry === undefined) return failures.size === 0 ? undefined : failure(ip)
      if (age(entry) < ages.freshMs(entry.provider)) return typeof entry.held === 'string' ? read(entry) : entry.held
      const failed = failure(ip)
      return failed === undefined ? undefined : past(entry) ?? failed
    },
    stale (ip) {
      const entry = entries.get(ip)
      return entry === undefined ? undefined : past(entry)
    },
    nearby (ip) {
      let worst: Entry | undefined
      let worstSeverity = -1
      let known = 0
      let detected = 0
      for (const other of neighbours.of(ip)) {
        const entry = entries.peek(other)
        if (entry === undefined || age(entry) >= ages.freshMs(entry.provider)) continue
        const grade = severity(typeof entry.held === 'string' ? entry.held : entry.held.answer)
        known++
        if (grade === DETECTED) detected++
        if (grade > worstSeverity) {
          worst = entry
          worstSeverity = grade
        }
      }
      return worst === undefined ? undefined : verdictOfSubnet(typeof worst.held === 'string' ? read(worst) : worst.held, known, detected)
    },
    set (ip, verdict) {
      const checkedAt = Math.floor((verdict.checkedAtMs - startMs) / TICK_MS)
      const held = entries.peek(ip)
      if (now() - verdict.checkedAtMs >= ages.freshMs(verdict.provider) || (held !== undefined && held.checkedAt > checkedAt)) return
      const entry: Entry = { provider: verdict.provider, checkedAt, held: withCacheState(verdict, 'memory') as KnownResult }
      const key = ownText(ip)
      entries.set(key, entry)
      if (held === undefined) neighbours.add(key)
      failures.delete(ip)
      keepUnpacked(entry)
    },
    fail (ip, verdict) {
      const nowMs = now()
      const entry = entries.peek(ip)
      const untilMs = nowMs + (entry === undefined ? unknownMs : Math.max(unknownMs, LEAST_RETRY_MS))
      if (entry !== undefined && age(entry) >= ages.keptMs(entry.provider)) entries.delete(ip)
      // They stand in the order of their time, which is about the order of their end.
      for (const [oldest, { untilMs }] of failures) {
        if (untilMs > nowMs && failures.size < maxEntries) break
        failures.delete(oldest)
      }
      failures.delete(ip)
      failures.set(ownText(ip), { verdict: withCacheState(verdict, 'memory'), untilMs })
    },
    mayRetry: ip => failure(ip) === undefined,
    delete (ip) {
      entries.delete(ip)
      failures.delete(ip)
    },
    addresses: () => entries.keys()
  }

  function age ({ checkedAt }: Entry): number {
    return now() - startMs - checkedAt * TICK_MS
  }

  function failure (ip: string): LookupResult | undefined {
    const failure = failures.get(ip)
    return failure !== undefined && failure.untilMs > now() ? failure.verdict : undefined
  }

  function past (entry: Entry): LookupResult | undefined {
    if (age(entry) >= ages.keptMs(entry.provider)) return undefined
    return withCacheState(typeof entry.held === 'string' ? read(entry) : entry.held, 'stale')
  }

  function read (entry: Entry): KnownResult {
    const { provider, checkedAt } = entry
    const checkedAtMs = startMs + checkedAt * TICK_MS
    const verdict = Object.freeze({ answer: fromCompact(entry.held as CompactAnswer), provider, checkedAtMs, cache: 'memory' as const })
    entry.held = verdict
    keepUnpacked(entry)
    return verdict
  }

  function keepUnpacked (entry: Entry): void {
    const previous = unpacked[next]
    if (previous !== undefined && typeof previous.held !== 'string') previous.held = toCompact(previous.held.answer)
    unpacked[next] = entry
    next = (next + 1) % UNPACKED
  }
}

/** A copy: what was cut out of a header would keep all of that header in memory. */
function ownText (ip: string): string {
  return Buffer.from(ip, 'latin1').toString('latin1')
}
