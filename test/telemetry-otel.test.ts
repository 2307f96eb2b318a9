import t, { type Test } from 'tap'
import { context, type MeterProvider as ApiMeterProvider, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import Fastify from 'fastify'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk, { createIpRisk, type Provider } from '../lib/index.ts'
import { instrumentIpRisk, ipRiskTelemetry } from '../lib/telemetry/otel.ts'
import { metrics as table } from '../lib/telemetry/metrics.ts'
import { memoryLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

interface Point { readonly attributes: Record<string, unknown>, readonly value: unknown }

function sdk (t: Test) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
  const manager = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(manager)
  t.teardown(async () => {
    context.disable()
    await meterProvider.shutdown()
    await tracerProvider.shutdown()
  })
  return {
    meterProvider,
    tracerProvider,
    spans: () => spanExporter.getFinishedSpans(),
    async collect (): Promise<Map<string, Point[]>> {
      exporter.reset()
      await reader.forceFlush()
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints as unknown as Point[]]))
    }
  }
}

const providersOf = ({ meterProvider, tracerProvider }: ReturnType<typeof sdk>) => ({ meterProvider, tracerProvider })

function slowly (provider: Provider): Provider {
  return { ...provider, async lookup (ip, context) { return await provider.lookup(ip, context) } }
}

async function application (t: Test, otel: ReturnType<typeof sdk>) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: slowly(visitorProvider()) })
  await app.register(ipRiskTelemetry, { meterProvider: otel.meterProvider, tracerProvider: otel.tracerProvider })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({}))
  const tracer = otel.tracerProvider.getTracer('the application')
  return {
    app,
    async ask (remoteAddress: string): Promise<number> {
      return await tracer.startActiveSpan('POST /signup', async span => {
        const { statusCode } = await app.inject({ method: 'POST', url: '/signup', remoteAddress })
        span.end()
        return statusCode
      })
    }
  }
}

t.test('metrics are read from the counters, with the attributes of the table', async t => {
  const otel = sdk(t)
  const { app, ask } = await application(t, otel)
  t.equal(await ask(visitors.vpn_detected), 403)
  await ask(visitors.vpn_detected)
  await ask(visitors.clean)
  const points = await otel.collect()
  t.match(points.get('fastify_ip_risk.outcomes'), [
    { attributes: { 'fastify_ip_risk.outcome': 'allowed', 'fastify_ip_risk.action': 'signup' }, value: 1 },
    { attributes: { 'fastify_ip_risk.outcome': 'blocked', 'fastify_ip_risk.action': 'signup' }, value: 2 }
  ])
  t.match(points.get('fastify_ip_risk.decisions')!.at(-1), {
    attributes: {
      'fastify_ip_risk.decision': 'block',
      'fastify_ip_risk.verdict': 'vpn_detected',
      'fastify_ip_risk.mode': 'enforce',
      'fastify_ip_risk.write': true
    },
    value: 2
  })
  const [waited] = points.get('fastify_ip_risk.lookup.duration')!
  t.match(waited, { attributes: { 'fastify_ip_risk.cache': 'miss' }, value: { count: 2 } }, 'the memory hit did not wait')
  t.match(points.get('fastify_ip_risk.provider.call.duration'), [{ value: { count: 2 } }])
  const lookups = points.get('fastify_ip_risk.lookups')!
  const sum = lookups.reduce((sum, { value }) => sum + (value as number), 0)
  const { lookups: counted } = app.ipRisk.stats()
  t.equal(sum, Object.values(counted).reduce((a, b) => a + b))
  const names = [...points.keys()].filter(name => name.startsWith('fastify_ip_risk.'))
  for (const name of names) {
    t.ok([...table.map(({ name }) => name), 'lookup.duration', 'provider.call.duration'].includes(name.slice(16)), name)
  }
})

t.test('spans surround what waits, and no span is made on a memory hit', async t => {
  const otel = sdk(t)
  const { ask } = await application(t, otel)
  await ask(visitors.vpn_detected)
  const [call, lookup, server] = otel.spans()
  t.match(call, { name: 'ip_risk.provider.call', attributes: { 'fastify_ip_risk.verdict': 'vpn_detected' } })
  t.match(lookup, { name: 'ip_risk.lookup', attributes: { 'fastify_ip_risk.cache': 'miss' } })
  t.equal(call!.parentSpanContext!.spanId, lookup!.spanContext().spanId)
  t.equal(lookup!.parentSpanContext!.spanId, server!.spanContext().spanId)
  t.match(server!.events, [{
    name: 'fastify_ip_risk.decision',
    attributes: {
      'security_rule.ruleset.name': 'fastify-ip-risk',
      'security_rule.name': 'write.vpn_detected',
      'fastify_ip_risk.outcome': 'blocked'
    }
  }])
  await ask(visitors.vpn_detected)
  t.strictSame(otel.spans().slice(3).map(({ name }) => name), ['POST /signup'])
  await ask(visitors.clean)
  const allowed = otel.spans().at(-1)!
  t.strictSame(allowed.events, [], 'an allow is no event')
  t.match(allowed.attributes, {
    'fastify_ip_risk.verdict': 'clean', 'fastify_ip_risk.decision': 'allow', 'fastify_ip_risk.outcome': 'allowed'
  })
})

t.test('a service that answers nonsense is an error of the span; a timeout is not', async t => {
  const otel = sdk(t)
  for (const [reason, code] of [['bad_response', 2], ['timeout', 0], ['no_data', 0]] as const) {
    const provider: Provider = { name: reason, lookup: async () => ({ verdict: 'unknown', reason }) }
    const engine = createIpRisk({ provider, log: memoryLog() })
    const stop = instrumentIpRisk(engine, providersOf(otel))
    await engine.lookup('198.51.100.1')
    const span = otel.spans().findLast(({ name }) => name === 'ip_risk.provider.call')!
    t.equal(span.status.code, code, reason)
    t.equal(span.attributes['error.type'], reason === 'no_data' ? undefined : reason)
    stop()
    await engine.close()
  }
})

t.test('nothing that is collected or traced holds an address, a key or a contact, or a thousand actions', async t => {
  const otel = sdk(t)
  const names = Array.from({ length: 1000 }, (_, i) => `action${i}`)
  const provider = slowly({ ...visitorProvider(), name: 'named' })
  const cache = { keySecret: 'sixteen characters' }
  const engine = createIpRisk({ provider, actions: { write: names as never[] }, cache, log: memoryLog() })
  t.teardown(() => engine.close())
  instrumentIpRisk(engine, providersOf(otel))
  const tracer = otel.tracerProvider.getTracer('the application')
  const used: string[] = []
  for (const [i, name] of names.entries()) {
    const ip = `198.51.${i >> 8}.${i & 255}`
    used.push(ip)
    await tracer.startActiveSpan('request', async span => {
      const request = { socket: { remoteAddress: ip }, headers: { 'x-forwarded-for': ip }, method: 'POST' }
      await engine.assess(request, name as never)
      span.end()
    })
  }
  const points = await otel.collect()
  const spans = otel.spans().map(({ name, attributes, events }) => [name, attributes, events])
  const text = JSON.stringify([[...points], spans])
  for (const ip of used) if (text.includes(ip)) t.fail(`${ip} is in what was collected`)
  t.notMatch(text, /sixteen characters|overflow|\d+\.\d+\.\d+\.\d+/)
  t.ok([...points.values()].every(series => series.length < 2000))
  const actions = points.get('fastify_ip_risk.outcomes')!.map(({ attributes }) => attributes['fastify_ip_risk.action'])
  t.equal(new Set(actions).size, 33)
})

t.test('once it has ended, nothing is read or recorded any more', async t => {
  const otel = sdk(t)
  const engine = createIpRisk({ provider: slowly(visitorProvider()), log: memoryLog() })
  t.teardown(() => engine.close())
  const stop = instrumentIpRisk(engine, providersOf(otel))
  const check = async (): Promise<unknown> =>
    await engine.assess({ socket: { remoteAddress: visitors.clean }, headers: {}, method: 'POST' }, 'signup')
  await check()
  t.match((await otel.collect()).get('fastify_ip_risk.outcomes'), [{ value: 1 }])
  const spans = otel.spans().length
  stop()
  await check()
  await engine.lookup(visitors.vpn_detected)
  t.match((await otel.collect()).get('fastify_ip_risk.outcomes') ?? [{ value: 1 }], [{ value: 1 }])
  t.equal(otel.spans().length, spans)
  t.equal(internalsOf(engine)!.engine.observers.lookup, undefined)
})

t.test('a provider of meters that does nothing is one warning at boot, and spans can be left out', async t => {
  const log = memoryLog()
  const engine = createIpRisk({ provider: slowly(visitorProvider()), log })
  t.teardown(() => engine.close())
  const otel = sdk(t)
  instrumentIpRisk(engine, { tracerProvider: otel.tracerProvider, spans: false })
  t.match(log.text(), /IP_RISK_TELEMETRY_NOOP/)
  await engine.lookup(visitors.clean)
  t.strictSame(otel.spans(), [])
  t.throws(() => instrumentIpRisk(engine, { meterProvider: {} as ApiMeterProvider }), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.throws(() => instrumentIpRisk(engine, { tracerProvider: {} as never }), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.throws(() => instrumentIpRisk({ ...engine }), /api.*app\.ipRisk/)
})

t.teardown(() => trace.disable())
