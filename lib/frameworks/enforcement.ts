import type { RawRequest } from '../../types/contract.ts'
import type { Judged } from '../core/assess.ts'
import { outcomeOf, publish } from '../core/decision-log.ts'
import type { Engine } from '../core/engine.ts'
import { Blocked, ClientGone, type IpRiskError, StepUpRequired, TruncatedHeaders } from '../errors.ts'
import type { Scope } from '../options/plugin-scope.ts'
import { isWrite, type RoutePlan } from '../options/route-policy.ts'
import { canStepUp } from '../policy/policy.ts'

/** What a visitor is told: an error for the application's handler, and for a step-up the value of `WWW-Authenticate`. */
export interface Refusal { readonly error: IpRiskError, readonly challenge?: string }

/**
 * Whether nobody waits for the answer to this request any more. A client that only stopped sending (a half-close) is not gone.
 * After a reset the peer's address cannot be read, so a policy would judge nobody: an attacker needs no answer to a withdrawal.
 */
export function isGone ({ socket, stream }: RawRequest): boolean {
  if (stream?.destroyed === true || stream?.closed === true || socket?.destroyed === true) return true
  return socket?.remoteAddress === undefined && socket?.localAddress !== undefined
}

/**
 * Whether the request ends here because its client is gone. Monitor mode never acts: a sender that does not wait for answers would lose
 * its requests on the day it is switched on.
 */
export function endsAsGone (request: RawRequest, { marked, mode }: Pick<RoutePlan, 'marked' | 'mode'>): boolean {
  return marked && mode === 'enforce' && isGone(request)
}

/** What ends a judged request before its handler: 499 where its client is gone; where a block is enforced 403, or 431. */
export function ended (judged: Judged, raw: RawRequest): IpRiskError | undefined {
  if (judged.gone || endsAsGone(raw, judged.place.plan)) {
    publish(judged, 'client_gone')
    return new ClientGone()
  }
  if (outcomeOf(judged) !== 'blocked') return undefined
  return judged.risk.reason === 'truncated_headers' ? new TruncatedHeaders() : new Blocked()
}

/**
 * What to answer instead of continuing, or undefined. Asks for the step-up where one is demanded, and not a second time
 * once it is satisfied: it may have been a code that is valid once. Never rejects.
 */
export async function refusal (judged: Judged, raw: RawRequest): Promise<Refusal | undefined> {
  const error = ended(judged, raw)
  if (error !== undefined) return { error }
  if (judged.outcome === 'satisfied' || outcomeOf(judged) !== undefined) return undefined
  return await challenged(judged, raw)
}

/** Asks whether the visitor has authenticated strongly enough, and publishes the outcome. Never rejects. */
async function challenged (judged: Judged, raw: RawRequest): Promise<Refusal | undefined> {
  const { request, place: { scope, log } } = judged
  const { isSatisfied, challenge, failing } = scope.stepUp!
  let satisfied = false
  try {
    const answer: unknown = await isSatisfied(request)
    failing.works()
    satisfied = answer === true
  } catch (err) {
    if (failing.shows()) {
      log.error({ code: 'IP_RISK_STEP_UP_FAILED', err }, 'stepUp.isSatisfied failed, which counts as "no", so visitors are challenged: mend the function, or what it asks')
    }
  }
  const gone = ended(judged, raw)
  if (gone !== undefined) return { error: gone }
  publish(judged, satisfied ? 'satisfied' : 'challenged')
  return satisfied ? undefined : { error: new StepUpRequired(), challenge }
}

const told = new WeakSet<Engine>()

/** Says once an engine that a marked route can decide `step_up_auth` while nothing would challenge the visitor. */
export function warnOfMissingStepUp (engine: Engine, { stepUp }: Scope, plan: RoutePlan, methods: readonly string[]): void {
  if (stepUp !== undefined || !plan.marked || plan.mode === 'monitor' || told.has(engine)) return
  if (!methods.some(method => canStepUp(plan.policy, isWrite(plan, method)))) return
  told.add(engine)
  engine.log.warn({ code: 'IP_RISK_STEP_UP_MISSING' }, 'the policy can decide "step_up_auth", which is told and not enforced: give the option "stepUp"')
}
