import { isDeepStrictEqual } from 'node:util'
import type { ClientIp, ClientIpExplanation, EngineOptions, IpRisk, IpRiskLogger, LookupContext, Provider, ProviderAnswer, RawRequest, Stats } from '../types/contract.ts'
import { readCache } from './cache-options.ts'
import { createClientIp } from './client-ip/resolver.ts'
import { createCounters } from './counters.ts'
import { createLookup, type Lookup } from './lookup/lookup.ts'
import { createMemory } from './lookup/memory.ts'
import { lists } from './providers/lists.ts'
import { checkProvider } from './provider-option.ts'
import { openRedis } from './redis/client.ts'
import { createVerdictStore } from './redis/verdict-store.ts'
import { unasked } from './verdict/verdict.ts'

/** Everything behind a scope: how an address is found, and what is known of it. Shared by the scopes whose options for it agree. */
export interface Engine {
  readonly log: IpRiskLogger
  readonly now: () => number
  readonly resolve: (request: RawRequest) => ClientIp
  readonly explain: (request: RawRequest) => ClientIpExplanation
  readonly lookup: Lookup
  /** Whether `allow()` let the address pass for a while. */
  isAllowed (ip: string): boolean
  allow (ip: string, ttlSeconds: number): Promise<void>
  invalidate (ip: string): Promise<void>
  count (risk: IpRisk): void
  stats (): Stats
  /** Resolves when Redis is there, or after a short while without it. */
  ready (): Promise<void>
  close (): Promise<void>
}

/** Whether a child scope's options leave the engine as its parent's made it. */
export function sharesEngine (parent: EngineOptions, child: EngineOptions): boolean {
  return child.provider === undefined || child.provider === parent.provider
    ? (['redis', 'clientIp', 'cache'] as const).every(name => child[name] === undefined || sameValue(child[name], parent[name]))
    : false
}

function sameValue (a: unknown, b: unknown): boolean {
  return a === b || (isPlain(a) && isPlain(b) && isDeepStrictEqual(a, b))
}

function isPlain (value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** Throws an `IpRiskError` that names the option. */
export function createEngine (options: EngineOptions, log: IpRiskLogger, now: () => number = Date.now): Engine {
  const cache = readCache(options.cache)
  const provider = options.provider === undefined ? lists() : checkProvider('provider', options.provider)
  const clientIp = createClientIp(options.clientIp, log, now())
  for (const warning of clientIp.warnings) log.warn({}, warning)
  const redis = openRedis(options.redis, cache.redisTimeoutMs, log, now)
  const counters = createCounters()
  const memory = createMemory({ ...cache, now })
  const allowedUntilMs = new Map<string, number>()

  return {
    log,
    now,
    resolve: clientIp.resolve,
    explain: clientIp.explain,
    lookup: withinFamilies(provider, now, provider.sync === true
      ? askAtOnce(provider, log, now)
      : createLookup({
        memory,
        shared: redis === undefined ? undefined : createVerdictStore(redis, cache, provider, log, now),
        ask: askWithin(provider, log),
        providerName: provider.name,
        now,
        count: counters.lookup
      })),
    isAllowed (ip) {
      if (allowedUntilMs.size === 0) return false
      const untilMs = allowedUntilMs.get(ip)
      return untilMs !== undefined && untilMs > now()
    },
    async allow (ip, ttlSeconds) {
      allowedUntilMs.set(ip, now() + ttlSeconds * 1000)
    },
    async invalidate (ip) {
      memory.delete(ip)
    },
    count: counters.judged,
    stats: () => ({
      lookups: { ...counters.lookups },
      unknown: { ...counters.unknown },
      decisions: { ...counters.decisions },
      redis: redis?.state ?? 'none',
      providers: {}
    }),
    ready: async () => redis?.ready(),
    async close () {
      await Promise.all([redis?.close(), provider.close?.()])
    }
  }
}

function askAtOnce (provider: Provider, log: IpRiskLogger, now: () => number): Lookup {
  const context = { signal: new AbortController().signal, write: false, log } as LookupContext
  return ip => {
    try {
      const answer = provider.lookup(ip, context) as ProviderAnswer
      return { answer, provider: (answer.verdict !== 'unknown' && answer.provider) || provider.name, checkedAtMs: now(), cache: 'none' }
    } catch (err) {
      log.error({ err, provider: provider.name }, 'the provider threw')
      return unasked('unavailable', now(), provider.name)
    }
  }
}

function withinFamilies ({ families, name }: Provider, now: () => number, lookup: Lookup): Lookup {
  if (families === undefined || (families.includes(4) && families.includes(6))) return lookup
  const unsupportedMark = families.includes(4)
  return (ip, call) => ip.includes(':') === unsupportedMark ? unasked('unsupported_family', now(), name) : lookup(ip, call)
}

function askWithin (provider: Provider, log: IpRiskLogger): (ip: string, call: { readonly write: boolean }) => Promise<ProviderAnswer> {
  return async (ip, { write }) => await provider.lookup(ip, { signal: AbortSignal.timeout(5000), write, log } as LookupContext)
}
