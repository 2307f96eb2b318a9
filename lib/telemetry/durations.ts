import { performance } from 'node:perf_hooks'
import type { Observer } from '../util/index.ts'
import type { Labels } from './metric.ts'
import type { durations } from './metrics.ts'

/** Gets every duration, in seconds. */
export type RecordDuration = (what: keyof typeof durations, seconds: number, labels: Labels) => void

/** Measures what leaves the process. Labels hold words of closed sets and names of providers, never an address. */
export function durationObserver (record: RecordDuration): Observer<unknown> {
  return {
    async lookup (_, run) {
      const startedMs = performance.now()
      const result = await run()
      const { answer, cache } = result
      record('lookup', secondsSince(startedMs), {
        cache, ...answer.verdict === 'unknown' && { error_type: answer.reason }
      })
      return result
    },
    async providerCall ({ provider }, run) {
      const startedMs = performance.now()
      const answer = await run()
      record('providerCall', secondsSince(startedMs), {
        provider_name: provider, ...answer.verdict === 'unknown' && { error_type: answer.reason }
      })
      return answer
    },
    async providerBulk ({ provider }, run) {
      const startedMs = performance.now()
      const result = await run()
      if (result.abandoned === true) return result // nobody knows how long the run would have taken
      record('providerBulk', secondsSince(startedMs), {
        provider_name: provider, ...result.error !== undefined && { error_type: result.error }
      })
      return result
    },
    redis (operation, durationMs, error) {
      record('redis', durationMs / 1000, { operation, ...error !== undefined && { error_type: error } })
    }
  }
}

function secondsSince (startedMs: number): number {
  return (performance.now() - startedMs) / 1000
}
