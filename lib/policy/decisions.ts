import type { Decision } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { shown } from '../util/index.ts'

/** From the mildest to the hardest. */
export const decisions: readonly Decision[] = ['allow', 'elevate_risk', 'step_up_auth', 'block']

const severity: { readonly [D in Decision]: number } = { allow: 0, elevate_risk: 1, step_up_auth: 2, block: 3 }

export function isDecision (value: unknown): value is Decision {
  return decisions.includes(value as Decision)
}

export function milder (a: Decision, b: Decision): Decision {
  return severity[a] <= severity[b] ? a : b
}

export function harder (a: Decision, b: Decision): Decision {
  return severity[a] >= severity[b] ? a : b
}

/** Whether the visitor would be stopped: what a read never meets unless the policy allows it explicitly. */
export function stops (decision: Decision): boolean {
  return severity[decision] > severity.elevate_risk
}

/** Throws an `IpRiskError` that names the cell. */
export function checkDecision (path: string, value: unknown): void {
  if (!isDecision(value)) throw badOption(path, `must be one of ${decisions.join(', ')}, got ${shown(value)}`)
}
