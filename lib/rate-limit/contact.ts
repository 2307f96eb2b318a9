import type { Limit, QuotaLimits } from './quota.ts'

/** What Redis says about the fleet. */
export interface FleetUse {
  readonly members: number
  /** Calls that Redis reserves for this process. */
  readonly part: number
  readonly usedMinute: number
  readonly usedDay: number
  /** How many of them were reads. */
  readonly readsMinute: number
  readonly readsDay: number
}

/** What this process knows about the fleet from Redis. */
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
 * Whether a member may read once more without Redis, after `made` reads since the contact. The reads that Redis has
 * counted use the part of reads, too, until they have left the window: each member has an even share of the rest.
 */
export function hasReadsLeft (
  { at: contactAt, members, readsMinute, readsDay }: Contact, { minute, day }: QuotaLimits, at: number, made: number
): boolean {
  const isLeft = ({ maxReads }: Limit, used: number): boolean => made < Math.floor((maxReads - used) / members)
  return (minute === null || at - contactAt >= minute.windowMs || isLeft(minute, readsMinute)) &&
    (day === null || isLeft(day, readsDay))
}
