export { categoriesOf, categoryNames, readInfo, relayOrWarp } from './categories.ts'
export { causeText, checkAnswer, kindOf, withoutAddress } from './check-answer.ts'
export { parseIplogsBody, parseStoredBody, toIplogsBody, verdictNames } from './iplogs-body.ts'
export { isObject, type Json, readBoolean, readFraction, readNumber, readOneOf, readText } from './read.ts'
export {
  answeredBy, heldCause, isKnown, isVpnVerdict, knownAnswer, type KnownResult, listedResult, type LookupResult,
  notLookedUpResult, SETTLED_LATER_MS, unknownAnswer, withCacheState
} from './verdict.ts'
