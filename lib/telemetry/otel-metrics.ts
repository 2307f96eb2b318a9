import type { Attributes, BatchObservableCallback, Histogram, Meter, Observable } from '@opentelemetry/api'
import type { Engine } from '../core/index.ts'
import { durationObserver } from './durations.ts'
import { attributeOf, type Labels, type Metric, namespace } from './metric.ts'
import { durations, metrics } from './metrics.ts'

const creators = {
  counter: 'createObservableCounter', updown: 'createObservableUpDownCounter', gauge: 'createObservableGauge'
} as const satisfies Record<Metric['kind'], keyof Meter>

export function attributesOf (labels: Labels): Attributes {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [attributeOf(label), value]))
}

/** Every metric of the engine. Counters are read when they are collected. The result ends it. */
export function observeMetrics (engine: Engine, meter: Meter): () => void {
  const observables = metrics.map((metric): readonly [Metric, Observable] => {
    const { name, kind, unit, help } = metric
    return [metric, meter[creators[kind]](`${namespace}.${name}`, { unit, description: help })]
  })
  const read: BatchObservableCallback = result => {
    const stats = engine.stats()
    for (const [metric, observable] of observables) {
      for (const [value, labels] of metric.read(stats)) result.observe(observable, value, attributesOf(labels))
    }
  }
  const instruments = observables.map(([, observable]) => observable)
  meter.addBatchObservableCallback(read, instruments)
  const histograms = Object.fromEntries(Object.entries(durations).map(([what, { name, help, buckets }]) =>
    [what, meter.createHistogram(`${namespace}.${name}`, {
      unit: 's', description: help, advice: { explicitBucketBoundaries: [...buckets] }
    })])) as Record<keyof typeof durations, Histogram>
  const remove = engine.observers.add(durationObserver((what, seconds, labels) =>
    histograms[what].record(seconds, attributesOf(labels))))
  return () => {
    remove()
    meter.removeBatchObservableCallback(read, instruments)
  }
}
