import type { Decision, IpRisk, Outcome } from '../../types/contract.ts'
import type { RequestCount } from '../../types/telemetry.ts'
import { decisions } from '../policy/index.ts'
import { outcomes } from '../report/index.ts'
import { allVerdicts } from '../verdict/index.ts'
import type { AssessmentContext } from './context.ts'

type Index<T extends string> = { readonly [K in T]: number }

/** For each word a multiple of `step`, so that the sum over all dimensions is a place in one array. */
function indexOf<T extends string> (words: readonly T[], step: number): Index<T> {
  return Object.fromEntries(words.map((word, i) => [word, i * step])) as Index<T>
}

const decisionIndex: Index<Decision> = indexOf(decisions, 320)
const verdictIndex: Index<IpRisk['verdict']> = indexOf(allVerdicts, 64)
const outcomeIndex: Index<Outcome> = indexOf(outcomes, 8)
const cells = decisions.length * 320
const usualPlace = decisionIndex.allow + verdictIndex.clean + outcomeIndex.allowed

/** The usual request has a line of its own: V8 reads a property faster by its name than by a variable. */
function placeOf (decision: Decision, verdict: IpRisk['verdict'], outcome: Outcome): number {
  if (decision === 'allow' && verdict === 'clean' && outcome === 'allowed') return usualPlace
  return decisionIndex[decision] + verdictIndex[verdict] + outcomeIndex[outcome]
}

interface ActionCounts {
  readonly counts: Float64Array
  /** The places whose count is not 0, in the order in which they came. */
  readonly used: number[]
}

/** More action names than an application has; the bound keeps metrics small where names are made up at run time. */
const maxActions = 32

interface RequestCounts {
  /** Costs one look into a map and one increment. */
  add (counted: Pick<IpRisk, 'decision' | 'verdict' | 'write'>, context: AssessmentContext, outcome: Outcome): void
  /** The counts that are not 0. */
  rows (): RequestCount[]
}

export function createRequestCounts (): RequestCounts {
  const byAction = new Map<string, ActionCounts>()
  /** Of the last request: the next one is often of the same action. */
  let last: { readonly action: string, readonly counts: ActionCounts } | undefined

  function lastOf (action: string): ActionCounts {
    if (last?.action !== action) last = { action, counts: countsOf(action) }
    return last.counts
  }

  function countsOf (action: string): ActionCounts {
    const known = byAction.get(action)
    if (known !== undefined) return known
    if (action !== 'other' && byAction.size >= maxActions) return countsOf('other')
    const created = { counts: new Float64Array(cells), used: [] }
    byAction.set(action, created)
    return created
  }

  return {
    add ({ decision, verdict, write }, { route, scope }, outcome) {
      const place = placeOf(decision, verdict, outcome) +
        (route.mode === 'monitor' ? 4 : 0) + (write ? 2 : 0) + (scope.stepUp === undefined ? 0 : 1)
      const { counts, used } = lastOf(route.marked ? route.action ?? 'none' : 'unmarked')
      if (counts[place]!++ === 0) used.push(place)
    },
    rows: () => [...byAction].flatMap(([action, counts]) => rowsOf(action, counts))
  }
}

function rowsOf (action: string, { counts, used }: ActionCounts): RequestCount[] {
  return [...used].sort((a, b) => a - b).map(place => {
    const decision = decisions[Math.floor(place / 320)]!
    return {
      action,
      decision,
      verdict: allVerdicts[Math.floor(place % 320 / 64)]!,
      outcome: outcomes[Math.floor(place % 64 / 8)]!,
      wouldBe: wouldBe(decision, action !== 'unmarked', (place & 1) !== 0),
      mode: (place & 4) === 0 ? 'enforce' : 'monitor',
      write: (place & 2) !== 0,
      count: counts[place]!
    }
  })
}

/** What the visitor would meet in `enforce` mode: `allow` on unmarked routes, no step-up where there is none. */
function wouldBe (decision: Decision, isMarked: boolean, hasStepUp: boolean): Decision {
  if (!isMarked) return 'allow'
  return decision === 'step_up_auth' && !hasStepUp ? 'elevate_risk' : decision
}

export function wouldBeOf ({ decision }: Pick<IpRisk, 'decision'>, { route, scope }: AssessmentContext): Decision {
  return wouldBe(decision, route.marked, scope.stepUp !== undefined)
}
