export { watchLateness } from './health.ts'
export { type ProviderPipelines, createPipelines } from './pipelines.ts'
