import type { KnownAnswer, ProviderAnswer, Stats, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import type { RedisBudget } from '../util/index.ts'
import {
  answeredBy, isKnown, type KnownResult, type LookupResult, notLookedUpResult, unknownAnswer
} from '../verdict/index.ts'
import { frozenCopy, severity } from './compact.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { Lease, SharedCache } from './shared-cache.ts'
import type { InFlightLoad, SingleFlight } from './single-flight.ts'

/** The provider behind its resilience pipeline. Never rejects. */
type AskProvider = (ip: string, options: AskProviderOptions) => ProviderAnswer | Promise<ProviderAnswer>

interface AskProviderOptions {
  readonly write: boolean
  /** Milliseconds for which somebody still waits for the answer. */
  readonly leftMs: () => number
  readonly redisBudget: RedisBudget | undefined
}

/** What `stats().lookups` counts in the caches. Calls to providers are counted where they are made. */
export type LookupCounts = { -readonly [L in Exclude<keyof Stats['lookups'], 'provider'>]: number }

export interface LoadParts {
  readonly memory: MemoryCache
  readonly shared: SharedCache | undefined
  readonly singleFlight: Pick<SingleFlight, 'get'>
  readonly ask: AskProvider
  /** Why no call would be made now, where that is known without asking: no lease is claimed then. Or null. */
  readonly refusal: () => UnknownAnswer | null
  /** Whether too many addresses of the same /64 were looked up recently. */
  readonly isCrowded: (ip: string) => boolean
  readonly providerName: string
  /** Whether a result is good enough for a write. Default: every one. */
  readonly isFinal: ((result: LookupResult) => boolean) | undefined
  readonly now: () => number
  /** For time limits, in milliseconds: unlike the time of day, it is never set. */
  readonly monotonic: () => number
  readonly counts: LookupCounts
}

interface LoadOptions {
  readonly refresh: boolean
  /** That of the lookup that started the load. Undefined without Redis. */
  readonly budget: RedisBudget | undefined
}

/** Gets a verdict that neither memory nor Redis has, under a lease, and caches it. Never rejects. */
type Load = (ip: string, load: InFlightLoad, options: LoadOptions) => Promise<LookupResult>

/** Longest wait while one lease holder after the other dies: no request waits longer. */
const MAX_WAIT_MS = 60_000
/** Our own limits: they cost nothing to find, and the next call may meet others, so they are not cached. */
const ownLimits: ReadonlySet<UnknownReason> = new Set(['quota_exhausted', 'overloaded'])
/** Answers without a verdict. A stale verdict does not replace them. */
const answersWithoutVerdict: ReadonlySet<UnknownReason> = new Set(['no_data', 'unsupported_family'])

export function isOwnLimit ({ answer }: LookupResult): boolean {
  return answer.verdict === 'unknown' && ownLimits.has(answer.reason)
}

export function createLoad (parts: LoadParts): Load {
  const { memory, shared, singleFlight, ask, refusal, isCrowded, providerName, isFinal, counts } = parts
  const { now, monotonic } = parts

  return async function load (ip, inFlight, options) {
    const { refresh, budget } = options
    if (shared === undefined || budget === undefined) return await fromProvider(ip, inFlight, options, undefined)
    const refused = refusal()
    if (refused !== null) return fromSubnet(ip) ?? failed(ip, inFlight, refused.reason)
    const endMs = monotonic() + MAX_WAIT_MS
    while (budget.leftMs() > 0 && monotonic() < endMs && shared.answers(ip)) {
      const claim = await budget.wait(shared.claim(ip, { refresh, budget }))
      switch (claim.kind) {
        case 'stored':
          if (!suffices(claim.result, inFlight)) {
            return await withoutLease(ip, inFlight, options, shared.localLease(ip, claim.version), true)
          }
          counts.redis++
          return cached(ip, inFlight, claim.result)
        case 'failed': return failed(ip, inFlight, claim.reason)
        case 'granted': return await (claim.held ? fromProvider : withoutLease)(ip, inFlight, options, claim.lease)
        case 'leased': {
          const outcome = await claim.outcome
          if (outcome === 'unreachable') {
            budget.useUp()
            break
          }
          budget.renew()
          if (outcome === undefined && !refresh && monotonic() >= inFlight.wantedUntilMs) {
            return notLookedUpResult('timeout', now(), providerName) // no request waits for it
          }
          if (outcome === undefined || mayStillCall(outcome, inFlight)) break
          if ('result' in outcome && !suffices(outcome.result, inFlight)) break
          counts.shared++
          return 'result' in outcome ? cached(ip, inFlight, outcome.result) : failed(ip, inFlight, outcome.reason)
        }
      }
    }
    if (monotonic() >= endMs) return failed(ip, inFlight, 'timeout')
    return await withoutLease(ip, inFlight, options, shared.localLease(ip))
  }

  function suffices (result: LookupResult, { write }: InFlightLoad): boolean {
    return !write || isFinal === undefined || isFinal(result)
  }

  /** A limit that stopped another process's read need not stop this write. */
  function mayStillCall (outcome: object, { write }: InFlightLoad): boolean {
    return write && 'reason' in outcome && ownLimits.has(outcome.reason as UnknownReason)
  }

  /**
   * Without a lease in Redis, nothing keeps several loads of this process from calling: an invalidation leaves those
   * that wait for another process, and a new one begins. So each takes what another one has learned or is learning.
   */
  async function withoutLease (
    ip: string, inFlight: InFlightLoad, options: LoadOptions, lease: Lease, escalates = false
  ): Promise<LookupResult> {
    const other = fromAnother(ip, inFlight, options)
    if (other === undefined) return await fromProvider(ip, inFlight, options, lease, escalates)
    lease.release() // the claim may have been carried out, although it got no reply
    return await other
  }

  function fromAnother (
    ip: string, inFlight: InFlightLoad, { refresh }: LoadOptions
  ): LookupResult | Promise<LookupResult> | undefined {
    // An invalidation empties memory, so what is there is newer. But a refresh began in spite of what is there.
    const learned = inFlight.dropped || !refresh ? memory.get(ip) : undefined
    if (learned !== undefined && suffices(learned, inFlight)) {
      counts[learned.cache === 'stale' ? 'stale' : 'memory']++
      return learned
    }
    const other = singleFlight.get(ip, load => load !== inFlight && (load.write || !inFlight.write))
    if (other === undefined) return undefined
    inFlight.dropped = true // so that no load waits for it: two that wait for each other would never end
    other.wantedUntilMs = Math.max(other.wantedUntilMs, inFlight.wantedUntilMs)
    counts.shared++
    return other.result
  }

  async function fromProvider (
    ip: string, inFlight: InFlightLoad, { refresh, budget }: LoadOptions, lease: Lease | undefined, escalates = false
  ): Promise<LookupResult> {
    const neighbours = fromSubnet(ip)
    if (neighbours !== undefined) {
      lease?.release()
      return neighbours
    }
    const { write } = inFlight
    inFlight.dropped = false // what the call learns is newer than an invalidation before it
    budget?.renewIfLeft() // for the quota: a Redis that is far away would answer it too late each time
    const answer = await ask(ip, { write, leftMs: () => inFlight.wantedUntilMs - monotonic(), redisBudget: budget })
    const known = answer.verdict === 'unknown' ? undefined : copyOf(answer)
    if (known === undefined) {
      const reason = answer.verdict === 'unknown' ? answer.reason : 'bad_response'
      lease?.fail(reason, !ownLimits.has(reason))
      return failed(ip, inFlight, reason)
    }
    if (refresh) counts.refreshed++
    const provider = answeredBy(known, providerName)
    const result: KnownResult = Object.freeze({ answer: known, provider, checkedAtMs: now(), cache: 'miss' as const })
    // An escalation without a better answer replaces none: another process may have got one.
    if (inFlight.dropped || (escalates && !suffices(result, inFlight))) lease?.release()
    else lease?.fill(result)
    return cached(ip, inFlight, result)
  }

  /**
   * That of the neighbours of an address, where too many of them were looked up. Milder neighbours never
   * replace a worse verdict of the address itself.
   */
  function fromSubnet (ip: string): LookupResult | undefined {
    const nearby = isCrowded(ip) ? memory.nearby(ip) : undefined
    if (nearby === undefined) return undefined
    const own = memory.stale(ip)
    const isOwn = own !== undefined && isKnown(own) && severity(own.answer) >= severity(nearby.answer)
    counts[isOwn ? 'stale' : 'subnet']++
    return isOwn ? own : nearby
  }

  function cached (ip: string, { dropped }: InFlightLoad, result: KnownResult): LookupResult {
    if (!dropped) memory.set(ip, result)
    return result
  }

  function failed (ip: string, { dropped }: InFlightLoad, reason: UnknownReason): LookupResult {
    const answer = unknownAnswer(reason)
    const result: LookupResult = Object.freeze({ answer, provider: providerName, checkedAtMs: now(), cache: 'miss' })
    if (!dropped && answersWithoutVerdict.has(reason)) memory.delete(ip)
    if (!dropped && !ownLimits.has(reason)) memory.fail(ip, result)
    const stale = memory.stale(ip)
    if (stale === undefined) return result
    counts.stale++
    return stale
  }
}

/** Undefined for an answer of an application's own provider that cannot be read: a getter may throw. */
function copyOf (answer: KnownAnswer): KnownAnswer | undefined {
  try {
    return frozenCopy(answer)
  } catch {
    return undefined
  }
}
