import t, { type Test } from 'tap'
import { metrics as globalMetrics, type MeterProvider as ApiMeterProvider } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import Fastify, { type FastifyInstance } from 'fastify'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk from '../lib/index.ts'
import { ipRiskTelemetry, type IpRiskTelemetryOptions } from '../lib/telemetry/otel.ts'
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

async function application (t: Test, options: IpRiskTelemetryOptions = {}): Promise<{ app: FastifyInstance, warnings: string[] }> {
  const warnings: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { warnings.push(JSON.parse(line).code) } } } })
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
  t.strictSame(warnings, ['IP_RISK_TELEMETRY_NOOP'])
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
