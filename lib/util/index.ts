export { ageText, counted } from './age-text.ts'
export {
  deadline, type Deadline, deferred, eachConcurrently, isThenable, type RedisBudget, redisBudget, TooLate, waitAtMost,
  within
} from './async.ts'
export { compareRow, upperBound, upperBoundOfRows } from './binary-search.ts'
export { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts'
export { lockFile, type FileLock } from './file-lock.ts'
export {
  createObservers, type ObservedBulk, type ObservedBulkResult, type ObservedCall, type ObservedResult,
  type Observer, type Observers
} from './observers.ts'
export {
  checkBoolean, checkFunction, checkNumber, checkObject, checkOneOf, checkString, checkStrings, flag, func,
  int, oneOf, optional, type OptionReader, type OptionsOf, readObject, real, shown, type Specification, text, unread
} from './options.ts'
export {
  bar, type Column, html, type Html, page, table, type TimeChart, timeChart, trusted
} from './html.ts'
export { replaceFile } from './replace-file.ts'
export { derivedKey, seal, unseal } from './sealed-text.ts'
export { failureState, type FailureState } from './state-log.ts'
export { version } from './version.ts'
