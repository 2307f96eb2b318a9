export { type AddressLists, noLists, readLists } from './address-lists.ts'
export {
  applyPolicy, basePolicy, canStepUp, type CompiledPolicy, compilePolicy, decide, decideByTable, type ListedBy,
  type PolicyDecision
} from './policy.ts'
export { decisions, harder, stops } from './decisions.ts'
export { applyRules, asnOf, compileRules, type Rules } from './rules.ts'
export { readStepUp, type StepUpSettings } from './step-up.ts'
export { defaultPolicy, failClosed } from './table.ts'
export { shareOfAddresses } from './share.ts'
export {
  createExceptions, describe, type ExceptionEntry, type Exceptions, isName, MAX_ALLOW_MS, MAX_NOTE_LENGTH, nameOf,
  readNetwork, type Statement
} from './exceptions.ts'
