/** @ts-ignore -- an optional peer: without it, these types are `any` */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { IpRiskApi } from '../../types/api.ts'
import type { Stats } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkObject } from '../util/index.ts'
import { createHistogram, durationObserver } from './durations.ts'
import { durations, metrics } from './metrics.ts'
import { prometheusDurationName, prometheusLabels, prometheusName } from './metric.ts'
import { targetOf } from './target.ts'

/** One series of a metric, as a registry of prom-client reads it. */
export interface MetricValue {
  /** The number, in the unit that ends the metric's name. */
  readonly value: number
  /** Label names and values; empty where the metric has no labels. */
  readonly labels: Readonly<Record<string, string | number>>
  /** Of a histogram: with its suffix. */
  readonly metricName?: string | undefined
}

/** A metric as a registry of prom-client, @prometheus-io/client or @platformatic/prom-client takes it. */
export interface RegistryMetric {
  /** Name in Prometheus, unit included. */
  readonly name: string
  /** One sentence, the `# HELP` line. */
  readonly help: string
  /** The `# TYPE` line. */
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How prom-client adds up the workers of a Node cluster. */
  readonly aggregator: 'sum'
  /** Reads the metric as it is now. Called by the registry when it is collected. */
  get (): Promise<{
    /** As of the metric. */
    readonly name: string
    /** As of the metric. */
    readonly help: string
    /** As of the metric. */
    readonly type: 'counter' | 'gauge' | 'histogram'
    /** As of the metric. */
    readonly aggregator: 'sum'
    /** One entry for each series. */
    readonly values: readonly MetricValue[]
  }>
  /** Does nothing: the counters belong to the plugin. */
  reset (): void
}

/** The part of a registry that is used here. */
export interface MetricRegistry {
  /** Adds a metric, which is a `RegistryMetric`. Typed `never` so that the registry of every such library fits. */
  registerMetric (metric: never): void
  /** Removes the metric of this name. */
  removeSingleMetric (name: string): void
}

/** The metrics of one engine: as text, or in registries. */
export interface IpRiskMetrics {
  /** Every metric in the Prometheus text format, version 0.0.4, for a route of your own. */
  text (): Promise<string>
  /**
   * Registers every metric. Its values are read when the registry is collected.
   *
   * @throws {IpRiskError} `FST_IP_RISK_BAD_OPTION` where the registry refuses one, because it has that name already.
   * Then none is registered.
   */
  register (registry: MetricRegistry): void
  /** Removes what was registered, and records nothing any more. */
  close (): void
}

/**
 * The metrics of one plugin scope's engine for Prometheus, without OpenTelemetry. `api` is `app.ipRisk`, or what
 * `createIpRisk` returned. Register them once for an engine; scopes that share one share its numbers.
 *
 * @example
 * const metrics = ipRiskMetrics(app.ipRisk)
 * metrics.register(register) // a registry of prom-client
 * @throws {IpRiskError} `FST_IP_RISK_BAD_OPTION` where `api` is something else.
 */
export function ipRiskMetrics (api: IpRiskApi): IpRiskMetrics {
  const { engine } = targetOf(api, 'api')
  const histograms = Object.fromEntries(Object.entries(durations).map(([what, { buckets }]) =>
    [what, createHistogram(buckets)])) as Record<keyof typeof durations, ReturnType<typeof createHistogram>>
  const remove = engine.observers.add(durationObserver((what, seconds, labels) =>
    histograms[what].record(seconds, prometheusLabels(labels))))
  const registered: { readonly registry: MetricRegistry, readonly name: string }[] = []
  let collected: Stats | undefined

  /** One reading for all metrics of a collection, which a registry asks for in one turn. */
  function stats (): Stats {
    if (collected === undefined) {
      collected = engine.stats()
      queueMicrotask(() => { collected = undefined })
    }
    return collected
  }

  const all: readonly RegistryMetric[] = [
    ...metrics.map(metric => {
      const type = metric.kind === 'counter' ? 'counter' : 'gauge'
      return registryMetric(prometheusName(metric), metric.help, type, () => metric.read(stats())
        .map(([value, labels]) => ({ value, labels: prometheusLabels(labels) })))
    }),
    ...(Object.keys(durations) as (keyof typeof durations)[]).map(what => {
      const name = prometheusDurationName(durations[what])
      return registryMetric(name, durations[what].help, 'histogram', () => histograms[what].values(name))
    })
  ]

  return {
    async text () {
      return (await Promise.all(all.map(metric => metric.get()))).map(textOf).join('')
    },
    register (registry) {
      const added: { readonly registry: MetricRegistry, readonly name: string }[] = []
      for (const metric of all) {
        try {
          registry.registerMetric(metric as never)
        } catch (err) {
          for (const { name } of added) registry.removeSingleMetric(name)
          throw badOption('registry', `refused the metric ${metric.name}, so none is registered: register the ` +
            'metrics of an engine once, and give each engine a registry of its own', err)
        }
        added.push({ registry, name: metric.name })
      }
      registered.push(...added)
    },
    close () {
      remove()
      for (const { registry, name } of registered.splice(0)) registry.removeSingleMetric(name)
    }
  }
}

function registryMetric (
  name: string, help: string, type: RegistryMetric['type'], values: () => readonly MetricValue[]
): RegistryMetric {
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, aggregator: 'sum', values: values() }),
    reset () {}
  }
}

function textOf ({ name, help, type, values }: Awaited<ReturnType<RegistryMetric['get']>>): string {
  const lines = values.map(({ metricName = name, labels, value }) => {
    const inner = Object.entries(labels).map(([label, text]) => `${label}="${escaped(String(text))}"`).join(',')
    return `${metricName}${inner === '' ? '' : `{${inner}}`} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function escaped (text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

/** The options of `ipRiskPrometheus`. */
export interface IpRiskPrometheusOptions {
  /** The registry, such as `register` of prom-client, or `app.metrics.client.register` of fastify-metrics. */
  readonly registry: MetricRegistry
}

/**
 * A Fastify plugin that registers the metrics of `app.ipRisk` and removes them when the application closes.
 *
 * @example
 * await app.register(ipRiskPrometheus, { registry: register })
 */
export const ipRiskPrometheus: FastifyPluginAsync<IpRiskPrometheusOptions> = fp(
  async function ipRiskPrometheus (app: FastifyInstance, options: IpRiskPrometheusOptions): Promise<void> {
    const { registry } = checkObject<IpRiskPrometheusOptions>('options', { registry: options.registry }, ['registry'])
    if (typeof registry?.registerMetric !== 'function') {
      throw badOption('registry', 'must be a registry of prom-client or of a library like it: pass its "register"')
    }
    const metrics = ipRiskMetrics(app.ipRisk)
    app.addHook('onClose', async () => metrics.close())
    metrics.register(registry)
  },
  { name: 'fastify-ip-risk-prometheus', fastify: '5.x', dependencies: ['fastify-ip-risk'] }
)
export default ipRiskPrometheus
