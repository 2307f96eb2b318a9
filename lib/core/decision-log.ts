import { type Channel, channel } from 'node:diagnostics_channel'
import type {
  DecisionRecord, IpRiskLogger, LookupMode, LookupRecord, Outcome
} from '../../types/contract.ts'
import { type ShowAddress, withoutAddress } from '../ip/index.ts'
import { stops } from '../policy/index.ts'
import type { LookupResult } from '../verdict/index.ts'
import type { Assessment, CompletedAssessment } from './assessment.ts'
import type { AssessmentContext, Decided, Time } from './context.ts'
import type { Engine } from './engine.ts'
import { wouldBeOf } from './request-counts.ts'

const decisionChannel = channel('fastify-ip-risk:decision')
export const lookupChannel: Channel = channel('fastify-ip-risk:lookup')

/**
 * What comes of an assessed request. Undefined where a step-up is demanded or the familiarity is not known yet: then
 * its outcome is known later.
 */
export function outcomeOf (assessment: CompletedAssessment): Outcome | undefined {
  const { gone, decision, context: { route, scope } } = assessment
  if (gone) return 'client_gone'
  if (assessment.awaitsFamiliarity) return undefined
  if (decision === 'allow') return 'allowed'
  if (decision === 'elevate_risk') return 'flagged'
  if (!route.marked || route.mode === 'monitor') return 'not_enforced'
  if (decision === 'block') return 'blocked'
  return scope.stepUp === undefined ? 'not_enforced' : undefined
}

/**
 * Keeps the time of a decision whose outcome, and so its record, comes later. Memory answers without waiting, so there
 * the clock is not read again.
 */
export function postpone (assessment: CompletedAssessment): void {
  const { engine, result, startedAtMs } = assessment
  assessment.time = timeOf(assessment, result.cache === 'memory' ? startedAtMs : engine.now())
}

export function isPostponed ({ time }: CompletedAssessment): boolean {
  return time !== undefined
}

/** Whether somebody may read how long this request took: its clock costs as much as three reads of memory. */
export function isTimed ({ observers }: Engine, { scope, log }: AssessmentContext): boolean {
  return scope.onDecision !== undefined || observers.timesDecisions || decisionChannel.hasSubscribers ||
    writes(log, 'info')
}

/** To the millisecond where nobody was there to read it when the request began. */
export function timeOf ({ startedMs, startedAtMs }: Pick<Assessment, 'startedMs' | 'startedAtMs'>, atMs: number): Time {
  return { durationMs: startedMs === undefined ? Math.max(0, atMs - startedAtMs) : performance.now() - startedMs, atMs }
}

/**
 * Counts a request and publishes its record to `onDecision`, the channel and the log. Only the first call for a request
 * counts. Builds no record where nothing listens. Never throws.
 */
export function publish (assessment: CompletedAssessment, outcome: Outcome): void {
  if (assessment.outcome !== undefined) return
  assessment.outcome = outcome
  const { engine, context, request } = assessment
  engine.count(assessment, context, outcome)
  const { scope: { onDecision, recordAddress, logAddress }, log } = context
  const level = isNotable(outcome, assessment) ? 'info' : 'debug'
  const logs = writes(log, level)
  engine.observers.decision?.(assessment)
  if (!logs && onDecision === undefined && !decisionChannel.hasSubscribers) return
  const { risk } = assessment
  const decided = { risk, context, outcome, time: assessment.time ?? timeOf(assessment, engine.now()) }
  const record = recordOf(decided, recordAddress.show)
  if (logs) {
    const line = logAddress.how === recordAddress.how ? record : recordOf(decided, logAddress.show)
    log[level]({ ipRisk: line }, `ip-risk decision ${risk.decision}, outcome ${outcome}`)
  }
  if (decisionChannel.hasSubscribers) decisionChannel.publish(record)
  onDecision?.(record, request, log)
}

/**
 * For a request whose response closed while its decision was postponed. In monitor mode the handler may run although
 * the client is gone: while the familiarity is not known yet, the record waits for it.
 */
export function publishClosed (assessment: CompletedAssessment, isAnswered: boolean): void {
  if (isAnswered) publish(assessment, 'not_reached')
  else if (!assessment.awaitsFamiliarity || assessment.context.route.mode !== 'monitor') {
    publish(assessment, 'client_gone')
  }
}

/** What stopped a visitor, or would have if it had been enforced: an operator wants to see it without `debug`. */
function isNotable (outcome: Outcome, assessment: CompletedAssessment): boolean {
  switch (outcome) {
    case 'blocked': case 'challenged': case 'satisfied': return true
    case 'not_enforced': return stops(wouldBeOf(assessment, assessment.context))
    default: return false
  }
}

/** Whether a line of this level would be written. */
function writes (
  log: IpRiskLogger & { isLevelEnabled?: (level: string) => boolean }, level: 'info' | 'debug'
): boolean {
  if (typeof log.isLevelEnabled === 'function') return log.isLevelEnabled(level)
  // With `logger: false` Fastify has one function that does nothing for all levels.
  return (level === 'info' ? log.info : log.debug) !== log.error
}

/** The record that a listener gets, with the address as `show` says. */
export function recordOf ({ risk, context, outcome, time }: Decided, show: ShowAddress): DecisionRecord {
  const { route, method, url, requestId } = context
  const { durationMs, atMs } = time
  const { ip, ...rest } = risk
  const address = show(ip)
  return Object.freeze({
    ...rest,
    signals: withoutAddress(risk.signals, ip, address),
    info: withoutAddress(risk.info, ip, address),
    address,
    outcome,
    requestId,
    method,
    route: url,
    wouldBe: wouldBeOf(risk, context),
    mode: route.mode,
    durationMs,
    at: new Date(atMs).toISOString()
  })
}

export interface Asked {
  readonly write: boolean
  readonly lookup: LookupMode
  readonly showAddress: ShowAddress
  readonly startedMs: number
  readonly nowMs: number
}

/** Only for a caller that has seen `lookupChannel.hasSubscribers`. */
export function publishLookup (ip: string, { answer, provider, cache }: LookupResult, asked: Asked): void {
  const { write, lookup, showAddress, startedMs, nowMs } = asked
  const known = answer.verdict !== 'unknown'
  lookupChannel.publish(Object.freeze({
    address: showAddress(ip),
    verdict: answer.verdict,
    ...!known && { reason: answer.reason },
    score: known ? answer.score : null,
    categories: known ? answer.categories : [],
    provider,
    cache,
    write,
    lookup,
    durationMs: performance.now() - startedMs,
    at: new Date(nowMs).toISOString()
  } satisfies LookupRecord))
}
