import type { Familiarity } from '../../types/contract.ts'
import { familiarityOf } from './accounts.ts'
import { riskOf } from './assess.ts'
import type { Assessment, CompletedAssessment } from './assessment.ts'

/**
 * Judges again once it is known whose request it is. Replaces `risk`, and does nothing where no familiarity is awaited.
 * To be called behind the authentication. Never rejects; no promise where nothing has to be waited for.
 */
export function assessAgain (judged: CompletedAssessment): Promise<void> | undefined {
  if (!judged.awaitsFamiliarity) return undefined
  if (judged.again !== undefined) return judged.again
  const familiarity = familiarityOf(judged)
  if (familiarity instanceof Promise) judged.again = familiarity.then(found => replace(judged, found))
  else replace(judged, familiarity)
  return judged.again
}

function replace (judged: CompletedAssessment, familiarity: Familiarity): void {
  const current: Assessment = judged
  // By the time at which the request came: another look at the clock costs as much as the policy.
  current.risk = riskOf(judged.startedAtMs, judged.address!, judged.verdict!, judged.context, familiarity)
  current.awaitsFamiliarity = false
}
