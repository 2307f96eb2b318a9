// Metrics, spans and the text of the exporter on the SDK's third line: `npm run build && cd test/sdk3 && npm ci && npm test`.
import assert from 'node:assert/strict'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { createIpRisk } from '../../dist/lib/index.js'
import { instrumentIpRisk } from '../../dist/lib/telemetry/otel.js'

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
const prometheus = new PrometheusExporter({ preventServerStart: true })
const meterProvider = new MeterProvider({ readers: [reader, prometheus] })
const spans = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })

const answer = { verdict: 'vpn_detected', score: 0.9, isVpn: true, confidence: 0.9, signals: [], info: {}, categories: ['vpn'] }
const warnings = []
const log = { debug () {}, info () {}, warn: fields => warnings.push(fields), error: fields => warnings.push(fields) }
const engine = createIpRisk({ provider: { name: 'fixed', lookup: async () => answer }, log })
const stop = instrumentIpRisk(engine, { meterProvider, tracerProvider })
const tracer = tracerProvider.getTracer('the application')
const address = '198.51.100.7'
const check = async () => await tracer.startActiveSpan('POST /signup', async span => {
  await engine.assess({ socket: { remoteAddress: address }, headers: {}, method: 'POST' }, 'signup')
  span.end()
})
await check()
await check()

await reader.forceFlush()
const metrics = exporter.getMetrics().at(-1).scopeMetrics[0].metrics
const pointsOf = name => metrics.find(({ descriptor }) => descriptor.name === `fastify_ip_risk.${name}`).dataPoints
assert.deepEqual(pointsOf('outcomes').map(({ value }) => value), [2])
assert.equal(pointsOf('outcomes')[0].attributes['fastify_ip_risk.outcome'], 'blocked')
assert.equal(pointsOf('lookup.duration')[0].value.count, 1)

const finished = spans.getFinishedSpans()
assert.deepEqual(finished.map(({ name }) => name), ['ip_risk.provider.call', 'ip_risk.lookup', 'POST /signup', 'POST /signup'])
assert.equal(finished[0].parentSpanContext.spanId, finished[1].spanContext().spanId)
assert.equal(finished[3].events[0].name, 'fastify_ip_risk.decision')

const { resourceMetrics } = await prometheus.collect()
const text = new PrometheusSerializer().serialize(resourceMetrics)
assert.match(text, /^fastify_ip_risk_outcomes_total\{/m)
assert.match(text, /^fastify_ip_risk_lookup_duration_bucket\{/m)
assert.ok(!(text + JSON.stringify(finished.map(({ attributes, events }) => [attributes, events]))).includes(address))
assert.ok(!warnings.some(({ code }) => code === 'IP_RISK_TELEMETRY_NOOP'))

stop()
await engine.close()
await tracerProvider.shutdown()
await meterProvider.shutdown()
console.log(`ok: ${metrics.length} metrics on Node.js ${process.version}`)
