import type { UnknownAnswer } from '../../types/contract.ts'
import { burstFull, exhausted, type QuotaLimits, readsOf, type Windows } from './quota.ts'
import { type Limit, slidingLog } from './sliding-log.ts'

/** What a process knew of the fleet when it last saw it. */
export interface Contact {
  readonly at: number
  readonly members: number
  /** Calls that the others leave to this process. */
  readonly part: number
  readonly usedMinute: number
  readonly usedDay: number
}

export interface UnseenBudgetOptions {
  readonly limits: QuotaLimits
  readonly reserveForWrites: number
  readonly windows: Windows
  /** So long the fleet keeps the part of a member that is away. */
  readonly absenceMs: number
  /** After a refusal: when to ask again. */
  readonly retryMs: number
  readonly now: () => number
}

/** What one process may spend while it cannot see the fleet's count. */
export interface UnseenBudget {
  take (write: boolean): UnknownAnswer | null
  contact (contact: Contact): void
  /** The count is there again, but it is not believed for so long. */
  quiet (forMs: number): void
  isQuiet (): boolean
  /** Hands over calls made here that the fleet has not been told of: those that still count somewhere, the newest first to go. */
  takeUnreported (atMost: number): number[]
  /** Whether more than so many are still to be told. */
  hasUnreported (moreThan: number): boolean
  giveBack (unreported: number[]): void
}

/** So many calls, from a time on. */
interface Allowance { readonly since: number, readonly max: number }

/** A fleet that was never seen is taken to have so many members. */
const membersUnknown = 4

/**
 * First the part that the others leave to it; then nothing, until all that was called by the fleet's count has left the window; from
 * then on an even share: everybody who is away does the same, so that together they stay within the limit. Who was alone knows the whole
 * count; who joined so lately that others may not know of it has no share.
 */
export function unseenBudget ({ limits, reserveForWrites, windows, absenceMs, retryMs, now }: UnseenBudgetOptions): UnseenBudget {
  const log = slidingLog(limits.keepMs)
  /** The newest calls that fill the largest limit say all that can be said: a window that holds them is full. */
  const most = Math.max(0, ...limits.all.map(({ max }) => max))
  let unreported: number[] = []
  let contact: (Contact & { readonly joinedAt: number, readonly founder: boolean }) | null = null
  let quietUntil = 0

  function minuteAllowance (minute: Limit, at: number): Allowance {
    const nothing = { since: 0, max: 0 }
    const sliding = (max: number): Allowance => ({ since: at - minute.windowMs, max })
    const settled = absenceMs + minute.windowMs
    if (quietUntil > 0 && at >= quietUntil && at < quietUntil + settled) return nothing
    if (contact === null) return at < quietUntil ? nothing : sliding(Math.max(1, Math.floor(minute.max / membersUnknown)))
    const away = at - contact.at
    if (contact.members === 1) {
      return away < minute.windowMs ? { since: contact.at, max: Math.max(0, minute.max - contact.usedMinute) } : sliding(minute.max)
    }
    if (away < absenceMs - windows.slackMs) return { since: contact.at, max: contact.part }
    if (away < settled) return nothing
    const known = contact.founder || contact.at - contact.joinedAt >= absenceMs
    return known ? sliding(Math.floor(minute.max / contact.members)) : nothing
  }

  /** After a loss the day's count is best effort: a share of what was left. */
  function dayAllowance (day: Limit): Allowance {
    const left = day.max - (contact?.usedDay ?? 0)
    return { since: contact?.at ?? -Infinity, max: Math.max(0, Math.floor(left / (contact?.members ?? membersUnknown))) }
  }

  function fits ({ since, max }: Allowance, write: boolean, reserve: number): boolean {
    // From the very millisecond on: a call of the same one counts twice rather than not at all.
    return log.countSince(since - 1) < max && (write || log.countSince(since - 1, true) < readsOf(max, reserve))
  }

  return {
    take (write) {
      const at = now()
      const { burst, minute, day, keepMs } = limits
      const may = (minute === null || fits(minuteAllowance(minute, at), write, reserveForWrites)) &&
        (day === null || fits(dayAllowance(day), write, reserveForWrites))
      if (!may) return exhausted(retryMs)
      if (burst !== null) {
        const share = Math.max(1, Math.floor(burst.max / (contact?.members ?? membersUnknown)))
        const waitMs = log.waitMs(at, write, [{ ...burst, max: share, maxReads: share }])
        if (waitMs > 0) return burstFull(waitMs)
      }
      if (keepMs > 0) {
        log.add(at, write)
        unreported.push(at)
        if (unreported.length > 2 * most) unreported = unreported.slice(-most) // now and then: each cut costs a copy
      }
      return null
    },
    contact (seen) {
      if (contact !== null && seen.at < contact.at) return
      quietUntil = 0
      contact = { ...seen, joinedAt: contact?.joinedAt ?? seen.at, founder: contact?.founder ?? seen.members === 1 }
    },
    quiet (forMs) { quietUntil = now() + forMs },
    isQuiet: () => now() < quietUntil,
    takeUnreported (atMost) {
      const from = Math.max(0, unreported.length - atMost)
      const oldest = now() - limits.keepMs
      const newest = unreported.slice(from).filter(at => at > oldest)
      unreported = newest.length < unreported.length - from ? [] : unreported.slice(0, from)
      return newest
    },
    hasUnreported: moreThan => unreported.length > moreThan,
    giveBack (calls) {
      unreported = calls.concat(unreported).sort((a, b) => a - b).slice(-most)
    }
  }
}
