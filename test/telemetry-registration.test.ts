import t, { type Test } from 'tap'
import { metrics as globalMetrics, type MeterProvider as ApiMeterProvider } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import Fastify from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk from '../lib/index.ts'
import { instrumentIpRisk, ipRiskTelemetry, type IpRiskTelemetryOptions } from '../lib/telemetry/otel.ts'
import { ipRiskMetrics, ipRiskPrometheus } from '../lib/telemetry/prometheus.ts'
import { pinoLog } from './support/log.ts'
import { tableProvider, visitors } from './support/table-provider.ts'

function sdk (t: Test) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  t.teardown(() => meterProvider.shutdown())
  return {
    meterProvider,
    async names (): Promise<string[]> {
      exporter.reset()
      await reader.forceFlush()
      return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) =>
        metrics.filter(({ dataPoints }) => dataPoints.length > 0).map(({ descriptor }) => descriptor.name)))
    }
  }
}

async function application (t: Test, options: IpRiskTelemetryOptions = {}) {
  const { lines: warnings, logger } = pinoLog<{ readonly code: string }>()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: tableProvider({ [visitors.clean]: 'clean' }) })
  await app.register(ipRiskTelemetry, options)
  await app.ipRisk.lookup(visitors.clean)
  return { app, warnings }
}

t.afterEach(() => globalMetrics.disable())

t.test('meters are taken from the global provider at registration: one that is set later is one warning at boot', async t => {
  const early = sdk(t)
  globalMetrics.setGlobalMeterProvider(early.meterProvider)
  t.strictSame((await application(t)).warnings, [])
  t.ok((await early.names()).includes('fastify_ip_risk.lookups'))
  globalMetrics.disable()

  const { warnings } = await application(t)
  const late = sdk(t)
  globalMetrics.setGlobalMeterProvider(late.meterProvider)
  t.strictSame(warnings.map(({ code }) => code), ['IP_RISK_TELEMETRY_NOOP'])
  t.strictSame(await late.names(), [], 'the meter was taken already')
})

t.test('a provider that is given replaces the global one, and is asked for one meter', async t => {
  const [own, global] = [sdk(t), sdk(t)]
  globalMetrics.setGlobalMeterProvider(global.meterProvider)
  let meters = 0
  const meterProvider: ApiMeterProvider = {
    getMeter (...args) {
      meters++
      return own.meterProvider.getMeter(...args)
    }
  }
  await application(t, { meterProvider })
  t.equal(meters, 1)
  t.ok((await own.names()).includes('fastify_ip_risk.lookups'))
  t.strictSame(await global.names(), [])
})

t.test('closing the application removes the callbacks and the observers', async t => {
  const { meterProvider, names } = sdk(t)
  const { app } = await application(t, { meterProvider })
  const { engine } = internalsOf(app.ipRisk)!
  let reads = 0
  const { stats } = engine
  Object.assign(engine, { stats () { reads++; return stats() } })
  await names()
  t.equal(reads, 1)
  t.type(engine.observers.lookup, 'function')
  await app.close()
  await names()
  t.equal(reads, 1, 'the meter does not keep the engine')
  for (const name of ['lookup', 'refresh', 'providerCall', 'redis', 'decision'] as const) t.equal(engine.observers[name], undefined, name)
})

t.test('a second registration of one engine with the same providers is refused, so that no figure doubles', async t => {
  const { meterProvider } = sdk(t)
  const { app } = await application(t, { meterProvider })
  const code = 'FST_IP_RISK_BAD_OPTION'
  t.throws(() => instrumentIpRisk(app.ipRisk, { meterProvider }), { code, message: /"meterProvider" gets the metrics of this engine already/ })
  t.throws(() => instrumentIpRisk(app.ipRisk, { meterProvider: sdk(t).meterProvider }), { code, message: /"tracerProvider".*set spans to false/ })
  t.throws(() => instrumentIpRisk(app.ipRisk, { meterProvider: sdk(t).meterProvider, spans: 1 as never }), { code, message: /"spans"/ })
  const second = sdk(t)
  const stop = instrumentIpRisk(app.ipRisk, { meterProvider: second.meterProvider, spans: false })
  t.ok((await second.names()).includes('fastify_ip_risk.lookups'), 'two exporters are no mistake')
  stop()
  instrumentIpRisk(app.ipRisk, { meterProvider: second.meterProvider, spans: false })()
})

t.test('a registry that refuses one metric keeps none, and may be used once that is over', async t => {
  const { app } = await application(t, { meterProvider: sdk(t).meterProvider })
  const registry = new Registry()
  const clash = new Gauge({ name: 'fastify_ip_risk_redis_status', help: 'of somebody else', registers: [registry] })
  clash.set(7)
  const metrics = ipRiskMetrics(app.ipRisk)
  t.teardown(() => metrics.close())
  t.throws(() => metrics.register(registry), { code: 'FST_IP_RISK_BAD_OPTION', message: /"registry" refused the metric fastify_ip_risk_redis_status/ })
  t.strictSame(registry.getMetricsAsArray().map(({ name }) => name), ['fastify_ip_risk_redis_status'], 'the other one is still there')
  registry.clear()
  metrics.register(registry)
  const registered = registry.getMetricsAsArray().length
  const again = ipRiskMetrics(app.ipRisk)
  t.teardown(() => again.close())
  t.throws(() => again.register(registry), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.equal(registry.getMetricsAsArray().length, registered, 'what was registered before stays')
  await t.rejects(async () => { await app.register(ipRiskPrometheus, { registry }) }, { code: 'FST_IP_RISK_BAD_OPTION' })
})
