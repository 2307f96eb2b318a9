import type { DecisionRecord } from '../../types/contract.ts'
import { type Decided, type Internals, recordOf, timeOf } from '../core/index.ts'
import type { TimeChart } from '../util/index.ts'

const minutes = 60
const keptDecisions = 100

/** From the bottom of a column to its top. */
const groups = [
  { name: 'allowed', tone: 'allow' },
  { name: 'flagged', tone: 'flag' },
  { name: 'stopped only if enforced', tone: 'plain' },
  { name: 'step-up', tone: 'step' },
  { name: 'blocked', tone: 'block' }
] as const

export interface History {
  /** Outcomes of the last hour, a column for each minute. */
  chart (): TimeChart
  /** The last decisions, newest first, with each address as the `recordAddress` of the scope that assessed it says. */
  decisions (): DecisionRecord[]
  close (): void
}

/** What the page shows beside counters. It keeps 100 decisions and an hour of counts, whatever comes in. */
export function keepHistory ({ engine }: Pick<Internals, 'engine'>): History {
  const counts = Array.from({ length: minutes }, () => new Array<number>(groups.length).fill(0))
  const decisions: Decided[] = []
  let next = 0
  let present = minuteOf(engine.now())

  /** Empties the minutes that have passed without a request. */
  function advance (): number[] {
    const minute = minuteOf(engine.now())
    for (let i = Math.max(present + 1, minute - minutes + 1); i <= minute; i++) counts[i % minutes]!.fill(0)
    present = Math.max(present, minute)
    return counts[present % minutes]!
  }

  const close = engine.observers.add({
    timesDecisions: true,
    decision (published) {
      const { risk, context, outcome } = published
      if (outcome === undefined) return
      const time = published.time ?? timeOf(published, engine.now())
      const decided: Decided = { risk, context, outcome, time }
      decisions[next++ % keptDecisions] = decided
      const column = advance()
      column[groupOf(decided)]!++
    }
  })
  return {
    close,
    chart () {
      advance()
      const columns = Array.from({ length: minutes }, (_, i) => counts[(present + 1 + i) % minutes]!)
      const series = groups.map((group, i) => ({ ...group, values: columns.map(column => column[i]!) }))
      return { title: 'Outcomes of the last hour, by minute', series, from: 'an hour ago', to: 'now' }
    },
    decisions () {
      const newestFirst = decisions.map((_, i) => decisions[(next - 1 - i) % decisions.length]!)
      return newestFirst.map(decided => recordOf(decided, decided.context.scope.recordAddress.show))
    }
  }
}

function minuteOf (ms: number): number {
  return Math.floor(ms / 60_000)
}

function groupOf ({ outcome, risk, context }: Decided): number {
  switch (outcome) {
    case 'blocked': return 4
    case 'challenged': case 'satisfied': return 3
    case 'not_enforced': return context.route.marked && risk.decision !== 'elevate_risk' ? 2 : 1
    case 'flagged': return 1
    default: return 0
  }
}
