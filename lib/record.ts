import { type Channel, channel } from 'node:diagnostics_channel'
import type { Decision, DecisionRecord, IpRisk, IpRiskLogger, LookupMode, LookupRecord } from '../types/contract.ts'
import type { Place } from './assess.ts'
import { type ShowAddress, withoutAddress } from './log-address.ts'
import type { Scope } from './scope.ts'
import type { Verdict } from './verdict/verdict.ts'

const decisionChannel = channel('fastify-ip-risk:decision')
export const lookupChannel: Channel = channel('fastify-ip-risk:lookup')

/** Tells whoever asked to be told: `onDecision`, subscribers, the log. Builds nothing when that is nobody. Never throws. */
export function record (risk: IpRisk, place: Place, startedMs: number, now: () => number): void {
  const { scope: { onDecision }, log } = place
  const level = risk.enforced ? 'info' : 'debug'
  const logs = writes(log, level)
  if (!logs && onDecision === undefined && !decisionChannel.hasSubscribers) return
  const told = decisionRecord(risk, place, performance.now() - startedMs, now())
  if (logs) log[level]({ ipRisk: told }, `ip-risk decided ${risk.decision}${risk.enforced ? '' : ', not enforced'}`)
  if (decisionChannel.hasSubscribers) decisionChannel.publish(told)
  onDecision?.(told, log)
}

/** Whether a line of this level would be written. */
function writes (log: IpRiskLogger & { isLevelEnabled?: (level: string) => boolean }, level: 'info' | 'debug'): boolean {
  if (typeof log.isLevelEnabled === 'function') return log.isLevelEnabled(level)
  return log[level] !== log.error // with `logger: false` Fastify has one function that does nothing for all levels
}

function decisionRecord (risk: IpRisk, { scope, plan, method, url, requestId }: Place, durationMs: number, nowMs: number): DecisionRecord {
  const { ip, ...rest } = risk
  const address = scope.showAddress(ip)
  return Object.freeze({
    ...rest,
    signals: withoutAddress(risk.signals, ip, address),
    info: withoutAddress(risk.info, ip, address),
    address,
    requestId,
    method,
    route: url,
    wouldBe: plan.marked ? wouldBe(risk.decision, scope) : 'allow',
    mode: plan.mode,
    durationMs,
    at: new Date(nowMs).toISOString()
  })
}

function wouldBe (decision: Decision, { stepUp }: Scope): Decision {
  return decision === 'step_up_auth' && stepUp === undefined ? 'elevate_risk' : decision
}

/** `onDecision` as the record calls it. */
export type Tell = (record: DecisionRecord, log: IpRiskLogger) => void

/** What `onDecision` becomes: never throws, never rejects, and says once a failure what failed. */
export function guarded (onDecision: (record: DecisionRecord) => unknown): Tell {
  let failing = false
  const failed = (err: unknown, log: IpRiskLogger): void => {
    if (!failing) log.error({ err }, 'onDecision failed; this is said again after it has succeeded once')
    failing = true
  }
  return (record, log) => {
    try {
      const result = onDecision(record)
      if (isThenable(result)) result.then(() => { failing = false }, err => failed(err, log))
      else failing = false
    } catch (err) {
      failed(err, log)
    }
  }
}

function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

export interface Asked {
  readonly write: boolean
  readonly lookup: LookupMode
  readonly showAddress: ShowAddress
  readonly startedMs: number
  readonly nowMs: number
}

/** Only for a caller that has seen `lookupChannel.hasSubscribers`. */
export function publishLookup (ip: string, { answer, provider, cache }: Verdict, asked: Asked): void {
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
