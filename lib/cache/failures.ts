import { type LookupResult, withCacheState } from '../verdict/index.ts'

/** The addresses of which nothing could be learned a moment ago, so that they are not looked up again at once. */
interface FailureCache {
  get (ip: string): LookupResult | undefined
  set (ip: string, result: LookupResult, forMs: number): void
  delete (ip: string): void
  addresses (): Iterable<string>
}

interface Failure { readonly result: LookupResult, readonly fromMs: number, readonly untilMs: number }

export function createFailureCache (maxEntries: number, now: () => number): FailureCache {
  const failures = new Map<string, Failure>()
  return {
    get (ip) {
      if (failures.size === 0) return undefined
      const failure = failures.get(ip)
      const nowMs = now()
      // A failure of the future is from before the clock was set back.
      return failure !== undefined && failure.fromMs <= nowMs && nowMs < failure.untilMs ? failure.result : undefined
    },
    set (ip, result, forMs) {
      const nowMs = now()
      // In the order of their beginning, which is about the order of their end.
      for (const [oldest, { untilMs }] of failures) {
        if (untilMs > nowMs && failures.size < maxEntries) break
        failures.delete(oldest)
      }
      failures.delete(ip)
      failures.set(ownText(ip), { result: withCacheState(result, 'memory'), fromMs: nowMs, untilMs: nowMs + forMs })
    },
    delete (ip) { failures.delete(ip) },
    addresses: () => failures.keys()
  }
}

/** A copy: an address that was cut out of a header would keep the whole header in memory. */
export function ownText (ip: string): string {
  return Buffer.from(ip, 'latin1').toString('latin1')
}
