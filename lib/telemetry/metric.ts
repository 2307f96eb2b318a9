import type { CompositeStats, ProviderStats, Stats } from '../../types/contract.ts'

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

export const circuitStates: readonly string[] = ['closed', 'open', 'half_open']
export const dataStates: readonly string[] = ['ready', 'loading', 'missing']
export const redisStates: readonly string[] = ['none', 'up', 'degraded', 'down']

/** One sample for each state: 1 for the present one, 0 for the others. */
export function status (states: readonly string[], present: string, labels: Labels = {}): Sample[] {
  return states.map(state => [state === present ? 1 : 0, { ...labels, state }])
}

/** Of a provider that says something of its data. */
export function dataState ({ dataAgeSeconds: age, dataIsLoading, dataIsMissing }: ProviderStats): string | undefined {
  if (dataIsLoading === true) return 'loading'
  return dataIsMissing === true ? 'missing' : age === undefined ? undefined : 'ready'
}

export function eachProvider (
  read: (stats: ProviderStats, labels: Labels) => readonly Sample[]
): Metric['read'] {
  return ({ providers }) => Object.entries(providers).flatMap(([name, stats]) => read(stats, { provider_name: name }))
}

export function eachComposite (
  read: (stats: CompositeStats, labels: Labels) => readonly Sample[]
): Metric['read'] {
  return ({ composites }) =>
    Object.entries(composites).flatMap(([name, stats]) => read(stats, { provider_name: name }))
}

export function counts<Key extends string> (
  stats: { readonly [K in Key]: number } | undefined, label: string, keys: readonly Key[], labels: Labels
): Sample[] {
  if (stats === undefined) return []
  return keys.map(key => [stats[key], { ...labels, [label]: key.replace(/[A-Z]/, '_$&').toLowerCase() }])
}

/** Samples whose labels agree are added up. */
export function sumBy<Row extends { readonly count: number }> (
  rows: readonly Row[], labelsOf: (row: Row) => Labels
): Sample[] {
  const sums = new Map<string, [number, Labels]>()
  for (const row of rows) {
    const labels = labelsOf(row)
    const key = JSON.stringify(labels)
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, [row.count, labels])
    else sum[0] += row.count
  }
  return [...sums.values()]
}

export function quota (which: 'Left' | 'Limit'): Metric['read'] {
  return eachProvider((stats, labels) => (['minute', 'day', 'month'] as const).flatMap(window => {
    const value = stats[`${window}${which}`]
    return value === undefined ? [] : [[value, { ...labels, window }] as const]
  }))
}
