import type { Stats } from '../../types/contract.ts'

/** Labels of one series, by their short names. */
export type Labels = Readonly<Record<string, string | boolean>>
export type Sample = readonly [value: number, labels: Labels]

/**
 * A metric that is read from the counters when it is collected, so that a request pays for nothing but the counters.
 * `counter` only grows; `updown` is a number that can be added up over processes; `gauge` one that cannot.
 */
export interface Metric {
  /** Without the namespace. */
  readonly name: string
  readonly kind: 'counter' | 'updown' | 'gauge'
  /** As UCUM has it: `s`, `1`, or what is counted, in braces. */
  readonly unit: string
  readonly help: string
  readonly read: (stats: Stats) => readonly Sample[]
}

/** A histogram of seconds, recorded only where the process was left. */
export interface DurationMetric {
  readonly name: string
  readonly help: string
  /** Upper bounds, in seconds. */
  readonly buckets: readonly number[]
}

export const namespace = 'fastify_ip_risk'

/** The attribute of a label. `error_type` is OpenTelemetry's own, which means the same everywhere. */
export function attributeOf (label: string): string {
  return label === 'error_type' ? 'error.type' : `${namespace}.${label === 'provider_name' ? 'provider.name' : label}`
}

const underscored = (name: string): string => name.replaceAll('.', '_')

/** The name in Prometheus: dots become underscores, a counter ends in `_total`, and seconds are named. */
export function prometheusName (metric: Metric): string {
  const unit = metric.unit === 's' ? '_seconds' : ''
  return `${namespace}_${underscored(metric.name)}${unit}${metric.kind === 'counter' ? '_total' : ''}`
}

export function prometheusDurationName ({ name }: DurationMetric): string {
  return `${namespace}_${underscored(name)}_seconds`
}

/** The labels of the OpenTelemetry exporter, so that one dashboard serves both. */
export function prometheusLabels (labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) =>
    [label === 'error_type' ? label : `${namespace}_${label}`, String(value)]))
}
