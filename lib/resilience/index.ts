export { watchLateness } from './health.ts'
export { leavesOf } from './roles.ts'
export { createPipelines, type ProviderPipelines } from './pipelines.ts'
