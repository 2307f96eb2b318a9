import type { KnownAnswer, ProviderAnswer, Stats, UnknownReason } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'
import { answeredBy, isKnown, type KnownResult, type LookupResult, unknownAnswer } from '../verdict/index.ts'
import { fromCompact, severity, toCompact } from './compact.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { Lease, SharedCache } from './shared-cache.ts'

/** One piece of work a key: who asks while it is under way joins it. Bounded by what is under way, never evicted. */
export interface SingleFlight<T> {
  get (key: string): InFlightLoad<T> | undefined
  start (key: string, write: boolean, wantedUntilMs: number, work: (flight: InFlightLoad<T>) => Promise<T>): InFlightLoad<T>
  /** Who asks from now on starts anew; who waits already gets what comes. */
  drop (key: string): void
  keys (): Iterable<string>
}

export interface InFlightLoad<T> {
  readonly write: boolean
  readonly result: Promise<T>
  /** The end of the longest wait for it. It goes on after that, but what has not begun by then is not begun. */
  wantedUntilMs: number
  /** It was dropped: what it brings is not to be kept. */
  readonly dropped: boolean
}

export function createSingleFlight<T> (): SingleFlight<T> {
  const underWay = new Map<string, { write: boolean, result: Promise<T>, wantedUntilMs: number, dropped: boolean }>()
  return {
    get: key => underWay.get(key),
    start (key, write, wantedUntilMs, work) {
      const flight = { write, result: undefined as unknown as Promise<T>, wantedUntilMs, dropped: false }
      underWay.set(key, flight)
      flight.result = work(flight).finally(() => {
        if (underWay.get(key) === flight) underWay.delete(key)
      })
      return flight
    },
    drop (key) {
      const flight = underWay.get(key)
      if (flight === undefined) return
      flight.dropped = true
      underWay.delete(key)
    },
    keys: () => underWay.keys()
  }
}

/** The provider behind its guards. Never rejects. */
export type AskProvider = (ip: string, call: AskProviderOptions) => ProviderAnswer | Promise<ProviderAnswer>

export interface AskProviderOptions {
  readonly write: boolean
  /** Milliseconds that somebody still waits for the answer. */
  readonly leftMs: () => number
  readonly redisBudget: RedisBudget | undefined
}

/** What `stats().lookups` counts on the way through the caches; calls to providers are counted where they are made. */
export type LookupCounter = Exclude<keyof Stats['lookups'], 'provider'>

export interface LoadParts {
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  readonly ask: AskProvider
  /** Whether too many addresses of the same /64 were asked about just now. */
  readonly isCrowded: (ip: string) => boolean
  readonly providerName: string
  readonly now: () => number
  readonly count: (what: LookupCounter) => void
}

export interface LoadOptions {
  readonly refresh: boolean
  /** Of the lookup that started the flight. Without Redis there is none. */
  readonly budget: RedisBudget | undefined
}

/** One flight: finds a verdict where memory and Redis have none, and keeps it. Never rejects. */
export type Load = (ip: string, flight: InFlightLoad<LookupResult>, options: LoadOptions) => Promise<LookupResult>

/** Longest that a flight waits while one holder after the other dies: no request waits longer. */
const PATIENCE_MS = 60_000
/** Decided by ourselves, at no cost, and otherwise for the next one: not worth remembering. */
const refusals: ReadonlySet<UnknownReason> = new Set(['quota_exhausted', 'overloaded'])
/** Answers, though not verdicts: no reason to fall back to what was known before. */
const answers: ReadonlySet<UnknownReason> = new Set(['no_data', 'unsupported_family'])

export function isOwnLimit ({ answer }: LookupResult): boolean {
  return answer.verdict === 'unknown' && refusals.has(answer.reason)
}

export function createLoad ({ memory, shared, ask, isCrowded, providerName, now, count }: LoadParts): Load {
  return async function find (ip, flight, options) {
    const { refresh, budget } = options
    if (shared === undefined || budget === undefined) return await asked(ip, flight, options, undefined)
    const giveUpAtMs = now() + PATIENCE_MS
    while (budget.leftMs() > 0 && now() < giveUpAtMs) {
      const claim = await budget.wait(shared.claim(ip, { refresh, budget }))
      switch (claim.kind) {
        case 'stored':
          count('redis')
          return kept(ip, flight, claim.verdict)
        case 'failed': return failed(ip, claim.reason)
        case 'ours': return await asked(ip, flight, options, claim.lease)
        case 'held': {
          const news = await claim.news
          if (news === 'away') {
            budget.useUp()
            continue
          }
          // What another process may not spend on a read, this one may on a write.
          if (news === undefined || ('reason' in news && flight.write && refusals.has(news.reason))) continue
          count('shared')
          return 'verdict' in news ? kept(ip, flight, news.verdict) : failed(ip, news.reason)
        }
      }
    }
    return now() < giveUpAtMs ? await asked(ip, flight, options, shared.unclaimed(ip)) : failed(ip, 'timeout')
  }

  async function asked (
    ip: string, flight: InFlightLoad<LookupResult>, { refresh, budget }: LoadOptions, lease: Lease | undefined
  ): Promise<LookupResult> {
    const neighbours = isCrowded(ip) ? fromSubnet(ip) : undefined
    if (neighbours !== undefined) {
      lease?.release()
      return neighbours
    }
    const given = await ask(ip, { write: flight.write, leftMs: () => flight.wantedUntilMs - now(), redisBudget: budget })
    if (given.verdict === 'unknown') {
      lease?.fail(given.reason, !refusals.has(given.reason))
      return failed(ip, given.reason)
    }
    let answer: KnownAnswer
    try {
      answer = ownCopy(given)
    } catch {
      lease?.fail('bad_response', true)
      return failed(ip, 'bad_response')
    }
    if (refresh) count('refreshed')
    const verdict: KnownResult = Object.freeze({ answer, provider: answeredBy(answer, providerName), checkedAtMs: now(), cache: 'miss' as const })
    if (flight.dropped) lease?.release()
    else lease?.fill(verdict)
    return kept(ip, flight, verdict)
  }

  /** An address must not shed a worse verdict of its own by bringing milder neighbours along. */
  function fromSubnet (ip: string): LookupResult | undefined {
    const nearby = memory.nearby(ip)
    if (nearby === undefined) return undefined
    const own = memory.stale(ip)
    const isOwn = own !== undefined && isKnown(own) && severity(own.answer) >= severity(nearby.answer)
    count(isOwn ? 'stale' : 'subnet')
    return isOwn ? own : nearby
  }

  function kept (ip: string, flight: InFlightLoad<LookupResult>, verdict: KnownResult): LookupResult {
    if (!flight.dropped) memory.set(ip, verdict)
    return verdict
  }

  function failed (ip: string, reason: UnknownReason): LookupResult {
    const verdict: LookupResult = Object.freeze({ answer: unknownAnswer(reason), provider: providerName, checkedAtMs: now(), cache: 'miss' as const })
    if (answers.has(reason)) memory.delete(ip)
    if (!refusals.has(reason)) memory.fail(ip, verdict)
    const stale = memory.stale(ip)
    if (stale === undefined) return verdict
    count('stale')
    return stale
  }
}

/** Frozen, and of the same shape as what comes from the caches. The provider may go on using its own. */
export function ownCopy (answer: KnownAnswer): KnownAnswer {
  const copy = fromCompact(toCompact(answer))
  const { provider, requestId } = answer
  return Object.freeze({ ...copy, ...provider !== undefined && { provider }, ...requestId !== undefined && { requestId } })
}
