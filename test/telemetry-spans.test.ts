import t, { type Test } from 'tap'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { createApi, createEngine } from '../lib/core/index.ts'
import { readPluginScope } from '../lib/options/index.ts'
import { createIpRisk, type Provider } from '../lib/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { httpProvider } from '../lib/providers/http/index.ts'
import { instrumentIpRisk } from '../lib/telemetry/otel.ts'
import { memoryLog } from './support/log.ts'
import { freePort } from './support/redis.ts'
import { tableProvider, visitors } from './support/table-provider.ts'

const spanExporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
const meterProvider = new MeterProvider()

function start (t: Test, provider: Provider): ReturnType<typeof createIpRisk> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const engine = createIpRisk({ provider, log: memoryLog() })
  const stop = instrumentIpRisk(engine, { meterProvider, tracerProvider })
  t.teardown(async () => {
    stop()
    await engine.close()
    context.disable()
    spanExporter.reset()
  })
  return engine
}

const named = (name: string) => spanExporter.getFinishedSpans().filter(span => span.name === name)

t.test('the span of a call says where the service is, and neither its path nor the address', async t => {
  const baseUrl = `http://localhost:${await freePort()}`
  const providers: Provider[] = [
    iplogs({ baseUrl: `${baseUrl}/secret-path` }),
    getipintel({ baseUrl, contact: 'someone@example.org' }),
    httpProvider({ name: 'own', baseUrl, secret: 'hush-hush', request: (ip, key) => ({ path: `/${ip}`, query: { key } }), read: () => null })
  ]
  for (const provider of providers) {
    const engine = start(t, provider)
    await engine.lookup(visitors.clean)
    const { attributes } = named('ip_risk.provider.call').at(-1)!
    t.match(attributes, { 'server.address': 'localhost', 'server.port': Number(new URL(baseUrl).port) }, provider.name)
    t.notMatch(JSON.stringify(spanExporter.getFinishedSpans().map(({ attributes, events }) => [attributes, events])),
      /hush-hush|secret-path|someone|203\.0\.113/)
  }
})

t.test('an origin has its default port, an IPv6 host no brackets; other text is an error at boot', async t => {
  for (const [origin, address, port] of [
    ['https://api.example', 'api.example', 443], ['http://api.example/', 'api.example', 80], ['https://[2001:db8::1]:8443', '2001:db8::1', 8443]
  ] as const) {
    await start(t, tableProvider({ [visitors.clean]: 'clean' }, { origin })).lookup(visitors.clean)
    t.match(named('ip_risk.provider.call').at(-1)!.attributes, { 'server.address': address, 'server.port': port }, origin)
  }
  await start(t, tableProvider({ [visitors.clean]: 'clean' })).lookup(visitors.clean)
  t.notOk('server.address' in named('ip_risk.provider.call').at(-1)!.attributes)
  for (const origin of ['api.example', 'https://user:key@api.example', 'https://api.example/?key=1', 'https://api.example/v1', 'ftp://a', 'https://a:b', 7]) {
    t.throws(() => createIpRisk({ provider: tableProvider({}, { origin } as never), log: memoryLog() }),
      { code: 'FST_IP_RISK_BAD_OPTION', message: /provider\.origin/ }, String(origin))
  }
})

t.test('a refresh in the background is a trace of its own, with a link to the request that started it', async t => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  let nowMs = Date.now()
  const options = { provider: tableProvider({ [visitors.clean]: 'clean' }), cache: { ttlSeconds: 1000 } }
  const engine = createEngine(options, memoryLog(), () => nowMs)
  const api = createApi(engine, readPluginScope(options), () => undefined)
  const stop = instrumentIpRisk(api, { meterProvider, tracerProvider })
  t.teardown(async () => {
    stop()
    await engine.close()
    context.disable()
  })
  await api.lookup(visitors.clean)
  nowMs += 950_000
  await tracerProvider.getTracer('the application').startActiveSpan('POST /signup', async span => {
    t.equal((await api.lookup(visitors.clean)).cache, 'memory')
    span.end()
  })
  while (named('ip_risk.refresh').length === 0) await new Promise(resolve => setImmediate(resolve))
  const [refresh] = named('ip_risk.refresh')
  const [request] = named('POST /signup')
  t.equal(refresh!.parentSpanContext, undefined)
  t.strictSame(refresh!.links.map(({ context }) => context.spanId), [request!.spanContext().spanId])
  t.not(refresh!.spanContext().traceId, request!.spanContext().traceId)
  t.equal(named('ip_risk.provider.call').at(-1)!.parentSpanContext!.spanId, refresh!.spanContext().spanId)
  t.match(refresh!.attributes, { 'fastify_ip_risk.verdict': 'clean', 'fastify_ip_risk.provider.name': 'table' })
  t.equal(named('ip_risk.lookup').length, 1, 'the hit itself did not wait')
})

t.test('a bulk call is one span, which ends with the last row, with the error, or when the caller stops', async t => {
  let end: 'rows' | 'missing' | 'throws' | 'one bad row' = 'rows'
  const { lookup } = tableProvider({ [visitors.clean]: 'clean' })
  const provider: Provider = {
    name: 'many',
    origin: 'https://api.example',
    lookup,
    async * bulk (ips, context) {
      await context.spend()
      for (const ip of ips) {
        if (end === 'throws') throw new Error(`no row for ${ip}`)
        if (end === 'rows') yield [ip, await lookup(ip, context)]
        if (end === 'one bad row') yield [ip, ip.endsWith('7') ? { verdict: 'unknown', reason: 'timeout' } : await lookup(ip, context)]
      }
    }
  }
  const engine = start(t, provider)
  const calls = named('ip_risk.provider.call').length
  const bulkSpans = () => named('ip_risk.provider.bulk')
  for await (const [ip] of engine.bulk([visitors.clean, '198.51.100.1'])) t.ok(ip)
  t.equal(bulkSpans().length, 1)
  t.strictSame(bulkSpans()[0]!.attributes, {
    'fastify_ip_risk.provider.name': 'many', 'fastify_ip_risk.addresses': 2, 'server.address': 'api.example', 'server.port': 443
  }, 'no_data is an answer')
  for (const [how, reason, code] of [['missing', 'bad_response', 2], ['throws', 'unavailable', 0]] as const) {
    end = how
    for await (const [, { verdict }] of engine.bulk(['198.51.100.2'])) t.equal(verdict, 'unknown')
    t.equal(bulkSpans().at(-1)!.attributes['error.type'], reason, how)
    t.equal(bulkSpans().at(-1)!.status.code, code, how)
  }
  end = 'rows'
  const stopped = engine.bulk(['198.51.100.3', '198.51.100.4', '198.51.100.5'])
  await stopped.next()
  t.equal(bulkSpans().length, 3)
  await stopped.return!()
  t.equal(bulkSpans().length, 4)
  t.notOk('error.type' in bulkSpans()[3]!.attributes, 'the caller had enough')
  end = 'one bad row'
  for await (const [ip] of engine.bulk(['198.51.100.6', '198.51.100.7', '198.51.100.8'])) t.ok(ip)
  t.equal(bulkSpans().at(-1)!.attributes['fastify_ip_risk.failed'], 1)
  t.notOk('error.type' in bulkSpans().at(-1)!.attributes, 'one bad row does not name the whole run')
  t.equal(bulkSpans().at(-1)!.status.code, 0)
  end = 'rows'
  const count = bulkSpans().length
  await engine.bulk(['198.51.100.9', '198.51.100.10']).next() // and nobody calls return()
  t.equal(bulkSpans().length, count)
  await engine.close()
  t.equal(bulkSpans().length, count + 1, 'a reader that went away without a word does not keep the span open for ever')
  t.equal(named('ip_risk.provider.call').length, calls, 'its calls have none')
  t.notMatch(JSON.stringify(bulkSpans().map(({ attributes, events }) => [attributes, events])), /\d+\.\d+\.\d+\.\d+/)
})
