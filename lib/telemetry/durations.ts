import { performance } from 'node:perf_hooks'
import type { Observer } from '../util/index.ts'
import type { Labels } from './metric.ts'
import type { durations } from './metrics.ts'

/** Gets every duration, in seconds. */
type RecordDuration = (what: keyof typeof durations, seconds: number, labels: Labels) => void

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

/** Counts by bucket, as Prometheus has them. */
export interface Histogram {
  record (value: number, labels: Readonly<Record<string, string>>): void
  /** Cumulative buckets, sum and count of each series. */
  values (name: string): HistogramValue[]
}

interface HistogramValue {
  readonly metricName: string
  readonly labels: Record<string, string>
  readonly value: number
}

interface Series { readonly labels: Readonly<Record<string, string>>, readonly counts: number[], sum: number }

/** More series than the closed sets of labels allow; a provider with names that change must not fill the memory. */
const maxSeries = 500

export function createHistogram (buckets: readonly number[]): Histogram {
  const series = new Map<string, Series>()
  return {
    record (value, labels) {
      const key = JSON.stringify(labels)
      let one = series.get(key)
      if (one === undefined) {
        if (series.size >= maxSeries) return
        series.set(key, one = { labels, counts: new Array<number>(buckets.length + 1).fill(0), sum: 0 })
      }
      const place = buckets.findIndex(bound => value <= bound)
      one.counts[place < 0 ? buckets.length : place]!++
      one.sum += value
    },
    values: name => [...series.values()].flatMap(({ labels, counts, sum }) => {
      let total = 0
      const bounds = [...buckets.map(String), '+Inf']
      const cumulative = counts.map((count, i) => {
        total += count
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i]! }, value: total }
      })
      return [
        ...cumulative,
        { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
        { metricName: `${name}_count`, labels: { ...labels }, value: total }
      ]
    })
  }
}
