export { consensus, type ConsensusOptions } from './consensus.ts'
export { escalate, type EscalateOptions, type EscalationRule } from './escalate.ts'
export { fallback, type FallbackOptions } from './fallback.ts'
export { shadow, type ShadowOptions } from './shadow.ts'
