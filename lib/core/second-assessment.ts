import { familiarityOf } from './accounts.ts'
import { riskOf } from './assess.ts'
import type { CompletedAssessment } from './assessment.ts'

/**
 * Judges again once it is known whose request it is. Replaces `risk`, and does nothing where no familiarity is awaited.
 * To be called behind the authentication. Never rejects.
 */
export async function assessAgain (judged: CompletedAssessment): Promise<void> {
  if (!judged.awaitsFamiliarity) return
  const familiarity = await familiarityOf(judged)
  if (!judged.awaitsFamiliarity) return // somebody else who waited has done it
  const { engine, address, verdict, context } = judged
  const risk = riskOf(engine.now(), address!, verdict!, context, familiarity)
  Object.assign(judged, { risk, awaitsFamiliarity: false })
}
