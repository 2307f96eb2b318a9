import { BadList } from '../../errors.ts'
import type { MarkKind } from '../database/snapshot.ts'
import type { AddressList } from '../sources/list.ts'

/** A list that was given, comes with the package, or was derived from others. */
export interface Entry extends Pick<AddressList, 'id' | 'ranges' | 'halfLifeDays' | 'dateSeconds'> {
  readonly kind: MarkKind
  readonly publisher?: string | undefined
  readonly asns?: readonly number[]
  readonly lastSeenSeconds?: Uint32Array | undefined
  readonly trust?: number | undefined
  readonly builtIn?: true
  /** As `wideRanges`. */
  readonly wide?: Uint8Array
}

export interface Marks {
  readonly list: { readonly entry: number, readonly day: number, readonly wide: boolean }[]
  /** Of each entry, the mark of each day; of what is wide at `-1 - day`. */
  readonly byDay: Map<number, number>[]
}

export function markKey (day: number, wide: boolean): number {
  return wide ? -1 - day : day
}

/** One mark for each list and day on which it was last right: the parts of a list grow old apart. */
export function markEntries (entries: readonly Entry[]): Marks {
  const marks: Marks = { list: [], byDay: [] }
  entries.forEach((entry, i) => {
    const days = new Map<number, number>()
    marks.byDay.push(days)
    const add = (seconds: number, wide: boolean): void => {
      const day = dayOf(seconds)
      if (days.has(markKey(day, wide))) return
      days.set(markKey(day, wide), marks.list.length)
      marks.list.push({ entry: i, day, wide })
    }
    add(entry.dateSeconds, false)
    entry.lastSeenSeconds?.forEach((seconds, range) => add(seconds, entry.wide?.[range] === 1))
    if (entry.wide?.includes(1)) add(entry.dateSeconds, true)
  })
  if (marks.list.length > 0xffff) {
    throw new BadList('there are more than 65,535 days in all lists together; leave some out')
  }
  return marks
}

export function dayOf (seconds: number): number {
  return Math.floor(seconds / 86400)
}
