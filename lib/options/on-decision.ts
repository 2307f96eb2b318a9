import type { DecisionRecord, IpRiskLogger, OnDecision } from '../../types/contract.ts'
import { failureState } from '../util/index.ts'

/** `onDecision` as `publish` calls it. */
export type CallOnDecision = (record: DecisionRecord, request: unknown, log: IpRiskLogger) => void

/** An `onDecision` that never throws or rejects. While it keeps failing, that is logged once. */
export function withoutThrowing (onDecision: OnDecision<never>): CallOnDecision {
  const failing = failureState()
  const failed = (err: unknown, log: IpRiskLogger): void => {
    if (!failing.failed()) return
    log.error({ code: 'IP_RISK_ON_DECISION_FAILED', err }, 'the option "onDecision" threw or rejected, so decision records ' +
      'are lost: fix the function, or what it writes to. Logged again only after it has worked for a minute')
  }
  return (record, request, log) => {
    try {
      const result = onDecision(record, request as never)
      if (isThenable(result)) result.then(() => { failing.recovered() }, err => failed(err, log))
      else failing.recovered()
    } catch (err) {
      failed(err, log)
    }
  }
}

function isThenable (value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
