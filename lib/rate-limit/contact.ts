import type { Limit, QuotaLimits } from './quota.ts'

/** What Redis reserves for this process. */
export interface Reservation {
  readonly part: number
  /** How many calls of it may be reads. */
  readonly readPart: number
}

/** What the fleet has used, as Redis counts it. */
export interface FleetUse extends Reservation {
  readonly members: number
  readonly usedMinute: number
  readonly usedDay: number
  /** How many of them were reads. */
  readonly readsMinute: number
  readonly readsDay: number
}

/** The newest reply of Redis about the fleet. */
export interface Contact extends FleetUse {
  readonly at: number
  /** Calls of this process that Redis may not have counted: in reports without an answer, or not reported yet. */
  readonly reporting: number
}

export interface KnownContact extends Contact {
  readonly joinedAt: number
  /** Whether this process was alone at its first contact. */
  readonly founder: boolean
  /** Calls of other processes in the minute before, at most. */
  readonly others: number
}

/** Calls of the minute that count, at most. */
export function usedOf ({ usedMinute, reporting }: Contact): number {
  return usedMinute + reporting
}

/**
 * Whether a member may read once more without Redis. The reads that Redis has counted use the part of reads, too, until
 * they have left the window. `sharesEvenly`: it is away for so long that each member has an even share.
 */
export function hasReadsLeft (
  contact: Contact, { minute, day }: QuotaLimits, at: number, sharesEvenly: boolean, madeSince: (time: number) => number
): boolean {
  const { at: contactAt, members, readPart, readsMinute, readsDay, reporting } = contact
  const left = ({ maxReads }: Limit, used: number): number => Math.floor((maxReads - used - reporting) / members)
  if (day !== null && madeSince(contactAt) >= left(day, readsDay)) return false
  if (minute === null) return true
  const windowStart = at - minute.windowMs
  return members === 1
    ? contactAt <= windowStart || madeSince(contactAt) < left(minute, readsMinute)
    : sharesEvenly || madeSince(Math.max(contactAt, windowStart)) < readPart
}
