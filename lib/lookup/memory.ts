import { LRUCache } from 'lru-cache'
import { from, isKnown, type Verdict } from '../verdict/verdict.ts'

/** The verdicts this process holds: bounded, oldest use out first. A hit costs no promise, no timer and no copy. */
export interface Memory {
  get (ip: string): Verdict | undefined
  /** Keeps a verdict until it is `ttlSeconds` old (an unknown one until `unknownTtlSeconds`). */
  set (ip: string, verdict: Verdict): void
  delete (ip: string): void
}

export interface MemoryOptions {
  readonly maxEntries: number
  readonly ttlSeconds: number
  readonly unknownTtlSeconds: number
  readonly now: () => number
}

interface Entry { readonly verdict: Verdict, readonly expiresAtMs: number }

export function createMemory ({ maxEntries, ttlSeconds, unknownTtlSeconds, now }: MemoryOptions): Memory {
  const entries = new LRUCache<string, Entry>({ max: maxEntries })
  return {
    get (ip) {
      const entry = entries.get(ip)
      return entry !== undefined && entry.expiresAtMs > now() ? entry.verdict : undefined
    },
    set (ip, verdict) {
      const lifeSeconds = isKnown(verdict) ? ttlSeconds : unknownTtlSeconds
      const expiresAtMs = verdict.checkedAtMs + lifeSeconds * 1000
      if (expiresAtMs > now()) entries.set(ip, { verdict: from(verdict, 'memory'), expiresAtMs })
    },
    delete (ip) {
      entries.delete(ip)
    }
  }
}
