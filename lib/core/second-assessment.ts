import type { Familiarity } from '../../types/contract.ts'
import { familiarityOf } from './accounts.ts'
import { riskOf } from './assess.ts'
import type { CompletedAssessment } from './assessment.ts'

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
  const { engine, address, verdict, context } = judged
  const risk = riskOf(engine.now(), address!, verdict!, context, familiarity)
  Object.assign(judged, { risk, awaitsFamiliarity: false })
}
