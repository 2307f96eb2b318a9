import type {
  Decision, Mode, PolicyRule, RouteContext, UnknownReason, VerdictName
} from '../../../types/contract.ts'
import { applyPolicy, type CompiledPolicy, decisions } from '../../policy/index.ts'
import { allVerdicts } from '../../verdict/index.ts'
import { blankRisk } from '../blank-risk.ts'

/** What a policy decides about one action: of an address of which nothing is known but the verdict. */
export interface EffectiveRow {
  /** The action; null: of routes without one. */
  readonly action: string | null
  readonly write: boolean
  readonly decisions: Readonly<Record<VerdictName | 'unknown', Decision>>
  /** Verdicts whose decision a rule may change, where its other conditions hold. */
  readonly mayChange: readonly (VerdictName | 'unknown')[]
}

export interface EffectivePolicy {
  /** null, here and below: a policy file does not say. */
  readonly mode: Mode | null
  readonly enforceShare?: number | undefined
  /** Whether there is the option. Without it, `step_up_auth` is reported and not enforced. */
  readonly stepUp: boolean | null
  /** Whether there is the option, which softens what the table says on known networks. */
  readonly familiarity: boolean | null
  /** A function decides; the table decides where it fails. */
  readonly function: boolean
  readonly allowBlockingReads: boolean
  readonly rows: readonly EffectiveRow[]
  /** Decisions about an unknown verdict on writes and on reads, where the reason makes a difference. */
  readonly unknown: Readonly<Record<'write' | 'read', Readonly<Partial<Record<UnknownReason | 'default', Decision>>>>>
  /** In the order in which they are asked. */
  readonly rules: readonly PolicyRule[]
}

const conditions = [
  'category', 'asn', 'country', 'vpnProvider', 'provider', 'score', 'signal', 'familiarity'
] as const satisfies readonly (keyof PolicyRule)[]

/** The decisions per action and verdict; a function is not called, because its answer may depend on anything. */
export function effectivePolicy (
  policy: CompiledPolicy, actions: ReadonlyMap<string, 'write' | 'read'>,
  about: Pick<EffectivePolicy, 'mode' | 'enforceShare' | 'stepUp' | 'familiarity'>
): EffectivePolicy {
  const { table, rules } = policy
  const places = [
    ...[...actions].map(([action, kind]) => ({ action, write: kind === 'write' })),
    { action: null, write: true }, { action: null, write: false }
  ]
  return {
    ...about,
    function: policy.judge !== undefined,
    allowBlockingReads: table.allowBlockingReads,
    rows: places.map(({ action, write }) => {
      const place: RouteContext = { action, write, method: write ? 'POST' : 'GET', url: undefined }
      const found = allVerdicts.map(verdict => (
        [verdict, applyPolicy({ table, rules }, blankRisk(verdict), place).decision] as const
      ))
      const mayChange = found.filter(([verdict, decision]) => table.rules.some(rule => (
        changes(rule, verdict, decision, place, table.allowBlockingReads)))).map(([verdict]) => verdict)
      return { action, write, decisions: Object.fromEntries(found) as EffectiveRow['decisions'], mayChange }
    }),
    unknown: { write: byReason(table.write.unknown), read: byReason(table.read.unknown) },
    rules: table.rules
  }
}

function byReason (cell: CompiledPolicy['table']['write']['unknown']): EffectivePolicy['unknown']['write'] {
  if (typeof cell === 'string') return { default: cell }
  return Object.fromEntries(Object.entries(cell).filter(([, decision]) => decision !== undefined))
}

/** Whether the rule could change this decision, for an address that meets its conditions. */
function changes (
  rule: PolicyRule, verdict: string, decision: Decision, { action, write }: RouteContext, blockingReads: boolean
): boolean {
  if (conditions.every(name => rule[name] === undefined)) return false // applied already
  if (rule.action !== undefined && (action === null || ![rule.action].flat().includes(action))) return false
  const rank = (one: Decision): number => (
    write || blockingReads ? decisions.indexOf(one) : Math.min(decisions.indexOf(one), 1))
  if (rule.then !== undefined) return rank(rule.then) !== rank(decision)
  if (rule.atMost !== undefined) return verdict !== 'unknown' && rank(rule.atMost) < rank(decision)
  return rank(rule.atLeast!) > rank(decision)
}
