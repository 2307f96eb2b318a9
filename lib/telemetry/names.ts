import { type DurationMetric, type Labels, type Metric, namespace } from './metric.ts'

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
