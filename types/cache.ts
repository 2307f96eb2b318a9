/** How long verdicts are kept, in the memory of the process and in Redis. */
export interface CacheOptions {
  /** Default 300, at most 21 600 (six hours, what GetIPIntel allows). */
  readonly ttlSeconds?: number | undefined
  /** In this process's memory. Default 10 000. */
  readonly maxEntries?: number | undefined
  /** Before the plain address. Default `''`. */
  readonly keyPrefix?: string | undefined
  /**
   * Keeps addresses out of Redis: keys, leases and broadcasts carry an HMAC-SHA-256 of the address, and values leave
   * it out. It also signs what `allow()` and `invalidate()` say to other processes, so that nobody else can let an
   * address pass. At least 16 characters each.
   *
   * To change it: `[old, new]` everywhere first, then `[new, old]`, then `new`. The first one writes; statements are
   * understood under both, verdicts under the first.
   */
  readonly keySecret?: string | readonly [current: string, previous: string] | undefined
  /** In memory only. Default 10. */
  readonly unknownTtlSeconds?: number | undefined
  /** In memory only. Default 3 600. */
  readonly staleIfErrorSeconds?: number | undefined
  /**
   * Longest that one request waits for Redis, over all its commands, in milliseconds: 1 to 10 000. Default 100. It
   * begins anew after each wait for another process's call, and for each quota that a call of the provider is taken
   * from, if Redis answered until then.
   */
  readonly redisTimeoutMs?: number | undefined
}

/**
 * Where a verdict came from. `miss`: the provider, just now. `stale`: memory, after its time, because the provider
 * failed. `subnet`: other addresses of the same IPv6 /64, because too many of them are new; such a verdict is not
 * cached. `none`: a `sync` provider answered, or nothing was looked up.
 */
export type CacheState = 'memory' | 'redis' | 'miss' | 'stale' | 'subnet' | 'none'
