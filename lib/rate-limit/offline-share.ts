import type { UnknownAnswer } from '../../types/contract.ts'
import { type Contact, hasReadsLeft, type KnownContact, type Reservation, usedOf } from './contact.ts'
import {
  burstFull, exhausted, type Limit, type QuotaLimits, readsOf, type SlidingWindow, slidingWindow, type Windows
} from './quota.ts'

interface OfflineShareOptions {
  readonly limits: QuotaLimits
  readonly reserveForWrites: number
  readonly windows: Windows
  /** Redis keeps the reservation of a member for so long after its last contact, and one window more. */
  readonly absenceMs: number
  /** Between two contacts. */
  readonly beatMs: number
  readonly now: () => number
}

/** A call made without Redis. They are numbered, so that one that is reported twice counts once. */
interface UnreportedCall { readonly at: number, readonly number: number, readonly write: boolean }

/** All calls, and how many of them were reads. */
export interface CallCounts { readonly calls: number, readonly reads: number }

/** What one process may call while it cannot use the fleet's count. */
export interface OfflineShare {
  take (write: boolean): UnknownAnswer | null
  /** Calls made here so far. */
  made (): CallCounts
  /**
   * Redis granted a call, and reserves so much for this process after it. `made`: as it was when Redis was asked.
   * False: with calls made here, which Redis did not know of, it is one too many.
   */
  granted (write: boolean, made: CallCounts, reserved: Reservation): boolean
  contact (contact: Contact): void
  /**
   * What Redis has to reserve for this process until the next contact. That may be late, and calls made before leave
   * the window until then, in the log of Redis as here: so they do not count.
   */
  reservation (): Reservation
  /** Redis answers, but its count is not complete for so long. `reserved`: what it reported at that contact. */
  quiet (at: number, forMs: number, reserved: Reservation): void
  isQuiet (): boolean
  /** What is left of this minute's share. */
  minuteLeft (): number
  /** Hands over calls made here that Redis does not know of: those that still count somewhere, the newest first. */
  takeUnreported (atMost: number): UnreportedCall[]
  /** How many there are. */
  unreported (): number
  giveBack (unreported: readonly UnreportedCall[]): void
}

/** A process that never reached Redis assumes a fleet of so many. */
const membersUnknown = 4

/**
 * Redis reserves a part of what is left for each member, so that the calls it counted and all parts together never
 * exceed the limit. While Redis is away, a member calls no more than its part in any window. Once all calls that Redis
 * counted have left the window, every member is away, and each has an even share. A process that was alone knows the
 * whole count. One that joined so late that others may not know of it has no share then.
 *
 * After Redis lost its count ("quiet") all members know that it did, so no other process has used what this one's own
 * calls free when they leave the window. Until the count is complete, each may call as often as it did in the last
 * window, plus its part.
 */
export function offlineShare (
  { limits, reserveForWrites, windows, absenceMs, beatMs, now }: OfflineShareOptions
): OfflineShare {
  const windowMs = limits.minute?.windowMs ?? 0
  const settledMs = absenceMs + windowMs
  /** Calls made without Redis. */
  const offline = slidingWindow(limits.keepMs)
  /** All calls of this process. */
  const own = slidingWindow(windowMs)
  /** The newest calls that fill the largest limit say all that can be said: a window that holds them is full. */
  const most = Math.max(0, ...limits.all.map(({ max }) => max))
  let unreported: UnreportedCall[] = []
  let made: CallCounts = { calls: 0, reads: 0 }
  let contact: KnownContact | null = null
  /** Since when this process may make so many calls without Redis. */
  let reserved = { at: -Infinity, part: 0, readPart: 0 }
  let quietUntil = 0
  /** While the count is not complete: calls in any window, or null. */
  let quietMax: number | null = null

  /**
   * Calls left under a maximum since a time. From the very millisecond on: a call of the same one counts twice
   * rather than not at all.
   */
  function callsLeft (log: SlidingWindow, since: number, max: number, write: boolean): number {
    const left = max - log.countSince(since - 1)
    return Math.max(0, write ? left : Math.min(left, readsOf(max, reserveForWrites) - log.countSince(since - 1, true)))
  }

  function evenShare ({ max }: Limit): number {
    if (contact === null) return Math.max(1, Math.floor(max / membersUnknown))
    const known = contact.founder || contact.at - contact.joinedAt >= 2.5 * beatMs
    return known ? Math.floor(max / contact.members) : 0
  }

  function minuteCallsLeft (minute: Limit, at: number, write: boolean): number {
    if (contact === null && quietUntil > 0 && at < quietUntil + settledMs) return 0
    if (contact === null) return callsLeft(offline, at - windowMs, evenShare(minute), write)
    if (contact.members === 1 && quietMax === null) {
      // The own calls bound it too: replies that arrive in another order may have an older count in the last one.
      const ownLeft = callsLeft(own, at - windowMs, minute.max, write)
      return at - contact.at < windowMs
        ? Math.min(ownLeft, callsLeft(offline, contact.at, Math.max(0, minute.max - usedOf(contact)), write))
        : ownLeft
    }
    if (at - reserved.at >= settledMs) return callsLeft(offline, at - windowMs, evenShare(minute), write)
    const part = withinEvenShare(minute, at, reserved.part)
    const left = callsLeft(offline, Math.max(reserved.at, at - windowMs), part, write || quietMax !== null)
    return quietMax === null ? left : Math.min(left, callsLeft(own, at - windowMs, quietMax, write))
  }

  /** Calls made from now on still count when all members that are away as long go over to their even shares. */
  function withinEvenShare (minute: Limit, at: number, max: number): number {
    return at - reserved.at < absenceMs ? max : Math.min(max, evenShare(minute))
  }

  /** The day's count is best effort after a loss: a share of what was left. */
  function dayCallsLeft (day: Limit, write: boolean): number {
    const used = contact === null ? 0 : contact.usedDay + contact.reporting
    const left = Math.max(0, day.max - used)
    return callsLeft(offline, contact?.at ?? -Infinity, Math.floor(left / (contact?.members ?? membersUnknown)), write)
  }

  function mayRead (at: number): boolean {
    if (contact === null || quietMax !== null) return true
    const sharesEvenly = at - reserved.at >= settledMs
    return hasReadsLeft(contact, limits, at, sharesEvenly, since => offline.countSince(since - 1, true))
  }

  /** Calls of this process that Redis counts in the window before, at least: it did so before their grants arrived. */
  function ownBefore (at: number): number {
    return own.countSince(at - windowMs + windows.slackMs) - own.countSince(at - 1)
  }

  /**
   * What this process might have in a window when the count was lost: no other process uses it. When it was
   * lost before, and is still not complete, that holds on, unless the members have had time for their even shares.
   */
  function maxInQuiet (minute: Limit, at: number): number {
    if (contact === null) return 0
    if (contact.members === 1) return at - contact.at < windowMs ? Math.max(0, minute.max - contact.others) : minute.max
    if (at - reserved.at >= settledMs) return evenShare(minute)
    const counted = own.countSince(at - windowMs) - offline.countSince(Math.max(contact.at, at - windowMs) - 1)
    return withinEvenShare(minute, at, quietMax ?? contact.part + Math.max(0, counted))
  }

  return {
    take (write) {
      const at = now()
      const { burst, minute, day, keepMs } = limits
      const may = (minute === null || minuteCallsLeft(minute, at, write) > 0) &&
        (day === null || dayCallsLeft(day, write) > 0)
      if (!may || (!write && !mayRead(at))) return exhausted(beatMs)
      if (burst !== null) {
        const share = Math.max(1, Math.floor(burst.max / (contact?.members ?? membersUnknown)))
        const waitMs = offline.waitMs(at, write, [{ ...burst, max: share, maxReads: share }])
        if (waitMs > 0) return burstFull(waitMs)
      }
      if (keepMs > 0) {
        offline.add(at, write)
        own.add(at, write)
        made = { calls: made.calls + 1, reads: made.reads + (write ? 0 : 1) }
        unreported.push({ at, number: made.calls, write })
        if (unreported.length > 2 * most) unreported = unreported.slice(-most) // now and then: each cut costs a copy
      }
      return null
    },
    made: () => made,
    granted (write, before, { part, readPart }) {
      if (limits.minute === null) return true
      const at = now()
      // No more than the part is certain to be left.
      if (made.calls - before.calls > part || (!write && made.reads - before.reads > readPart)) return false
      // Replies travel: in the whole window, calls that Redis no longer counts may still be.
      if (own.countSince(at - windowMs + windows.slackMs) >= limits.minute.max) return false
      own.add(at, write)
      return true
    },
    contact (seen) {
      if (contact !== null && seen.at < contact.at) return
      quietUntil = 0
      quietMax = null
      contact = {
        ...seen,
        joinedAt: contact?.joinedAt ?? seen.at,
        founder: contact?.founder ?? seen.members === 1,
        others: Math.max(0, usedOf(seen) - ownBefore(seen.at))
      }
      reserved = { at: seen.at, part: seen.part, readPart: seen.readPart }
    },
    reservation () {
      // While the count is not complete, nothing is kept for writes.
      if (quietMax !== null) return { part: quietMax, readPart: quietMax }
      const { minute } = limits
      if (minute === null || contact === null || now() - reserved.at < settledMs) return reserved
      const part = evenShare(minute)
      return { part, readPart: readsOf(part, reserveForWrites) }
    },
    quiet (at, forMs, { part, readPart }) {
      if (at < reserved.at) return
      quietUntil = now() + forMs
      if (limits.minute !== null) quietMax = maxInQuiet(limits.minute, at)
      reserved = { at, part, readPart }
    },
    isQuiet: () => now() < quietUntil,
    minuteLeft: () => limits.minute === null ? 0 : minuteCallsLeft(limits.minute, now(), true),
    takeUnreported (atMost) {
      const from = Math.max(0, unreported.length - atMost)
      const oldest = now() - limits.keepMs
      const newest = unreported.slice(from).filter(({ at }) => at > oldest)
      unreported = newest.length < unreported.length - from ? [] : unreported.slice(0, from)
      return newest
    },
    unreported: () => unreported.length,
    giveBack (calls) {
      unreported = [...calls, ...unreported].sort((a, b) => a.number - b.number).slice(-most)
    }
  }
}
