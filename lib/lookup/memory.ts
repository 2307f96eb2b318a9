import { LRUCache } from 'lru-cache'
import { from, type KnownVerdict, type Verdict } from '../verdict/verdict.ts'
import { type Packed, pack, unpack } from './packed.ts'

/** The verdicts this process holds: bounded, longest unused out first. A hit costs no promise, no timer and no copy. */
export interface Memory {
  /** What is younger than `ttlSeconds`; when a failure was noted a moment ago, what is stale; else that failure. */
  get (ip: string): Verdict | undefined
  /** A verdict that is past its time and may stand in for one that could not be had. */
  stale (ip: string): Verdict | undefined
  /** Keeps a verdict (frozen) until it is `ttlSeconds` old, and `staleIfErrorSeconds` more in case of need. A newer one stays. */
  set (ip: string, verdict: KnownVerdict): void
  /** Notes that nothing could be learnt, which holds for `unknownTtlSeconds`. What is known stays. */
  fail (ip: string, verdict: Verdict): void
  /** Whether no failure was noted a moment ago. */
  mayRetry (ip: string): boolean
  delete (ip: string): void
  addresses (): Iterable<string>
}

export interface MemoryOptions {
  readonly maxEntries: number
  readonly ttlSeconds: number
  readonly unknownTtlSeconds: number
  readonly staleIfErrorSeconds: number
  readonly now: () => number
}

/** Has one of `verdict` and `packed`, or both: what was not read for a while is packed. */
interface Entry {
  readonly provider: string
  readonly checkedAtMs: number
  retryAtMs: number
  verdict: KnownVerdict | undefined
  packed: Packed | undefined
}

/** So many entries stay unpacked: most of those that a process of the default size holds, some percent of a very large one. */
const UNPACKED = 4096

/** Between two tries to refresh, even where failures are not kept. */
const LEAST_RETRY_MS = 1000

export function createMemory (options: MemoryOptions): Memory {
  const { maxEntries, now } = options
  const ttlMs = options.ttlSeconds * 1000
  const staleMs = options.staleIfErrorSeconds * 1000
  const unknownMs = options.unknownTtlSeconds * 1000
  const entries = new LRUCache<string, Entry>({ max: maxEntries })
  /** In the order of their time, all of one length: the oldest stand first. */
  const failures = new Map<string, { readonly verdict: Verdict, readonly untilMs: number }>()
  const unpacked: (Entry | undefined)[] = []
  let next = 0

  return {
    get (ip) {
      const entry = entries.get(ip)
      if (entry === undefined) return failures.size === 0 ? undefined : failure(ip)
      const nowMs = now()
      if (nowMs - entry.checkedAtMs < ttlMs) return entry.verdict ?? read(entry)
      return nowMs < entry.retryAtMs ? past(entry, nowMs) : undefined
    },
    stale (ip) {
      const entry = entries.get(ip)
      return entry === undefined ? undefined : past(entry, now())
    },
    set (ip, verdict) {
      const { provider, checkedAtMs } = verdict
      const held = entries.peek(ip)
      if (now() - checkedAtMs >= ttlMs || (held !== undefined && held.checkedAtMs > checkedAtMs)) return
      const entry: Entry = { provider, checkedAtMs, retryAtMs: 0, verdict: undefined, packed: undefined }
      entries.set(ownText(ip), entry)
      failures.delete(ip)
      keepUnpacked(entry, from(verdict, 'memory') as KnownVerdict)
    },
    fail (ip, verdict) {
      const nowMs = now()
      const untilMs = nowMs + unknownMs
      const entry = entries.get(ip)
      if (entry !== undefined && nowMs - entry.checkedAtMs < ttlMs + staleMs) {
        entry.retryAtMs = Math.max(untilMs, nowMs + LEAST_RETRY_MS)
        return
      }
      entries.delete(ip)
      for (const [oldest, { untilMs }] of failures) {
        if (untilMs > nowMs && failures.size < maxEntries) break
        failures.delete(oldest)
      }
      failures.delete(ip)
      failures.set(ownText(ip), { verdict: from(verdict, 'memory'), untilMs })
    },
    mayRetry (ip) {
      const entry = entries.peek(ip)
      return entry === undefined || now() >= entry.retryAtMs
    },
    delete (ip) {
      entries.delete(ip)
      failures.delete(ip)
    },
    addresses: () => entries.keys()
  }

  function failure (ip: string): Verdict | undefined {
    const failure = failures.get(ip)
    return failure !== undefined && failure.untilMs > now() ? failure.verdict : undefined
  }

  function past (entry: Entry, nowMs: number): Verdict | undefined {
    return nowMs - entry.checkedAtMs < ttlMs + staleMs ? from(entry.verdict ?? read(entry), 'stale') : undefined
  }

  function read (entry: Entry): KnownVerdict {
    const { packed, provider, checkedAtMs } = entry
    return keepUnpacked(entry, Object.freeze({ answer: unpack(packed!), provider, checkedAtMs, cache: 'memory' as const }))
  }

  function keepUnpacked (entry: Entry, verdict: KnownVerdict): KnownVerdict {
    const previous = unpacked[next]
    if (previous !== undefined) {
      previous.packed ??= pack(previous.verdict!.answer)
      previous.verdict = undefined
    }
    unpacked[next] = entry
    next = (next + 1) % UNPACKED
    entry.verdict = verdict
    return verdict
  }
}

/** A copy: what was cut out of a header would keep all of that header in memory. */
function ownText (ip: string): string {
  return Buffer.from(ip, 'latin1').toString('latin1')
}
