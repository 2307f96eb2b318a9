import type { Decision, IpRisk, Outcome } from '../../types/contract.ts'
import type { RequestCount } from '../../types/telemetry.ts'
import type { AssessmentContext } from './context.ts'

const decisions = ['allow', 'elevate_risk', 'step_up_auth', 'block'] as const
const verdicts = ['clean', 'suspicious', 'vpn_likely', 'vpn_detected', 'unknown'] as const
const outcomes = [
  'allowed', 'flagged', 'challenged', 'satisfied', 'blocked', 'not_enforced', 'not_reached', 'client_gone'
] as const

type Index<T extends string> = { readonly [K in T]: number }

/** For each word a multiple of `step`, so that the sum over all dimensions is a place in one array. */
function indexOf<T extends string> (words: readonly T[], step: number): Index<T> {
  return Object.fromEntries(words.map((word, i) => [word, i * step])) as Index<T>
}

const decisionIndex: Index<Decision> = indexOf(decisions, 320)
const verdictIndex: Index<IpRisk['verdict']> = indexOf(verdicts, 64)
const outcomeIndex: Index<Outcome> = indexOf(outcomes, 8)
const cells = decisions.length * 320

/** More action names than an application has; the bound keeps metrics small where names are made up at run time. */
const maxActions = 32

export interface RequestCounts {
  /** Costs one look into a map and one increment. */
  add (risk: IpRisk, context: AssessmentContext, outcome: Outcome): void
  /** The counts that are not 0. */
  rows (): RequestCount[]
}

export function createRequestCounts (): RequestCounts {
  const byAction = new Map<string, Float64Array>()

  function cellsOf (action: string): Float64Array {
    const known = byAction.get(action)
    if (known !== undefined) return known
    if (action !== 'other' && byAction.size >= maxActions) return cellsOf('other')
    const created = new Float64Array(cells)
    byAction.set(action, created)
    return created
  }

  return {
    add ({ decision, verdict, write }, { route, scope }, outcome) {
      const place = decisionIndex[decision] + verdictIndex[verdict] + outcomeIndex[outcome] +
        (route.mode === 'monitor' ? 4 : 0) + (write ? 2 : 0) + (scope.stepUp === undefined ? 0 : 1)
      cellsOf(route.marked ? route.action ?? 'none' : 'unmarked')[place]!++
    },
    rows: () => [...byAction].flatMap(([action, counts]) => rowsOf(action, counts))
  }
}

function rowsOf (action: string, counts: Float64Array): RequestCount[] {
  const rows: RequestCount[] = []
  for (let place = 0; place < cells; place++) {
    const count = counts[place]!
    if (count === 0) continue
    const decision = decisions[Math.floor(place / 320)]!
    rows.push({
      action,
      decision,
      verdict: verdicts[Math.floor(place % 320 / 64)]!,
      outcome: outcomes[Math.floor(place % 64 / 8)]!,
      wouldBe: action === 'unmarked' ? 'allow' : wouldBe(decision, (place & 1) !== 0),
      mode: (place & 4) === 0 ? 'enforce' : 'monitor',
      write: (place & 2) !== 0,
      count
    })
  }
  return rows
}

/** What a visitor of a marked route would meet in `enforce` mode. */
export function wouldBe (decision: Decision, hasStepUp: boolean): Decision {
  return decision === 'step_up_auth' && !hasStepUp ? 'elevate_risk' : decision
}
