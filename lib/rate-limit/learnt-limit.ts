import type { UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import { exhausted, type Quota, readsOf, slidingWindow } from './quota.ts'

export interface LearntLimitOptions {
  /** A minute, as the quota counts it. */
  readonly windowMs: number
  readonly reserveForWrites: number
  readonly now: () => number
}

/** So many windows after a 429 its limit is forgotten: the service may allow more by then. */
const windowsKept = 10

export interface LearntLimit extends Quota {
  /** The service said "not now", to this process or to another one. */
  refused (reason: UnknownReason, forMs: number): void
}

/**
 * Around the quota of a service that names no limit for a minute. A 429 shows that it has one: about the calls that this process
 * made in the minute before. For ten minutes after the pause, reads get at most that number without the writes' part in any minute
 * (one, at least). Writes are not bounded: only the service knows how many it takes.
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
      // During the pause nobody calls, so that there is nothing to learn: it is the same refusal, told again.
      const maxReads = at < learnt.pausedUntil ? learnt.maxReads : Math.max(1, readsOf(log.countSince(at - windowMs), reserveForWrites))
      const pausedUntil = Math.max(learnt.pausedUntil, at + forMs)
      learnt = { maxReads, pausedUntil, until: pausedUntil + windowsKept * windowMs }
    }
  }
}
