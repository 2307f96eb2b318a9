import type { Decision } from '../../../types/contract.ts'
import { stops } from '../../policy/index.ts'
import { type DistinctCount, distinctCount, hashOf } from './visitors.ts'

/** Requests (or rows) and visitors that were stopped before, are stopped after, and what is between. */
interface StoppedCounts {
  readonly stoppedBefore: number
  readonly stoppedAfter: number
  readonly newlyStopped: number
  readonly noLongerStopped: number
}

export interface ChangeRow {
  /** The action (`none` without one, `other` beyond the limit) or the verdict. */
  readonly key: string
  readonly records: number
  readonly changed: number
  readonly stopped: StoppedCounts
  /** Distinct addresses with at least one such record. */
  readonly visitors: StoppedCounts
}

export interface Transition {
  readonly action: string
  readonly verdict: string
  readonly before: Decision
  readonly after: Decision
  readonly records: number
}

export interface Tally {
  add (change: Omit<Transition, 'records'>, visitor: string | null): void
  /** Whether the counts of visitors are exact: of all records, and also of each action and verdict. */
  result (): {
    readonly total: ChangeRow,
    readonly actions: readonly ChangeRow[],
    readonly verdicts: readonly ChangeRow[],
    readonly transitions: readonly Transition[],
    readonly exact: boolean,
    readonly exactParts: boolean
  }
}

/** More actions count as `other`. */
const MAX_ACTIONS = 32
/** Exact up to twice as many visitors; the standard error beyond is 0.6 % of all, and 2.2 % of one action. */
const KEPT = { total: 32_768, part: 2_048 }
const kinds = ['stoppedBefore', 'stoppedAfter', 'newlyStopped', 'noLongerStopped'] as const

type Sketches = Readonly<Record<keyof StoppedCounts, DistinctCount>>

function sketches (kept: number): Sketches {
  return Object.fromEntries(kinds.map(kind => [kind, distinctCount(kept)])) as unknown as Sketches
}

function kindsOf (before: Decision, after: Decision): readonly (keyof StoppedCounts)[] {
  const [was, is] = [stops(before), stops(after)]
  if (was && is) return ['stoppedBefore', 'stoppedAfter']
  return was ? ['stoppedBefore', 'noLongerStopped'] : is ? ['stoppedAfter', 'newlyStopped'] : []
}

/** Counts what two policies decide. Its memory does not grow with the input. */
export function createTally (): Tally {
  const counts = new Map<string, { readonly change: Omit<Transition, 'records'>, records: number }>()
  const total = sketches(KEPT.total)
  const parts = { action: new Map<string, Sketches>(), verdict: new Map<string, Sketches>() }

  function partOf (by: 'action' | 'verdict', key: string): Sketches {
    let part = parts[by].get(key)
    if (part === undefined) parts[by].set(key, part = sketches(KEPT.part))
    return part
  }

  function row (key: string, of: readonly Transition[], visitors: Sketches): ChangeRow {
    const sum = (records: readonly Transition[]): number => records.reduce((all, one) => all + one.records, 0)
    return {
      key,
      records: sum(of),
      changed: sum(of.filter(({ before, after }) => before !== after)),
      stopped: byKind(kind => sum(of.filter(({ before, after }) => kindsOf(before, after).includes(kind)))),
      visitors: byKind(kind => visitors[kind].count().count)
    }
  }

  function rows (by: 'action' | 'verdict', all: readonly Transition[]): ChangeRow[] {
    return [...parts[by]].map(([key, visitors]) => row(key, all.filter(one => one[by] === key), visitors))
      .sort((a, b) => b.changed - a.changed || b.records - a.records)
  }

  return {
    add ({ action: named, verdict, before, after }, visitor) {
      const action = parts.action.has(named) || parts.action.size < MAX_ACTIONS ? named : 'other'
      const key = `${action}\n${verdict}\n${before}\n${after}`
      const counted = counts.get(key)
      if (counted !== undefined) counted.records++
      else counts.set(key, { change: { action, verdict, before, after }, records: 1 })
      const [ofAction, ofVerdict] = [partOf('action', action), partOf('verdict', verdict)]
      const stopped = visitor === null ? [] : kindsOf(before, after)
      if (stopped.length === 0) return
      const hashed = hashOf(visitor!)
      for (const kind of stopped) for (const part of [total, ofAction, ofVerdict]) part[kind].add(hashed)
    },
    result () {
      const transitions = [...counts.values()].map(({ change, records }) => ({ ...change, records }))
        .sort((a, b) => Number(b.before !== b.after) - Number(a.before !== a.after) || b.records - a.records)
      const isExact = (one: Sketches): boolean => kinds.every(kind => one[kind].count().exact)
      return {
        total: row('all', transitions, total),
        actions: rows('action', transitions),
        verdicts: rows('verdict', transitions),
        transitions,
        exact: isExact(total),
        exactParts: [...parts.action.values(), ...parts.verdict.values()].every(isExact)
      }
    }
  }
}

function byKind (count: (kind: keyof StoppedCounts) => number): StoppedCounts {
  return Object.fromEntries(kinds.map(kind => [kind, count(kind)])) as unknown as StoppedCounts
}
