import { bucket6, BUCKETS, type IntervalMap4, type IntervalMap6 } from '../database/interval-map.ts'

/**
 * Overlapping ranges -> disjoint intervals, by one sweep over all starts and ends. Every range has an id, 0..2^18-1;
 * `labelOf` is asked for the label of each set of ids that covers something, and decides what they mean together.
 */
export interface RangeTable {
  /** first, last, first, last, … */
  readonly v4: Uint32Array
  readonly v4Ids: Uint32Array
  /** four words first, four words last, … */
  readonly v6: Uint32Array
  readonly v6Ids: Uint32Array
}
/** `active` is ascending, without repeats, and changes after the call. */
type LabelOf = (active: readonly number[]) => number

export const MAX_IDS: number = 2 ** 18
/** One event of IPv4 in the 53 bits of a number: 33 of position, 18 of id, 1 for start or end. */
const POSITION_UNIT = 2 ** 19

export function sweep4 (table: RangeTable, labelOf: LabelOf): IntervalMap4 {
  const count = table.v4Ids.length
  const events = new Float64Array(2 * count)
  for (let i = 0; i < count; i++) {
    const id = table.v4Ids[i]! * 2
    events[2 * i] = table.v4[2 * i]! * POSITION_UNIT + id + 1
    events[2 * i + 1] = (table.v4[2 * i + 1]! + 1) * POSITION_UNIT + id
  }
  events.sort()
  const positions = new Uint32Array(events.length + 1)
  const labels = new Uint32Array(events.length + 1)
  const active = activeSet()
  let kept = 0
  labels[kept++] = labelOf(active.ids)
  for (let i = 0; i < events.length;) {
    const position = Math.floor(events[i]! / POSITION_UNIT)
    for (; i < events.length && events[i]! < (position + 1) * POSITION_UNIT; i++) {
      const rest = events[i]! - position * POSITION_UNIT
      if (rest % 2 === 1) active.add((rest - 1) / 2)
      else active.remove(rest / 2)
    }
    if (position > 0xffffffff) break
    const label = labelOf(active.ids)
    if (position === 0) labels[0] = label
    else if (label !== labels[kept - 1]) {
      positions[kept] = position
      labels[kept++] = label
    }
  }
  const starts = new Uint16Array(kept)
  for (let i = 0; i < kept; i++) starts[i] = positions[i]! & 0xffff
  return { starts, labels: labels.slice(0, kept), index: bucketIndex(kept, at => positions[at]! >>> 16) }
}

export function sweep6 (table: RangeTable, labelOf: LabelOf): IntervalMap6 {
  const events = events6(table)
  const { positions, order } = events
  const kept: number[] = [-1]
  const active = activeSet()
  const labels: number[] = [labelOf(active.ids)]
  for (let i = 0; i < order.length;) {
    const at = order[i]!
    for (; i < order.length && compare(positions, at, order[i]!) === 0; i++) {
      const event = order[i]!
      if ((event & 1) === 0) active.add(table.v6Ids[event >> 1]!)
      else active.remove(table.v6Ids[event >> 1]!)
    }
    const label = labelOf(active.ids)
    if (isZero(positions, at)) labels[0] = label
    else if (label !== labels[labels.length - 1]) {
      kept.push(at)
      labels.push(label)
    }
  }
  const high = new Uint32Array(2 * kept.length)
  const low: number[] = []
  const lowAt: number[] = []
  kept.forEach((event, i) => {
    if (event < 0) return
    high.set(positions.subarray(4 * event, 4 * event + 2), 2 * i)
    if (positions[4 * event + 2] === 0 && positions[4 * event + 3] === 0) return
    low.push(positions[4 * event + 2]!, positions[4 * event + 3]!)
    lowAt.push(i)
  })
  return {
    high,
    low: Uint32Array.from(low),
    lowAt: Uint32Array.from(lowAt),
    labels: Uint32Array.from(labels),
    index: bucketIndex(kept.length, at => bucket6(high[2 * at]!))
  }
}

/**
 * Event 2i is at the first address of range i, event 2i+1 just after its last one. An event after the last address of
 * all is left out.
 */
function events6 (table: RangeTable): { positions: Uint32Array, order: Uint32Array } {
  const positions = table.v6.slice()
  const order: number[] = []
  for (let event = 0; event < 2 * table.v6Ids.length; event++) {
    if ((event & 1) === 0 || increment(positions, event)) order.push(event)
  }
  return { positions, order: Uint32Array.from(order).sort((a, b) => compare(positions, a, b)) }
}

/** False when it wrapped around to zero. */
function increment (positions: Uint32Array, at: number): boolean {
  for (let word = 4 * at + 3; word >= 4 * at; word--) {
    positions[word] = positions[word]! + 1
    if (positions[word] !== 0) return true
  }
  return false
}

function compare (positions: Uint32Array, a: number, b: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = positions[4 * a + word]! - positions[4 * b + word]!
    if (difference !== 0) return difference
  }
  return 0
}

function isZero (positions: Uint32Array, at: number): boolean {
  return positions.subarray(4 * at, 4 * at + 4).every(word => word === 0)
}

function bucketIndex (count: number, bucketAt: (at: number) => number): Uint32Array {
  const index = new Uint32Array(BUCKETS + 1)
  let at = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    index[bucket] = at
    while (at < count && bucketAt(at) === bucket) at++
  }
  index[BUCKETS] = at
  return index
}

/** The ids that cover the place where the sweep is; one id may cover it several times. */
function activeSet (): { ids: readonly number[], add: (id: number) => void, remove: (id: number) => void } {
  const ids: number[] = []
  const times = new Map<number, number>()
  return {
    ids,
    add (id) {
      const before = times.get(id) ?? 0
      times.set(id, before + 1)
      if (before > 0) return
      let at = ids.length
      while (at > 0 && ids[at - 1]! > id) at--
      ids.splice(at, 0, id)
    },
    remove (id) {
      const left = times.get(id)! - 1
      if (left > 0) times.set(id, left)
      else {
        times.delete(id)
        ids.splice(ids.indexOf(id), 1)
      }
    }
  }
}
