import type { CompositeStats, ProviderStats } from '../../types/contract.ts'
import type { Labels, Metric, Sample } from './metric.ts'

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
