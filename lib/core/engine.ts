import { isDeepStrictEqual } from 'node:util'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import {
  ageLimits, createLookup, createMemoryCache, createReads, createSettling, createSingleFlight, type Lookup, readCache
} from '../cache/index.ts'
import { createAccountMemory, createFamiliarity, type FamiliarityService } from '../familiarity/index.ts'
import { createExceptions, type ExceptionEntry, type Exceptions, nameOf, type Statement } from '../policy/index.ts'
import { clusterPrefix, createKeys, openFleet } from '../redis/index.ts'
import { type ClientAddress, createClientAddress } from './client-address.ts'
import { createEngineObservers, type EngineObservers } from './context.ts'
import { type ProviderPipelines, readProvider, runProvider } from './provider.ts'
import { type Counters, createCounters } from './stats.ts'

/** How an address is found and looked up. Shared by the plugin scopes whose options for it agree. */
export interface Engine extends ClientAddress {
  readonly log: IpRiskLogger
  readonly now: () => number
  readonly providerName: string
  readonly lookup: Lookup
  /** What is remembered of accounts. */
  readonly familiarity: FamiliarityService
  /** Asks the provider about many addresses, without the caches. */
  readonly bulk: ProviderPipelines['bulk']
  /** Those of `allow()` and `deny()`, as this process knows them. */
  readonly exceptions: Pick<Exceptions, 'of' | 'isAllowed' | 'isHeld' | 'list'>
  /** Makes one in every process. Resolves as `fleet.allow`; rejects with an `IpRiskError` when too many exist. */
  except (entry: ExceptionEntry, ttlSeconds: number): Promise<Statement>
  /** Ends those of a network in every process. */
  revoke (network: string): Promise<void>
  /** Reads the statements of other processes. Rejects when Redis does not answer. */
  readExceptions (): Promise<void>
  /**
   * Forgets the verdict and ends an `allow()`. The allow is on the address as given; `lookedUp` is the one that is
   * looked up in its place and has the verdict. Default `ip`.
   */
  invalidate (ip: string, lookedUp?: string): Promise<void>
  readonly observers: EngineObservers
  /** Counts a request when its outcome is known. */
  readonly count: Counters['request']
  stats (): ReturnType<Counters['stats']>
  /** What enforcing would have stopped, since start. */
  readonly report: Counters['report']
  /** Resolves when Redis is connected, or after a short while without it. */
  ready (): Promise<void>
  /**
   * Ends the calls in flight: requests that wait for one get an answer now. Resolves when the other processes may make
   * these calls, or Redis does not answer. Never rejects.
   */
  abort (): Promise<void>
  /** Also aborts. */
  close (): Promise<void>
}

/** The composition root: each part is made of parts made above it. Throws an `IpRiskError` that names the option. */
export function createEngine (options: EngineOptions, log: IpRiskLogger, now: () => number = Date.now): Engine {
  const cache = readCache(options.cache)
  const provider = readProvider(options.provider)
  const { clientAddress, stats: addressStats } = createClientAddress(options.clientIp, log, now)
  const counters = createCounters(now)
  const observers = createEngineObservers()

  const ages = ageLimits(cache, provider)
  const memory = createMemoryCache({ ...cache, ages, now })
  const singleFlight = createSingleFlight()
  const forget = (ip: string): void => {
    memory.delete(ip)
    singleFlight.drop(ip)
    reads?.drop(ip)
    settling.drop(ip)
  }

  const keys = createKeys(cache.keyPrefix, cache.keySecret, clusterPrefix(options.redis))
  const exceptions = createExceptions(keys.ids, now, log)
  const addresses = (): string[] =>
    [...memory.addresses(), ...singleFlight.addresses(), ...reads?.addresses() ?? [], ...settling.addresses()]
  const accounts = createAccountMemory()
  const fleet = options.redis === undefined
    ? undefined
    : openFleet(options.redis, {
      cache, ages, keys, provider, log, now, addresses, exceptions, forget, forgetAccount: accounts.dropKey, observers
    })

  const reads = fleet && createReads(fleet.verdicts)

  let familiarity: FamiliarityService | undefined // made on use: it reserves its memory at once
  const settling = createSettling({ provider, memory, shared: fleet?.verdicts, reads, now })
  const running = runProvider(provider, {
    log, redis: fleet?.port, redisTimeoutMs: cache.redisTimeoutMs, settled: settling.settled, observers
  }, now, () => fleet?.close())
  const lookup = createLookup({
    provider,
    settled: settling.layer,
    memory,
    shared: fleet?.verdicts,
    reads,
    singleFlight,
    refusal: running.refusal,
    isCrowded: running.isCrowded,
    ask: running.ask,
    ttlSeconds: cache.ttlSeconds,
    now,
    counts: counters.lookups,
    observers
  })

  /** Leases are released first, so that no other process takes our end for a failure of the provider. */
  async function abort (): Promise<void> {
    settling.close()
    const released = fleet?.release()
    running.abort()
    await released
  }

  return {
    log,
    now,
    ...clientAddress,
    providerName: provider.name,
    lookup,
    get familiarity () {
      familiarity ??= createFamiliarity({
        redis: fleet?.port,
        secrets: cache.keySecret,
        keyPrefix: cache.keyPrefix,
        now,
        memory: accounts,
        announce: fleet?.forgetAccount
      })
      return familiarity
    },
    bulk: running.bulk,
    exceptions,
    async except (entry, ttlSeconds) {
      const statement = exceptions.make(entry, ttlSeconds * 1000)
      await fleet?.allow(statement)
      return statement
    },
    async revoke (network) {
      const names = (['allow', 'deny'] as const).map(effect => nameOf({ effect, network }))
      const statements = names.flatMap(exceptions.revokeNow)
      await fleet?.revoke(statements)
    },
    readExceptions: async () => await fleet?.readStored(),
    async invalidate (ip, lookedUp = ip) {
      const statements = [...new Set([lookedUp, ip])].flatMap(exceptions.revokeNow)
      forget(lookedUp)
      await fleet?.forget(statements)
    },
    observers,
    count: counters.request,
    stats: () => counters.stats({
      redis: fleet?.port.state ?? 'none',
      providers: running.stats(),
      composites: running.compositeStats(),
      cache: { entries: memory.size(), maxEntries: cache.maxEntries },
      clientIp: addressStats()
    }),
    report () {
      const composites = running.compositeStats()
      return { ...counters.report(), ...Object.keys(composites).length > 0 && { composites } }
    },
    ready: async () => await fleet?.ready(),
    abort,
    async close () {
      const aborted = abort()
      try {
        await running.close()
      } finally {
        await aborted
        await fleet?.close()
      }
    }
  }
}

/** Whether the options of a child scope leave the engine as its parent made it. */
export function sharesEngine (parent: EngineOptions, child: EngineOptions): boolean {
  return child.provider === undefined || child.provider === parent.provider
    ? (['redis', 'clientIp', 'cache'] as const)
        .every(name => child[name] === undefined || sameValue(child[name], parent[name]))
    : false
}

function sameValue (a: unknown, b: unknown): boolean {
  return a === b || (isPlain(a) && isPlain(b) && isDeepStrictEqual(a, b))
}

function isPlain (value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
