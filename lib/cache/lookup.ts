import type { LookupMode, Provider, ProviderAnswer } from '../../types/contract.ts'
import { type Observers, type RedisBudget, redisBudget, waitAtMost } from '../util/index.ts'
import {
  answeredBy, decidingMembersOf, finalForWrite, isKnown, type LookupResult, notLookedUpResult
} from '../verdict/index.ts'
import { createLoad, isOwnLimit, type LoadParts } from './load.ts'
import type { SharedReads } from './reads.ts'
import type { SharedCache } from './shared-cache.ts'
import type { InFlightLoad, SingleFlight } from './single-flight.ts'

export interface LookupCall {
  readonly mode: LookupMode
  readonly write: boolean
  /** Longest wait for a verdict, in milliseconds. The load continues after it. */
  readonly timeoutMs: number
  /** The time of day, where the caller has just read the clock. */
  readonly nowMs?: number
}

/** Looks up an address. Never rejects. No promise where memory or a `sync` provider answers. */
export type Lookup = (ip: string, call: LookupCall) => LookupResult | Promise<LookupResult>

/** A layer around the next lookup. */
export type LookupLayer = (next: Lookup) => Lookup

export interface LookupParts extends Omit<LoadParts, 'providerName' | 'isFinal' | 'monotonic'> {
  readonly provider: Provider
  readonly singleFlight: SingleFlight
  /** Those of `shared`. */
  readonly reads: SharedReads | undefined
  /** Where first answers are not final: lets a write wait for the final one. */
  readonly settled: LookupLayer | undefined
  readonly ttlSeconds: number
  readonly observers?: Pick<Observers, 'lookup' | 'refresh'>
}

/** A lookup beyond memory: it has a time limit, and a budget for Redis if there is one. */
interface Miss extends LookupCall {
  readonly ip: string
  /** By `performance.now()`: the time of day may be set meanwhile. */
  readonly untilMs: number
  readonly budget: RedisBudget | undefined
}
type Beyond = (miss: Miss) => LookupResult | Promise<LookupResult>

/** Part of its life after which a verdict is refreshed in the background, when a request meets it. */
const REFRESH_AT = 0.9

/**
 * The layers of a lookup, in the order in which a request meets them. A time limit applies to each waiting request,
 * never to the load, so that one request's limit does not cancel the answer of the others. Redis gets at most
 * `shared.timeoutMs` of it, for the read, the claim and the quota together.
 */
export function createLookup (parts: LookupParts): Lookup {
  const { provider, ask, memory, shared, reads, singleFlight, settled, ttlSeconds, observers, now, counts } = parts
  const isFinal = finalForWrite(provider)
  const load = createLoad({ ...parts, isFinal, providerName: provider.name, monotonic: () => performance.now() })
  // A refresh costs a few calls more: none where the calls of a day are limited.
  const refreshAfterMs = hasDailyLimit(provider) ? Infinity : ttlSeconds * REFRESH_AT * 1000

  const layers = provider.sync === true
    ? [onlyFamilies(provider, now)]
    : [onlyFamilies(provider, now), settled, fromMemory]
  const last = provider.sync === true
    ? directly
    : beyondMemory(shared === undefined || reads === undefined ? fromProvider : fromShared(shared, reads, fromProvider))
  return layers.reduceRight((next, layer) => layer === undefined ? next : layer(next), last)

  function directly (ip: string, { write }: LookupCall): LookupResult {
    const answer = ask(ip, { write, leftMs: () => Infinity, redisBudget: undefined }) as ProviderAnswer
    return { answer, provider: answeredBy(answer, provider.name), checkedAtMs: now(), cache: 'none' }
  }

  function fromMemory (next: Lookup): Lookup {
    return (ip, call) => {
      const nowMs = call.nowMs ?? now()
      const cached = memory.get(ip, nowMs)
      if (cached === undefined) return next(ip, call)
      if (mustImprove(cached, call)) return improved(next(ip, call), cached)
      if (nowMs - cached.checkedAtMs >= refreshAfterMs) refresh(ip, cached, call)
      return counted(cached)
    }
  }

  function beyondMemory (next: Beyond): Lookup {
    return (ip, call) => {
      if (call.mode === 'skip') return notLookedUpResult('skipped', now())
      const { mode, write, timeoutMs } = call
      const budget = shared && redisBudget(shared.timeoutMs)
      const miss = { ip, mode, write, timeoutMs, untilMs: performance.now() + timeoutMs, budget }
      const observe = shared !== undefined || call.mode === 'wait' ? observers?.lookup : undefined
      // The observer returns the result of `run`; the type that it sees leaves out what it may not use.
      return observe === undefined ? next(miss) : observe(call, async () => await next(miss)) as Promise<LookupResult>
    }
  }

  function fromShared (shared: SharedCache, reads: SharedReads, next: Beyond): Beyond {
    return miss => {
      const { ip, mode, timeoutMs, budget } = miss
      if (!shared.answers(ip) || (mode !== 'cache' && singleFlight.get(ip) !== undefined)) return next(miss)
      const read = reads.of(ip)
      const result = budget!.wait(read.stored).then(stored => {
        if (stored === undefined || stored === 'unreachable') {
          // Another request of this process may have learned it while this one waited.
          const learned = memory.get(ip)
          if (learned === undefined || mustImprove(learned, miss)) return next(miss)
          return counted(learned)
        }
        counts.redis++
        if (!read.dropped) memory.set(ip, stored)
        if (mustImprove(stored, miss)) return improved(next(miss), stored)
        if (now() - stored.checkedAtMs >= refreshAfterMs) refresh(ip, stored, miss)
        return stored
      })
      return timeoutMs > shared.timeoutMs ? result : waitAtMost(result, timeoutMs, () => late(ip))
    }
  }

  function fromProvider (miss: Miss): LookupResult | Promise<LookupResult> {
    const { ip, mode, untilMs } = miss
    if (mode === 'wait') return waitAtMost(sharedLoad(miss), untilMs - performance.now(), () => late(ip))
    if (mode === 'cache') return notLookedUpResult('not_asked', now())
    loadOf(miss, miss.write)
    return notLookedUpResult('pending', now(), provider.name)
  }

  /**
   * What a limit refused to a read is tried again for a write: a part of every quota is reserved for writes. The next
   * load may be one that another read started meanwhile; where there is none, the write starts one of its own.
   */
  async function sharedLoad (miss: Miss): Promise<LookupResult> {
    let result: LookupResult
    do {
      const inFlight = loadOf(miss, miss.write)
      result = await inFlight.result
      const isEnough = !isOwnLimit(result) && isFinal?.(result) !== false
      if (isEnough || inFlight.write || !miss.write) break
    } while (performance.now() < miss.untilMs)
    return result
  }

  /** Of memory. */
  function counted (cached: LookupResult): LookupResult {
    if (cached.cache === 'stale') counts.stale++
    else counts.memory++
    return cached
  }

  /** A write is not content with what a composite found for reads only. */
  function mustImprove (result: LookupResult, { write, mode }: LookupCall): boolean {
    return isFinal !== undefined && write && mode === 'wait' && !isFinal(result)
  }

  /** What was known before is better than not knowing. */
  function improved (
    next: LookupResult | Promise<LookupResult>, before: LookupResult
  ): LookupResult | Promise<LookupResult> {
    const better = (result: LookupResult): LookupResult => isKnown(result) ? result : before
    return next instanceof Promise ? next.then(better) : better(next)
  }

  function loadOf ({ ip, untilMs, budget }: Miss, write: boolean): InFlightLoad {
    const inFlight = singleFlight.get(ip)
    if (inFlight === undefined) {
      return singleFlight.start(ip, write, untilMs, started => load(ip, started, { refresh: false, budget }))
    }
    inFlight.wantedUntilMs = Math.max(inFlight.wantedUntilMs, untilMs)
    counts.shared++
    return inFlight
  }

  function refresh (ip: string, cached: LookupResult, { mode }: LookupCall): void {
    if (mode === 'cache' || mode === 'skip' || cached.cache === 'stale' || !isKnown(cached)) return
    if (singleFlight.get(ip) !== undefined || !memory.mayRetry(ip)) return
    const budget = shared && redisBudget(shared.timeoutMs)
    const observe = observers?.refresh
    singleFlight.start(ip, false, performance.now(), started => {
      const run = async (): Promise<LookupResult> => await load(ip, started, { refresh: true, budget })
      return observe === undefined ? run() : observe({ mode, write: false }, run) as Promise<LookupResult>
    })
  }

  function late (ip: string): LookupResult {
    const stale = memory.stale(ip)
    if (stale === undefined) return notLookedUpResult('timeout', now(), provider.name)
    counts.stale++
    return stale
  }
}

function hasDailyLimit (provider: Provider): boolean {
  const { perDay, perCalendarDay, perMonth } = provider.limits ?? {}
  const costs = (perDay ?? perCalendarDay ?? perMonth ?? provider.costPerCall) !== undefined
  return costs || decidingMembersOf(provider).some(hasDailyLimit)
}

function onlyFamilies ({ families, name }: Provider, now: () => number): LookupLayer | undefined {
  if (families === undefined || (families.includes(4) && families.includes(6))) return undefined
  const refusesIPv6 = families.includes(4)
  return next => (ip, call) =>
    ip.includes(':') === refusesIPv6 ? notLookedUpResult('unsupported_family', now(), name) : next(ip, call)
}
