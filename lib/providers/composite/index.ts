export { consensus, type ConsensusOptions } from './consensus.ts'
export { fallback, type FallbackOptions } from './fallback.ts'
