import type { Decision } from '../../../types/contract.ts'
import type { CompiledPolicy } from '../../policy/index.ts'
import { type Askable, askable, type PastResult, pastPolicy } from './past-policy.ts'
import { type Costs, createOutcomes, type KnownOutcome, type Outcomes } from './outcomes.ts'
import type { Omitted, PastDecision } from './records.ts'
import { createTally, type Tally } from './tally.ts'

/** `ip-risk simulate --json`. All are counts of records, but for `visitors`. */
export interface Simulation extends ReturnType<Tally['result']> {
  /** What is compared: a file, or `recorded`. */
  readonly before: string
  readonly after: string
  readonly omitted: {
    /** Lines that are neither a decision record nor a reviewed row. */
    readonly noRecord: number
    /** The client left before it was judged. */
    readonly clientGone: number
    /** Of routes without `config.ipRisk`, where nothing is enforced, as far as the record shows. */
    readonly unmarked: number
    /** With no decision recorded, which `--against` would need. */
    readonly notRecorded: number
    /** Either decision is possible, because something was not recorded. */
    readonly undecided: number
  }
  /** For each thing that a rule asks for: in how many records it is not recorded, and how many are undecided for it. */
  readonly missing: readonly { readonly name: Askable, readonly records: number, readonly undecided: number }[]
  readonly outcomes: ReturnType<Outcomes['result']>
  /** Judged without an action: some may be of routes without `config.ipRisk`. */
  readonly withoutAction: number
  /** Judged without an address: they are in no count of visitors. */
  readonly withoutAddress: number
  /** How addresses were recorded: `network` and `hmac` make one visitor of several, or keep them apart. */
  readonly addresses: 'full' | 'network' | 'hmac' | 'none' | 'mixed'
}

export interface SimulationOptions {
  readonly after: { readonly name: string, readonly policy: CompiledPolicy }
  /** null: the recorded decisions. */
  readonly before: { readonly name: string, readonly policy: CompiledPolicy } | null
  readonly costs: Costs | null
}

interface Simulator {
  add (past: PastDecision | Omitted, outcome: KnownOutcome | null): void
  result (): Simulation
}

export function createSimulator ({ before, after, costs }: SimulationOptions): Simulator {
  const policies = { before: before === null ? null : pastPolicy(before.policy), after: pastPolicy(after.policy) }
  const asksFor = new Set([...policies.after.asksFor, ...policies.before?.asksFor ?? []])
  const tally = createTally()
  const outcomes = createOutcomes()
  const omitted = { noRecord: 0, clientGone: 0, unmarked: 0, notRecorded: 0, undecided: 0 }
  const missing = new Map(askable.map(name => [name, { records: 0, undecided: 0 }]))
  const forms = { full: 0, network: 0, hmac: 0, none: 0 }
  let withoutAction = 0

  function resultsOf ({ risk, context, absent, recorded }: PastDecision): readonly [PastResult | null, PastResult] {
    const past = policies.before === null
      ? recorded === null ? null : { decision: recorded }
      : policies.before.decide(risk, context, absent)
    return [past, policies.after.decide(risk, context, absent)]
  }

  function countMissing (results: readonly PastResult[], { absent, risk }: PastDecision): void {
    for (const name of absent) {
      if (asksFor.has(name) && (name !== 'reason' || risk.verdict === 'unknown')) missing.get(name)!.records++
    }
    const names = new Set(results.flatMap(result => 'undecided' in result ? result.undecided : []))
    for (const name of names) missing.get(name)!.undecided++
  }

  return {
    add (past, outcome) {
      if (past === 'no_record') omitted.noRecord++
      else if (past === 'client_gone') omitted.clientGone++
      else if (past === 'unmarked') omitted.unmarked++
      else {
        const { recorded, fixed, context: { action, write }, risk, visitor } = past
        const fixedDecision: PastResult | null = fixed && recorded !== null ? { decision: recorded } : null
        const [was, is] = fixedDecision === null ? resultsOf(past) : [fixedDecision, fixedDecision]
        if (fixedDecision === null) countMissing(was === null ? [is] : [was, is], past)
        if (was === null) omitted.notRecorded++
        else if ('undecided' in was || 'undecided' in is) omitted.undecided++
        else {
          const change: { before: Decision, after: Decision } = { before: was.decision, after: is.decision }
          tally.add({ action: action ?? 'none', verdict: risk.verdict, ...change }, visitor)
          outcomes.add(risk.score, write, change.before, change.after, outcome)
          if (action === null) withoutAction++
          forms[formOf(visitor)]++
        }
      }
    },
    result () {
      const names = { before: before?.name ?? 'recorded', after: after.name }
      const used = (['full', 'network', 'hmac'] as const).filter(form => forms[form] > 0)
      return {
        ...names,
        ...tally.result(),
        omitted,
        missing: [...missing].map(([name, counts]) => ({ name, ...counts })).filter(({ records }) => records > 0),
        outcomes: outcomes.result(names, costs),
        withoutAction,
        withoutAddress: forms.none,
        addresses: used.length === 0 ? 'none' : used.length > 1 ? 'mixed' : used[0]!
      }
    }
  }
}

/** As `recordAddress` writes them. */
function formOf (visitor: string | null): 'full' | 'network' | 'hmac' | 'none' {
  if (visitor === null) return 'none'
  if (visitor.includes('/')) return 'network'
  return /^[0-9a-f]{64}$/.test(visitor) ? 'hmac' : 'full'
}
