import type { IpRisk, IpRiskLogger, OnRejected, Skip } from '../../types/contract.ts'
import { checkFunction, failureState, isThenable, within } from '../util/index.ts'

/** `skip` as it is called for a request: it never throws, and only `true` skips. */
export type CallSkip = (request: object, log: IpRiskLogger) => boolean
/** What is rejected, as `onRejected` needs it. */
interface Rejected {
  readonly request: object
  readonly risk: IpRisk
  readonly context: { readonly route: { readonly timeoutMs: number }, readonly log: IpRiskLogger }
}
/** `onRejected` as it is called: it never rejects, and settles within the `timeoutMs` of the route. */
export type CallOnRejected = (rejected: Rejected, reply: object) => Promise<void>

export function readSkip (path: string, given: unknown): CallSkip | undefined {
  const skip = checkFunction(path, given as Skip<never> | undefined)
  if (skip === undefined) return undefined
  const failing = failureState()
  const failed = (log: IpRiskLogger, fields: object, what: string): false => {
    if (failing.failed()) {
      log.error({ code: 'IP_RISK_SKIP_FAILED', ...fields }, `the option "skip" ${what}, so nothing is skipped: ` +
        'let it return true or false at once')
    }
    return false
  }
  return (request, log) => {
    try {
      const answer: unknown = skip(request as never)
      if (isThenable(answer)) {
        answer.then(() => {}, () => {}) // its rejection must not end the process
        return failed(log, {}, 'returned a promise')
      }
      failing.recovered()
      return answer === true
    } catch (err) {
      return failed(log, { err }, 'threw')
    }
  }
}

export function readOnRejected (path: string, given: unknown): CallOnRejected | undefined {
  const onRejected = checkFunction(path, given as OnRejected<never, never> | undefined)
  if (onRejected === undefined) return undefined
  const failing = failureState()
  return async ({ request, risk, context: { route: { timeoutMs }, log } }, reply) => {
    try {
      await within(timeoutMs, onRejected(request as never, reply as never, risk))
      failing.recovered()
    } catch (err) {
      if (!failing.failed()) return
      log.error({ code: 'IP_RISK_ON_REJECTED_FAILED', err }, 'the option "onRejected" threw, rejected or did not ' +
        'settle in time, so visitors get the default answer: fix the function')
    }
  }
}
