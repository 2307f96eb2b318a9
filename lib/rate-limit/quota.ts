import type {
  ProviderAnswer, ProviderLimits, ProviderStats, UnknownAnswer, UnknownReason
} from '../../types/contract.ts'
import { type RedisBudget, upperBound } from '../util/index.ts'

/** At most `max` calls, of which `maxReads` reads, in any `windowMs`. */
export interface Limit {
  readonly windowMs: number
  readonly max: number
  readonly maxReads: number
}

/**
 * When this process called, exactly: a true sliding window. It keeps no more entries than the longest limit allows.
 */
export interface SlidingWindow {
  add (at: number, write: boolean): void
  /**
   * 0: a call may be made now. Else the milliseconds until that may be so; Infinity where a limit allows none at all.
   */
  waitMs (at: number, write: boolean, limits: readonly Limit[]): number
  /** Calls after a time; of reads alone, if wanted. */
  countSince (since: number, readsOnly?: boolean): number
}

export function slidingWindow (keepMs: number): SlidingWindow {
  const calls: number[] = []
  const reads: number[] = []

  return {
    add (at, write) {
      calls.push(at)
      if (!write) reads.push(at)
      forget(calls, at - keepMs)
      forget(reads, at - keepMs)
    },
    waitMs (at, write, limits) {
      let wait = 0
      for (const { windowMs, max, maxReads } of limits) {
        wait = Math.max(wait, waitFor(calls, max, windowMs, at), write ? 0 : waitFor(reads, maxReads, windowMs, at))
      }
      return wait
    },
    countSince (since, readsOnly = false) {
      const times = readsOnly ? reads : calls
      return times.length - upperBound(times, since)
    }
  }
}

/** Until the oldest of the newest `max` calls leaves the window. */
function waitFor (times: readonly number[], max: number, windowMs: number, at: number): number {
  if (max <= 0) return Infinity
  const oldest = times[times.length - max]
  return oldest === undefined ? 0 : Math.max(0, oldest + windowMs - at)
}

/** Drops what is that old or older, now and then. */
function forget (times: number[], until: number): void {
  const old = upperBound(times, until)
  if (old > 64) times.splice(0, old)
}

/** A number of calls, of which a part is kept for writes. */
export interface Quota {
  /** What is known in this process: a refusal that costs nothing, or null. */
  refusal (write: boolean): UnknownAnswer | null
  /**
   * Takes one call out of the quota: null, or why not (`quota_exhausted`, or a pause that another process began). Never
   * rejects. Waits for Redis no longer than its budget has left.
   */
  take (write: boolean, redisBudget?: RedisBudget): UnknownAnswer | null | Promise<UnknownAnswer | null>
  /** Pauses the calls of every process for a while. */
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

/**
 * A second is a quarter longer: the first calls of a burst still open their connections, the next ones overtake them.
 */
export const realWindows: Windows = { minuteMs: 60_000, dayMs: 86_400_000, burstMs: 1_250, slackMs: 2_000 }

export interface QuotaLimits {
  readonly minute: Limit | null
  readonly day: Limit | null
  /** Smooths only: calls beyond it wait. */
  readonly burst: Limit | null
  /** Of a minute and a day: calls beyond them are refused. */
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

const ownRefusals = new WeakSet<UnknownAnswer>()

/** Whether our own quota gave this answer, and not the service. */
export function isOwnRefusal (answer: UnknownAnswer): boolean {
  return ownRefusals.has(answer)
}

export function exhausted (waitMs: number, cause?: string): UnknownAnswer {
  const answer: UnknownAnswer = {
    verdict: 'unknown',
    reason: 'quota_exhausted',
    ...Number.isFinite(waitMs) && { retryAfterSeconds: waitMs / 1000 },
    ...cause !== undefined && { cause }
  }
  ownRefusals.add(answer)
  return answer
}

const burstCause = 'burst'

/** Not in this second: the provider's burst queue waits for it. */
export function burstFull (waitMs: number): UnknownAnswer {
  return exhausted(Math.max(0, waitMs), burstCause)
}

export function isBurst (answer: ProviderAnswer): answer is UnknownAnswer {
  return answer.verdict === 'unknown' && answer.cause === burstCause
}

/** The quota of one process alone. */
export function localQuota (limits: QuotaLimits, now: () => number): Quota {
  const log = slidingWindow(limits.keepMs)

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

interface LearntLimitOptions {
  /** A minute, as the quota counts it. */
  readonly windowMs: number
  readonly reserveForWrites: number
  readonly now: () => number
}

/** So many windows after a 429 its limit is forgotten: the service may allow more by then. */
const windowsKept = 10

interface LearntLimit extends Quota {
  /** The service refused a call, of this process or of another one. */
  refused (reason: UnknownReason, forMs: number): void
}

/**
 * Around the quota of a service that names no limit for a minute. A 429 shows that it has one: about the calls that
 * this process made in the minute before. For ten minutes after the pause, reads get at most that number without the
 * writes' part in any minute (one, at least). Writes are not bounded: only the service knows how many it takes.
 */
export function learntLimit (quota: Quota, { windowMs, reserveForWrites, now }: LearntLimitOptions): LearntLimit {
  const log = slidingWindow(windowMs)
  let learnt = { maxReads: 0, pausedUntil: -Infinity, until: -Infinity }

  function readRefusal (write: boolean): UnknownAnswer | null {
    if (write || now() >= learnt.until) return null
    const waitMs = log.waitMs(now(), false, [{ windowMs, max: Infinity, maxReads: learnt.maxReads }])
    return waitMs > 0 ? exhausted(waitMs) : null
  }

  return {
    ...quota,
    refusal: write => readRefusal(write) ?? quota.refusal(write),
    take (write, ...rest) {
      const refused = readRefusal(write)
      if (refused !== null) return refused
      const counted = (answer: UnknownAnswer | null): UnknownAnswer | null => {
        if (answer === null) log.add(now(), write)
        return answer
      }
      const answer = quota.take(write, ...rest)
      return answer instanceof Promise ? answer.then(counted) : counted(answer)
    },
    refused (reason, forMs) {
      if (reason !== 'rate_limited') return
      const at = now()
      // During the pause no calls are made, so there is nothing to learn: it is the same refusal again.
      const seen = readsOf(log.countSince(at - windowMs), reserveForWrites)
      const maxReads = at < learnt.pausedUntil ? learnt.maxReads : Math.max(1, seen)
      const pausedUntil = Math.max(learnt.pausedUntil, at + forMs)
      learnt = { maxReads, pausedUntil, until: pausedUntil + windowsKept * windowMs }
    }
  }
}
