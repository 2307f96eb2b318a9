import type { Ranges } from './list.ts'
import { rowsOf, type Seen } from './list-store.ts'
import { createCollector } from './collector.ts'

/** A range of a rotating sample that was not seen for so long is forgotten. In 45 days a sample of a fifth had shown nine in ten. */
const REMEMBER_SECONDS = 90 * 86_400

export interface SeenRanges { readonly ranges: Ranges, readonly seen: Seen }

/** What was seen before and what is seen now, each range with its first and last time. */
export function accumulate (before: SeenRanges | undefined, now: Ranges, nowSeconds: number): SeenRanges {
  const rows = new Map<string, { first: number, last: number }>()
  if (before !== undefined) {
    let i = 0
    for (const row of rowsOf(before.ranges)) {
      const last = before.seen.last[i]!
      if (nowSeconds - last <= REMEMBER_SECONDS) rows.set(row, { first: before.seen.first[i]!, last })
      i++
    }
  }
  for (const row of rowsOf(now)) rows.set(row, { first: rows.get(row)?.first ?? nowSeconds, last: nowSeconds })
  const into = createCollector()
  // Dates stand in the order of the ranges: IPv4 first.
  const sorted = [...rows].sort(([a], [b]) => Number(a.includes(':')) - Number(b.includes(':')))
  for (const [row] of sorted) into.addNetwork(row)
  return {
    ranges: into.ranges(),
    seen: { first: Uint32Array.from(sorted, ([, { first }]) => first), last: Uint32Array.from(sorted, ([, { last }]) => last) }
  }
}

/** The publisher says that nothing changed: what was seen the last time is seen again. */
export function seenAgain (before: SeenRanges, checkedSeconds: number, nowSeconds: number): SeenRanges {
  const { ranges, seen } = before
  return { ranges, seen: { first: seen.first, last: seen.last.map(last => last === checkedSeconds ? nowSeconds : last) } }
}
