import type { ProviderAnswer, ProviderLimits, ProviderStats, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import type { RedisBudget } from '../deadline.ts'
import type { Limit } from './sliding-log.ts'
import { slidingLog } from './sliding-log.ts'

/** A budget of calls, of which a part is kept for writes. */
export interface Quota {
  /** What is known here and now: a refusal that costs nothing, or null. */
  refusal (write: boolean): UnknownAnswer | null
  /**
   * Takes one call out of the budget: null, or why not (`quota_exhausted`, or the pause that another process was told).
   * Never rejects. Waits for Redis no longer than its budget has left.
   */
  take (write: boolean, redisBudget?: RedisBudget): UnknownAnswer | null | Promise<UnknownAnswer | null>
  /** Tells every process that nobody may call for a while. */
  hold (reason: UnknownReason, forMs: number): void
  left (): Pick<ProviderStats, 'quota' | 'minuteLeft' | 'dayLeft'>
  close (): Promise<void>
}

/** Lengths of the windows: real ones, or scaled in tests. */
export interface Windows {
  readonly minuteMs: number
  readonly dayMs: number
  readonly burstMs: number
  /** Windows are this much longer than the provider's, for calls that travel longer than others. */
  readonly slackMs: number
}

/** A second is a quarter longer: the first calls of a burst still open their connections, the next ones overtake them. */
export const realWindows: Windows = { minuteMs: 60_000, dayMs: 86_400_000, burstMs: 1_250, slackMs: 2_000 }

export interface QuotaLimits {
  readonly minute: Limit | null
  readonly day: Limit | null
  /** Smooths only: who meets it waits. */
  readonly burst: Limit | null
  /** Of a minute and a day: who meets one is refused. */
  readonly lasting: readonly Limit[]
  readonly all: readonly Limit[]
  readonly keepMs: number
}

export function quotaLimits (limits: ProviderLimits, reserveForWrites: number, windows: Windows): QuotaLimits {
  const limit = (max: number | undefined, windowMs: number, reserve: number): Limit | null =>
    max === undefined ? null : { windowMs, max, maxReads: readsOf(max, reserve) }
  const minute = limit(limits.perMinute, windows.minuteMs + windows.slackMs, reserveForWrites)
  const day = limit(limits.perDay, windows.dayMs + windows.slackMs, reserveForWrites)
  // The burst only smooths: nothing is kept back in a second.
  const burst = limit(limits.burst, windows.burstMs, 0)
  const lasting = [minute, day].filter(limit => limit !== null)
  const all = burst === null ? lasting : [burst, ...lasting]
  return { minute, day, burst, lasting, all, keepMs: Math.max(0, ...all.map(limit => limit.windowMs)) }
}

/** What reads may use of a budget, so that the kept part is never less than was promised. */
export function readsOf (max: number, reserve: number): number {
  return max - Math.ceil(max * reserve - 1e-9)
}

export function exhausted (waitMs: number): UnknownAnswer {
  return { verdict: 'unknown', reason: 'quota_exhausted', ...Number.isFinite(waitMs) && { retryAfterSeconds: waitMs / 1000 } }
}

const burstCause = 'burst'

/** Not in this second: the queue of the provider waits for it. */
export function burstFull (waitMs: number): UnknownAnswer {
  return { ...exhausted(Math.max(0, waitMs)), cause: burstCause }
}

export function isBurst (answer: ProviderAnswer): answer is UnknownAnswer {
  return answer.verdict === 'unknown' && answer.cause === burstCause
}

/** The budget of one process alone. */
export function localQuota (limits: QuotaLimits, now: () => number): Quota {
  const log = slidingLog(limits.keepMs)

  function refusal (write: boolean): UnknownAnswer | null {
    const waitMs = log.waitMs(now(), write, limits.lasting)
    if (waitMs > 0) return exhausted(waitMs)
    const burstMs = limits.burst === null ? 0 : log.waitMs(now(), write, [limits.burst])
    return burstMs > 0 ? burstFull(burstMs) : null
  }

  return {
    refusal,
    take (write) {
      const refused = refusal(write)
      if (refused === null && limits.all.length > 0) log.add(now(), write)
      return refused
    },
    hold () {},
    left: () => ({
      ...limits.minute !== null && { minuteLeft: leftOf(limits.minute) },
      ...limits.day !== null && { dayLeft: leftOf(limits.day) }
    }),
    async close () {}
  }

  function leftOf (limit: Limit): number {
    return Math.max(0, limit.max - log.countSince(now() - limit.windowMs))
  }
}
