import type { IpRiskLogger, RawRequest } from '../../types/contract.ts'
import { failureState, isThenable } from '../util/index.ts'

/** The text that `clientIp.select` gives for a request; undefined where it gives none, throws, or returns a promise. */
export function selector (
  select: ((request: RawRequest) => unknown) | undefined, log: Pick<IpRiskLogger, 'warn'> | undefined
): ((request: RawRequest) => string | undefined) | undefined {
  if (select === undefined) return undefined
  const failing = failureState()
  const failed = (fields: object, problem: string): undefined => {
    if (failing.failed()) {
      log?.warn({ code: 'IP_RISK_SELECT_FAILED', ...fields }, `clientIp.select ${problem}, so the other options of ` +
        'clientIp decide: let it return an address or undefined at once')
    }
    return undefined
  }
  return request => {
    try {
      const answer: unknown = select(request)
      if (answer === undefined || answer === null || typeof answer === 'string') return answer ?? undefined
      if (isThenable(answer)) answer.then(undefined, () => {}) // its failure must not end the process
      return failed({}, `returned ${isThenable(answer) ? 'a promise' : 'no text'}`)
    } catch (err) {
      return failed({ err }, 'threw')
    }
  }
}
