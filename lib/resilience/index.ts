export { watchLateness } from './health.ts'
export { createPipelines, type ProviderPipelines } from './pipelines.ts'
