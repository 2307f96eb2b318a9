import type { Decision, IpRisk, PolicyRule, RouteContext } from '../../../types/contract.ts'
import { applyPolicy, applyRules, type CompiledPolicy, compileRules, type Rules, stops } from '../../policy/index.ts'

/** What a rule or a cell may ask for, and a record may not have. */
export const askable = [
  'reason', 'category', 'asn', 'country', 'vpnProvider', 'provider', 'score', 'signal', 'familiarity', 'action'
] as const
export type Askable = typeof askable[number]
export type Absent = ReadonlySet<Askable>

/** A decision; or what would have to be known to decide, where both outcomes are possible. */
export type PastResult = { readonly decision: Decision } | { readonly undecided: readonly Askable[] }

interface PastPolicy {
  /** What the rules and the cells of the policy ask for. */
  readonly asksFor: Absent
  decide (risk: IpRisk, context: RouteContext, absent: Absent): PastResult
}

interface UncertainRule {
  readonly lacks: readonly Askable[]
  /** The rule alone, without what cannot be asked. */
  readonly rules: Rules
  /** The rules of which the first that applies makes this one void. */
  readonly before: Rules
}

/**
 * A policy that decides about records. Where a rule asks for what was not recorded, nothing is assumed: if the rule,
 * met or not, leads to the same decision, that is the decision; else there is none.
 */
export function pastPolicy (policy: CompiledPolicy): PastPolicy {
  const { table } = policy
  const byAbsent = new Map<Absent, readonly UncertainRule[]>()
  const asksFor = new Set<Askable>(askable.filter(name => (
    name !== 'reason' && table.rules.some(rule => rule[name] !== undefined))))
  if (variesByReason(table.write.unknown) || variesByReason(table.read.unknown)) asksFor.add('reason')

  function uncertain (absent: Absent): readonly UncertainRule[] {
    let found = byAbsent.get(absent)
    if (found === undefined) {
      found = table.rules.flatMap((rule, i) => {
        const lacks = askable.filter(name => name !== 'reason' && absent.has(name) && rule[name] !== undefined)
        if (lacks.length === 0) return []
        const before = rule.then === undefined ? [] : table.rules.slice(0, i).filter(one => one.then !== undefined)
        return [{ lacks, rules: compileRules([without(rule, lacks)]), before: compileRules(before) }]
      })
      byAbsent.set(absent, found)
    }
    return found
  }

  function decide (risk: IpRisk, context: RouteContext, absent: Absent): PastResult {
    const { write, action } = context
    if (risk.verdict === 'unknown' && absent.has('reason') && variesByReason(table[write ? 'write' : 'read'].unknown)) {
      return { undecided: ['reason'] }
    }
    const { decision } = applyPolicy(policy, risk, context)
    const undecided = new Set<Askable>()
    for (const { lacks, rules, before } of uncertain(absent)) {
      if (anyApplies(before, risk, action)) continue
      // Each rule alone: where none changes the decision, all of them together do not either.
      const ruled = applyRules(rules, risk, action, decision)?.decision
      const isClamped = !write && !table.allowBlockingReads && ruled !== undefined && stops(ruled)
      if (ruled !== undefined && (isClamped ? 'elevate_risk' : ruled) !== decision) {
        for (const name of lacks) undecided.add(name)
      }
    }
    return undecided.size === 0 ? { decision } : { undecided: [...undecided] }
  }

  return { asksFor, decide }
}

/** Of rules with `then`: one that applies changes at least one of two decisions. */
function anyApplies (rules: Rules, risk: IpRisk, action: RouteContext['action']): boolean {
  if (rules.all.length === 0) return false
  return (['allow', 'block'] as const).some(decision => applyRules(rules, risk, action, decision) !== undefined)
}

function variesByReason (cell: CompiledPolicy['table']['write']['unknown']): boolean {
  return typeof cell !== 'string' && new Set(Object.values(cell)).size > 1
}

function without (rule: PolicyRule, names: readonly Askable[]): PolicyRule {
  return Object.fromEntries(Object.entries(rule).filter(([name]) => !(names as readonly string[]).includes(name)))
}
