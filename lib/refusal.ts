import type { IpRisk, IpRiskLogger } from '../types/contract.ts'
import type { Engine } from './engine.ts'
import { Blocked, type IpRiskError, StepUpRequired } from './errors.ts'
import { canStepUp } from './policy/policy.ts'
import { isWrite, type RoutePlan } from './route.ts'
import type { Scope } from './scope.ts'

/** What a visitor is told: an error for the application's handler, and for a step-up the value of `WWW-Authenticate`. */
export interface Refusal { readonly error: IpRiskError, readonly challenge?: string }

export function needsStepUp (risk: IpRisk | null | undefined): boolean {
  return risk?.decision === 'step_up_auth' && risk.enforced
}

/** 403 where a block is enforced. */
export function blocked (risk: IpRisk): IpRiskError | undefined {
  return risk.decision === 'block' && risk.enforced ? new Blocked() : undefined
}

/** Asks whether the visitor has authenticated strongly enough. Only for a risk that `needsStepUp`. Never rejects. */
export async function challenged (scope: Scope, request: unknown, log: IpRiskLogger): Promise<Refusal | undefined> {
  const { isSatisfied, challenge } = scope.stepUp!
  try {
    const satisfied: unknown = await isSatisfied(request)
    if (satisfied === true) return undefined
  } catch (err) {
    log.error({ err }, 'stepUp.isSatisfied failed, which counts as "no"')
  }
  return { error: new StepUpRequired(), challenge }
}

const told = new WeakSet<Engine>()

/** Says once an engine that a marked route can decide `step_up_auth` while nothing would challenge the visitor. */
export function warnOfMissingStepUp (engine: Engine, { stepUp }: Scope, plan: RoutePlan, methods: readonly string[]): void {
  if (stepUp !== undefined || !plan.marked || plan.mode === 'monitor' || told.has(engine)) return
  if (!methods.some(method => canStepUp(plan.policy, isWrite(plan, method)))) return
  told.add(engine)
  engine.log.warn({}, 'the policy can decide "step_up_auth", which is told and not enforced: give the option "stepUp"')
}
