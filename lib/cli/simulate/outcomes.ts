import type { Decision } from '../../../types/contract.ts'
import { stops } from '../../policy/index.ts'

/** What turned out later. */
export type KnownOutcome = 'fraud' | 'good'

export interface Costs {
  /** Of each fraud that is not stopped. */
  readonly perFraudMissed: number
  /** Of each good one that is stopped. */
  readonly perGoodStopped: number
}

/** How well something stops fraud and nothing else, over the records with a known outcome. */
export interface Quality {
  /** A policy file, `recorded`, or a threshold of the score: stopped where the score is at least that. */
  readonly by: string
  readonly threshold: number | null
  /** All records stopped, those without a known outcome included. */
  readonly stopped: number
  readonly fraudStopped: number
  readonly fraudMissed: number
  readonly goodStopped: number
  /** Of what is stopped, the part that is fraud. null: nothing with a known outcome is stopped. */
  readonly precision: number | null
  /** Of the fraud, the part that is stopped. null: there is none. */
  readonly recall: number | null
  /** null: no costs were given. */
  readonly cost: number | null
}

export interface Outcomes {
  add (
    score: number | null, write: boolean, before: Decision, after: Decision, outcome: KnownOutcome | null
  ): void
  result (names: { readonly before: string, readonly after: string }, costs: Costs | null): {
    readonly fraud: number,
    readonly good: number,
    readonly withoutOutcome: number,
    readonly withoutScore: number,
    readonly policies: readonly Quality[],
    readonly thresholds: readonly Quality[]
  }
}

const STEPS = 20

type ByOutcome = Record<KnownOutcome | 'none', number>
const none = (): ByOutcome => ({ fraud: 0, good: 0, none: 0 })

/** Counts, at each threshold of the score, what would be stopped. Reads are stopped by no threshold. */
export function createOutcomes (): Outcomes {
  /** At `i`: scores from `i / STEPS` to below the next one. */
  const scores = Array.from({ length: STEPS + 1 }, none)
  const all = none()
  const stopped = { before: none(), after: none() }
  let withoutScore = 0
  return {
    add (score, write, before, after, outcome) {
      const key = outcome ?? 'none'
      all[key]++
      if (stops(before)) stopped.before[key]++
      if (stops(after)) stopped.after[key]++
      if (score === null || !(score >= 0)) withoutScore++
      else if (write) scores[Math.min(STEPS, Math.floor(score * STEPS + 1e-9))]![key]++
    },
    result (names, costs) {
      const quality = (by: string, threshold: number | null, found: ByOutcome): Quality => {
        const { fraud, good } = found
        const missed = all.fraud - fraud
        return {
          by,
          threshold,
          stopped: fraud + good + found.none,
          fraudStopped: fraud,
          fraudMissed: missed,
          goodStopped: good,
          precision: fraud + good === 0 ? null : fraud / (fraud + good),
          recall: all.fraud === 0 ? null : fraud / all.fraud,
          cost: costs === null ? null : missed * costs.perFraudMissed + good * costs.perGoodStopped
        }
      }
      return {
        fraud: all.fraud,
        good: all.good,
        withoutOutcome: all.none,
        withoutScore,
        policies: [quality(names.before, null, stopped.before), quality(names.after, null, stopped.after)],
        thresholds: scores.map((_, i) => {
          const found = none()
          for (const one of scores.slice(i)) {
            for (const key of ['fraud', 'good', 'none'] as const) found[key] += one[key]
          }
          return quality(`score from ${i / STEPS}`, i / STEPS, found)
        }).slice(1)
      }
    }
  }
}

/** The least cost first met; undefined without costs. */
export function cheapest (rows: readonly Quality[]): Quality | undefined {
  return rows.filter(({ cost }) => cost !== null)
    .reduce<Quality | undefined>((best, row) => best === undefined || row.cost! < best.cost! ? row : best, undefined)
}
