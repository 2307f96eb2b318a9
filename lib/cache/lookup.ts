import type { KnownAnswer, LookupMode } from '../../types/contract.ts'
import { type RedisBudget, redisBudget, waitAtMost } from '../util/index.ts'
import { isKnown, type KnownResult, type LookupResult, notLookedUpResult, SETTLED_LATER_MS } from '../verdict/index.ts'
import {
  type AskProvider, createLoad, createSingleFlight, isOwnLimit, type Load, type LookupCounter, ownCopy,
  type SingleFlight
} from './load.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { SharedCache } from './shared-cache.ts'

export interface LookupCall {
  readonly mode: LookupMode
  readonly write: boolean
  /** Longest wait for a verdict. The lookup itself goes on. */
  readonly timeoutMs: number
}

/** Whether an address is known, asked of memory, Redis and the provider in this order. Never rejects; a memory hit is no promise. */
export type Lookup = (ip: string, call: LookupCall) => LookupResult | Promise<LookupResult>

export interface LookupParts {
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  readonly flights: SingleFlight<LookupResult>
  readonly find: Load
  readonly providerName: string
  /** Age at which a verdict that is asked for is refreshed in the background; Infinity: never. */
  readonly refreshAfterMs: number
  readonly now: () => number
  readonly count: (what: LookupCounter) => void
}

/**
 * Outermost first: memory answers at once; then the shared cache is read; whoever is not served shares one flight an address, in which one
 * process holds a lease and asks the provider. A time limit stands around each waiting request only, so that nobody's impatience cancels
 * the others' answer. Of that limit Redis takes `shared.timeoutMs` at most, over the read, the claim and the quota.
 */
export function createLookup ({ memory, shared, flights, find, providerName, refreshAfterMs, now, count }: LookupParts): Lookup {
  return function lookup (ip, call) {
    const held = memory.get(ip)
    if (held !== undefined) {
      count(held.cache === 'stale' ? 'stale' : 'memory')
      if (now() - held.checkedAtMs >= refreshAfterMs) refresh(ip, held, call)
      return held
    }
    switch (call.mode) {
      case 'skip': return notLookedUpResult('skipped', now())
      case 'cache': return shared === undefined
        ? notLookedUpResult('not_asked', now())
        : readShared(shared, ip, call, redisBudget(shared.timeoutMs), () => notLookedUpResult('not_asked', now()))
      case 'background': return unlessStored(ip, call, budget => {
        join(ip, call.write, budget, now() + call.timeoutMs)
        return notLookedUpResult('pending', now(), providerName)
      })
      case 'wait': {
        const untilMs = now() + call.timeoutMs
        return unlessStored(ip, call, budget =>
          waitAtMost(result(ip, call.write, budget, untilMs), untilMs - now(), () => late(ip)))
      }
    }
  }

  function unlessStored (
    ip: string, call: LookupCall, otherwise: (budget: RedisBudget | undefined) => LookupResult | Promise<LookupResult>
  ): LookupResult | Promise<LookupResult> {
    if (shared === undefined) return otherwise(undefined)
    const budget = redisBudget(shared.timeoutMs)
    if (flights.get(ip) !== undefined) return otherwise(budget)
    return readShared(shared, ip, call, budget, () => otherwise(budget))
  }

  function readShared (
    shared: SharedCache, ip: string, call: LookupCall, budget: RedisBudget, otherwise: () => LookupResult | Promise<LookupResult>
  ): Promise<LookupResult> {
    const verdict = budget.wait(shared.read(ip)).then(stored => {
      if (stored === undefined || stored === 'away') return otherwise()
      count('redis')
      memory.set(ip, stored)
      if (now() - stored.checkedAtMs >= refreshAfterMs) refresh(ip, stored, call)
      return stored
    })
    return call.timeoutMs > shared.timeoutMs ? verdict : waitAtMost(verdict, call.timeoutMs, () => late(ip))
  }

  /** A write is not content with what a read was refused: a part of every budget is kept for writes. */
  async function result (
    ip: string, write: boolean, budget: RedisBudget | undefined, untilMs: number
  ): Promise<LookupResult> {
    const flight = join(ip, write, budget, untilMs)
    const verdict = await flight.result
    if (!write || flight.write || !isOwnLimit(verdict)) return verdict
    return await join(ip, true, budget, untilMs).result
  }

  function join (
    ip: string, write: boolean, budget: RedisBudget | undefined, untilMs: number
  ): { readonly write: boolean, readonly result: Promise<LookupResult> } {
    const flight = flights.get(ip)
    if (flight === undefined) {
      return flights.start(ip, write, untilMs, flight => find(ip, flight, { refresh: false, budget }))
    }
    flight.wantedUntilMs = Math.max(flight.wantedUntilMs, untilMs)
    count('shared')
    return flight
  }

  function refresh (ip: string, held: LookupResult | KnownResult, { mode }: LookupCall): void {
    if (mode === 'cache' || mode === 'skip' || held.cache === 'stale' || !isKnown(held)) return
    if (flights.get(ip) !== undefined || !memory.mayRetry(ip)) return
    const budget = shared && redisBudget(shared.timeoutMs)
    flights.start(ip, false, now(), flight => find(ip, flight, { refresh: true, budget }))
  }

  function late (ip: string): LookupResult {
    const stale = memory.stale(ip)
    if (stale === undefined) return notLookedUpResult('timeout', now(), providerName)
    count('stale')
    return stale
  }
}

/** In the last tenth of its life a verdict that is asked for is refreshed in the background. */
const REFRESH_AT = 0.9

export interface CachedLookupParts {
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  readonly ask: AskProvider
  readonly isCrowded: (ip: string) => boolean
  readonly providerName: string
  readonly ttlSeconds: number
  /** Refreshing costs some calls more: not where the calls of a day are counted. */
  readonly refresh: boolean
  readonly now: () => number
  readonly count: (what: LookupCounter) => void
}

export interface CachedLookup {
  readonly lookup: Lookup
  /** What is known of an address is forgotten, and what is being found out about it is not kept. */
  forget (ip: string): void
  /** Of which something is held, or being found out. */
  addresses (): string[]
  /** The same provider knows better now. */
  replace (ip: string, answer: KnownAnswer): void
}

/** The layers around a provider that takes its time. */
export function createCachedLookup ({ memory, shared, ask, isCrowded, providerName, ttlSeconds, refresh, now, count }: CachedLookupParts): CachedLookup {
  const flights = createSingleFlight<LookupResult>()
  const find = createLoad({ memory, shared, ask, isCrowded, providerName, now, count })
  const refreshAfterMs = refresh ? ttlSeconds * REFRESH_AT * 1000 : Infinity
  return {
    lookup: createLookup({ memory, shared, flights, find, providerName, refreshAfterMs, now, count }),
    forget (ip) {
      memory.delete(ip)
      flights.drop(ip)
    },
    addresses: () => [...memory.addresses(), ...flights.keys()],
    replace (ip, answer) {
      const provider = answer.provider ?? providerName
      const held = memory.get(ip)
      if (held?.provider !== provider) return
      const checkedAtMs = held.checkedAtMs + SETTLED_LATER_MS
      const verdict = Object.freeze({ answer: ownCopy(answer), provider, checkedAtMs, cache: 'miss' as const })
      memory.set(ip, verdict)
      shared?.unclaimed(ip).fill(verdict)
    }
  }
}
