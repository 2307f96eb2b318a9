import type { Category, Decision, IpRisk, PolicyRule } from '../../types/contract.ts'

/** From the mildest to the hardest. */
export const decisions: readonly Decision[] = ['allow', 'elevate_risk', 'step_up_auth', 'block']

const severity: { readonly [D in Decision]: number } = { allow: 0, elevate_risk: 1, step_up_auth: 2, block: 3 }

export function isDecision (value: unknown): value is Decision {
  return decisions.includes(value as Decision)
}

export function milder (a: Decision, b: Decision): Decision {
  return severity[a] <= severity[b] ? a : b
}

/** Whether the visitor would be stopped: what a read never meets unless the policy says so in as many words. */
export function stops (decision: Decision): boolean {
  return severity[decision] > severity.elevate_risk
}

/** Rules by their category, one for each; asked on every request, and for the few categories of one address only. */
export type Rules = ReadonlyMap<Category, Rule>
interface Rule { readonly place: number, readonly then: Decision | undefined, readonly atMost: Decision | undefined }

export function compileRules (rules: readonly PolicyRule[]): Rules {
  return new Map(rules.map(({ category, then, atMost }, place) => [category, { place, then, atMost }]))
}

/**
 * The first `then` that applies takes the decision's place; every `atMost` that applies softens what stands then. `atMost` softens
 * verdicts only: the decision about an `unknown` stays, or no route could fail closed.
 */
export function applyRules (rules: Rules, { verdict, categories }: Pick<IpRisk, 'verdict' | 'categories'>, decision: Decision): Decision {
  let result = decision
  let place = Infinity
  for (const category of categories) {
    const rule = rules.get(category)
    if (rule?.then !== undefined && rule.place < place) {
      result = rule.then
      place = rule.place
    }
  }
  if (verdict === 'unknown') return result
  for (const category of categories) {
    const atMost = rules.get(category)?.atMost
    if (atMost !== undefined) result = milder(result, atMost)
  }
  return result
}
