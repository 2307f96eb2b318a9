export { categoriesOf, categoryNames, readCategories, readInfo, relayOrWarp } from './categories.ts'
export { answerCheck, causeText, kindOf, validatesAnswers, withoutAddress } from './check-answer.ts'
export { allVerdicts, parseIplogsBody, parseStoredBody, rankOf, toIplogsBody, verdictNames } from './iplogs-body.ts'
export { isObject, type Json, readBoolean, readFraction, readNumber, readOneOf, readText } from './read.ts'
export { failureReasons, isFailure, sharedReasons, unknownReasons } from './reasons.ts'
export {
  answeredBy, answerNames, decidingMembersOf, finalForWrite, heldCause, isComposite, isKnown, isVpnVerdict,
  knownAnswer, type KnownResult, listedResult, type LookupResult, membersOf, notLookedUpResult,
  SETTLED_LATER_MS, unknownAnswer, withCacheState
} from './verdict.ts'
