import type { RawRequest } from '../../types/contract.ts'
import {
  assessAgain, type CompletedAssessment, endsAsGone, type Engine, learnFrom, outcomeOf, publish
} from '../core/index.ts'
import { CONFIRMED } from '../familiarity/index.ts'
import { Blocked, ClientGone, type IpRiskError, StepUpRequired, TruncatedHeaders } from '../errors.ts'
import { isWrite, type PluginScope, type RoutePolicy } from '../options/index.ts'
import { canStepUp } from '../policy/index.ts'
import { within } from '../util/index.ts'

/**
 * What a visitor gets: an error for the application's handler, and for a step-up the value of `WWW-Authenticate`.
 */
export interface Rejection { readonly error: IpRiskError, readonly challenge?: string }

/**
 * What ends an assessed request before its handler: 499 where its client is gone; where a block is enforced 403, or
 * 431.
 */
export function rejectionOf (assessment: CompletedAssessment, raw: RawRequest): IpRiskError | undefined {
  if (assessment.gone || endsAsGone(raw, assessment.context.route)) {
    publish(assessment, 'client_gone')
    return new ClientGone()
  }
  if (outcomeOf(assessment) !== 'blocked') return undefined
  return assessment.risk.reason === 'truncated_headers' ? new TruncatedHeaders() : new Blocked()
}

/**
 * What to answer instead of continuing, or undefined. Asks for the step-up where one is demanded, and not a second time
 * once it is satisfied: it may have been a code that is valid once. Never rejects; no promise where nobody is asked.
 */
export function enforce (
  assessment: CompletedAssessment, raw: RawRequest
): Rejection | undefined | Promise<Rejection | undefined> {
  const again = assessAgain(assessment)
  return again === undefined ? enforceDecision(assessment, raw) : again.then(() => enforceDecision(assessment, raw))
}

function enforceDecision (
  assessment: CompletedAssessment, raw: RawRequest
): Rejection | undefined | Promise<Rejection | undefined> {
  const error = rejectionOf(assessment, raw)
  const outcome = outcomeOf(assessment)
  if (outcome !== undefined) publish(assessment, outcome)
  if (error !== undefined) return { error }
  if (assessment.outcome === 'satisfied' || outcomeOf(assessment) !== undefined) return undefined
  return challenged(assessment, raw)
}

/** Asks whether the visitor has authenticated strongly enough, and publishes the outcome. Never rejects. */
async function challenged (assessment: CompletedAssessment, raw: RawRequest): Promise<Rejection | undefined> {
  const { request, context: { scope, route: { timeoutMs }, log } } = assessment
  const { isSatisfied, challenge, failing } = scope.stepUp!
  let satisfied = false
  try {
    const answer: unknown = await within(timeoutMs, isSatisfied(request))
    failing.recovered()
    satisfied = answer === true
  } catch (err) {
    if (failing.failed()) {
      log.error({ code: 'IP_RISK_STEP_UP_FAILED', err }, 'stepUp.isSatisfied failed or did not settle in time, which ' +
        'counts as "no", so visitors are challenged: fix the function, or what it asks')
    }
  }
  const gone = rejectionOf(assessment, raw)
  if (gone !== undefined) return { error: gone }
  publish(assessment, satisfied ? 'satisfied' : 'challenged')
  if (satisfied) learnFrom(assessment, CONFIRMED).catch(() => {}) // the circuit breaker of Redis has logged it
  return satisfied ? undefined : { error: new StepUpRequired(), challenge }
}

/** Engines whose log has the warning. */
const warned = { stepUp: new WeakSet<Engine>(), slow: new WeakSet<Engine>() }

/** Warns, once for each engine, of what a marked route demands and the options do not give. */
export function warnOfRoute (
  engine: Engine, scope: PluginScope, route: RoutePolicy, methods: readonly string[]
): void {
  if (!route.marked) return
  warnOfMissingStepUp(engine, scope, route, methods)
  if (route.lookup !== 'wait' || !engine.providerName.includes(SLOW_PROVIDER) || warned.slow.has(engine)) return
  warned.slow.add(engine)
  engine.log.warn({ code: 'IP_RISK_PROVIDER_SLOW' }, 'a route waits for GetIPIntel with flags "f", which takes up to ' +
    'five seconds: give the route lookup "background", or leave the flags out')
}

/** The name of `getipintel({ flags: 'f' })`, alone or in the name of a composite. */
const SLOW_PROVIDER = 'getipintel/f'

/** The route can decide `step_up_auth`, and nothing would challenge the visitor. */
function warnOfMissingStepUp (
  engine: Engine, { stepUp }: PluginScope, route: RoutePolicy, methods: readonly string[]
): void {
  const monitored = route.mode === 'monitor' && route.share === undefined
  if (stepUp !== undefined || monitored || warned.stepUp.has(engine)) return
  if (!methods.some(method => canStepUp(route.policy, isWrite(route, method)))) return
  warned.stepUp.add(engine)
  engine.log.warn({ code: 'IP_RISK_STEP_UP_MISSING' }, 'the policy can decide "step_up_auth", which is reported but ' +
    'not enforced: give the option "stepUp"')
}

/** Of a route whose option was right at boot: it keeps what it was, or it would let visitors pass whom it stopped. */
export const optionContradicts: string = 'a route has an option that contradicts the last update(), and is judged as ' +
  'before it: change one of the two'
