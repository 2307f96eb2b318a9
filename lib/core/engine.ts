import { isDeepStrictEqual } from 'node:util'
import type {
  ClientIp, ClientIpExplanation, EngineOptions, IpRisk, IpRiskLogger, Outcome, Provider, ProviderAnswer, RawRequest,
  SetCloudflareRanges, Stats
} from '../../types/contract.ts'
import {
  ageLimits, createCachedLookup, createMemoryCache, createSettling, type Lookup, readCache, settlingProviders
} from '../cache/index.ts'
import { createClientIp, type Watch, watchMisconfiguration } from '../client-ip/index.ts'
import { lookupAddress, scopeOf } from '../ip/index.ts'
import { checkProvider } from '../options/index.ts'
import { createTemporaryAllows } from '../policy/index.ts'
import { lists } from '../providers/lists/index.ts'
import { clusterPrefix, createKeys, openFleet } from '../redis/index.ts'
import { createPipelines, type ProviderPipelines, watchLateness } from '../resilience/index.ts'
import { answeredBy, notLookedUpResult } from '../verdict/index.ts'
import { createCounters } from './stats.ts'

/** Everything behind a scope: how an address is found, and what is known of it. Shared by the scopes whose options for it agree. */
export interface Engine {
  readonly log: IpRiskLogger
  readonly now: () => number
  /** Also looks out for what only traffic shows to be misconfigured. */
  readonly resolve: (request: RawRequest) => ClientIp
  readonly explain: (request: RawRequest) => ClientIpExplanation
  readonly setCloudflareRanges: SetCloudflareRanges
  /** Whether any forwarding header may be read. */
  readonly readsHeaders: boolean
  /** Whether our address and the framework's own are known to differ; for who has another rule set beside ours. */
  readonly compareAddress: Watch['compare']
  readonly providerName: string
  readonly lookup: Lookup
  /** Asks the provider for many addresses, past every cache. */
  readonly bulk: ProviderPipelines['bulk']
  /** Whether `allow()` let the address pass for a while. */
  isAllowed (ip: string): boolean
  allow (ip: string, ttlSeconds: number): Promise<void>
  invalidate (ip: string): Promise<void>
  /** Counts a request, once what came of it is known. */
  count (risk: IpRisk, outcome: Outcome): void
  stats (): Stats
  /** Resolves when Redis is there, or after a short while without it. */
  ready (): Promise<void>
  /**
   * Ends calls in flight: whoever waits for one gets an answer now. Resolves when the other processes may make these
   * calls, or Redis does not answer. Never rejects.
   */
  abort (): Promise<void>
  /** Also aborts. */
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
  for (const warning of clientIp.warnings) log.warn({ code: 'IP_RISK_CLIENT_IP_DOUBTFUL' }, warning)
  const watch = watchMisconfiguration(clientIp, log)
  const counters = createCounters()
  const ages = ageLimits(cache, provider)
  const memory = createMemoryCache({ ...cache, ages, now })
  const keys = createKeys(cache.keyPrefix, cache.keySecret, clusterPrefix(options.redis))
  const allowed = createTemporaryAllows(keys.ids, now, log)
  const fleet = options.redis === undefined
    ? undefined
    : openFleet(options.redis, {
      cache, ages, keys, provider, log, now, addresses: () => layers.addresses(), allowed, forget
    })
  let guarded: ProviderPipelines | undefined
  try {
    guarded = createPipelines(provider, {
      log,
      redis: fleet?.port,
      redisTimeoutMs: cache.redisTimeoutMs,
      settled (ip, answer) {
        if (answer.verdict !== 'unknown') layers.replace(ip, answer)
        settling?.settled(ip)
      }
    })
    start(provider, log)
  } catch (err) {
    // It is the first error that has to be mended: how the rest closes changes nothing.
    guarded?.close().catch(() => {})
    fleet?.close().catch(() => {})
    throw err
  }
  const { ask, isCrowded, bulk, stats, abort, close: closeProvider } = guarded
  const layers = createCachedLookup({
    memory,
    shared: fleet?.verdicts,
    ask: watchLateness(ask, provider.name, log, now),
    isCrowded,
    providerName: provider.name,
    ttlSeconds: cache.ttlSeconds,
    refresh: !hasDailyLimit(provider),
    now,
    count: counters.lookup
  })

  const settlesAfterMs = settlingProviders(provider)
  const settling = settlesAfterMs.size === 0
    ? undefined
    : createSettling({ lookup: layers.lookup, memory, shared: fleet?.verdicts, settlesAfterMs, now })

  function forget (ip: string): void {
    layers.forget(ip)
  }

  return {
    log,
    now,
    resolve (request) {
      const address = clientIp.resolve(request)
      watch.see(address, request)
      return address
    },
    explain: clientIp.explain,
    setCloudflareRanges: clientIp.setCloudflareRanges,
    readsHeaders: clientIp.readsHeaders,
    compareAddress: watch.compare,
    providerName: provider.name,
    lookup: withinFamilies(provider, now, provider.sync === true ? askAtOnce(provider, ask, now) : (settling ?? layers).lookup),
    bulk,
    isAllowed: allowed.has,
    async allow (ip, ttlSeconds) {
      const statement = allowed.allowNow(ip, ttlSeconds * 1000)
      await fleet?.allow(statement)
    },
    async invalidate (ip) {
      // A verdict belongs to the address that is looked up, an allow to the one that was given.
      const asked = lookupAddress(ip, scopeOf(ip)) ?? ip
      const statements = [...new Set([asked, ip])].flatMap(allowed.revokeNow)
      forget(asked)
      await fleet?.forget(statements)
    },
    count: counters.request,
    stats () {
      const providers = stats()
      return {
        lookups: { ...counters.lookups, provider: Object.values(providers).reduce((sum, { calls }) => sum + calls, 0) },
        unknown: { ...counters.unknown },
        decisions: { ...counters.decisions },
        outcomes: { ...counters.outcomes },
        redis: fleet?.port.state ?? 'none',
        providers
      }
    },
    ready: async () => await fleet?.ready(),
    abort: release,
    async close () {
      const released = release()
      try {
        await closeProvider()
      } finally {
        await released
        await fleet?.close()
      }
    }
  }

  /** Leases are given up first, so that no other process takes our end for a failure of the provider. */
  async function release (): Promise<void> {
    settling?.close()
    const released = fleet?.release()
    abort()
    await released
  }
}

function start (provider: Provider, log: IpRiskLogger): void {
  provider.start?.(log)
  for (const member of provider.members ?? []) start(member, log)
}

function hasDailyLimit ({ limits, members = [] }: Provider): boolean {
  return limits?.perDay !== undefined || members.some(hasDailyLimit)
}

function askAtOnce ({ name }: Provider, ask: ProviderPipelines['ask'], now: () => number): Lookup {
  return (ip, { write }) => {
    const answer = ask(ip, { write }) as ProviderAnswer
    return { answer, provider: answeredBy(answer, name), checkedAtMs: now(), cache: 'none' }
  }
}

function withinFamilies ({ families, name }: Provider, now: () => number, lookup: Lookup): Lookup {
  if (families === undefined || (families.includes(4) && families.includes(6))) return lookup
  const unsupportedMark = families.includes(4)
  return (ip, call) => ip.includes(':') === unsupportedMark ? notLookedUpResult('unsupported_family', now(), name) : lookup(ip, call)
}
