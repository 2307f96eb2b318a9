import t, { type Test } from 'tap'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { fakeGetipintel, fakeIplogs } from '../lib/testing/index.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { bareContext, collect } from './support/guard.ts'

const ip = '203.0.113.9'
const contact = 'ops+ip@example.org'
const addresses = Array.from({ length: 20 }, (_, i) => `203.0.113.${i}`)

/** By a name that the compiler does not follow: the packages of OpenTelemetry are for this test only. */
const load = async (name: string): Promise<any> => await import(name)

/** What undici tells everybody in the process who subscribes, for each request that is created. */
function published (t: Test): string[] {
  const seen: string[] = []
  const listen = (message: unknown): void => {
    const { origin, path, headers } = (message as { request: { origin: string, path: string, headers: unknown } }).request
    seen.push(`${origin}${path} ${String(headers)}`)
  }
  subscribe('undici:request:create', listen)
  t.teardown(() => unsubscribe('undici:request:create', listen))
  return seen
}

t.test('what undici publishes of a call to IPLogs holds no address', async t => {
  const server = await fakeIplogs()
  const provider = iplogs({ baseUrl: server.url })
  const seen = published(t)
  await provider.lookup(ip, bareContext())
  await collect(provider.bulk!(addresses, bareContext()))
  t.equal(seen.length, 2)
  for (const text of seen) t.notMatch(text, /203\.0\.113/)
  await provider.close!()
  await server.close()
})

t.test('GetIPIntel takes the address and the contact in the URL only, so undici publishes them (docs/providers.md says so)', async t => {
  const server = await fakeGetipintel()
  const provider = getipintel({ contact, baseUrl: server.url, flags: 'm' })
  const seen = published(t)
  await provider.lookup(ip, bareContext())
  t.match(seen, [/ip=203\.0\.113\.9&contact=ops%2Bip%40example\.org/])
  await provider.close!()
  await server.close()
})

t.test('OpenTelemetry records no span of our calls, and adds no header to them', async t => {
  let packages: any[]
  try {
    packages = await Promise.all(['@opentelemetry/api', '@opentelemetry/sdk-trace-node', '@opentelemetry/instrumentation-undici'].map(load))
  } catch {
    t.comment('skipped: the packages of OpenTelemetry are not installed (npm ci)')
    return
  }
  const [{ trace }, { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor }, { UndiciInstrumentation }] = packages
  const exporter = new InMemorySpanExporter()
  const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  tracing.register()
  const instrumentation = new UndiciInstrumentation()
  instrumentation.setTracerProvider(tracing)
  const seen = published(t)
  const server = await fakeGetipintel()
  const tracer = trace.getTracer('the application')

  await tracer.startActiveSpan('signup', async (span: { end (): void }) => {
    await (await fetch(`${server.url}/check.php?ip=192.0.2.1`)).text()
    span.end()
  })
  const names = (): string[] => exporter.getFinishedSpans().map((span: { name: string }) => span.name)
  t.same(names().sort(), ['GET', 'signup'], 'the application\'s own calls are traced')

  const provider = getipintel({ contact, baseUrl: server.url, flags: 'm', maxConcurrent: 2 })
  await tracer.startActiveSpan('signup', async (span: { end (): void }) => {
    // More than there are connections: some are created when another one's reply has come.
    await Promise.all(addresses.map(ip => provider.lookup(ip, bareContext())))
    span.end()
  })
  t.equal(server.calls, 21)
  t.same(names().sort(), ['GET', 'signup', 'signup'])
  t.notMatch(JSON.stringify(exporter.getFinishedSpans().map((span: { attributes: object }) => span.attributes)), /203\.0\.113|example\.org/)
  t.match(seen[0], /check\.php\?ip=192\.0\.2\.1/)
  t.equal(seen.length, 21)
  t.notMatch(seen.slice(1).join(), /traceparent/)
  await provider.close!()
  await server.close()
  instrumentation.disable()
  await tracing.shutdown()
  trace.disable()
})

t.test('what is no OpenTelemetry under its name changes nothing', async t => {
  const server = await fakeIplogs({ [ip]: 'vpn_detected' })
  const name = Symbol.for('opentelemetry.js.api.1')
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  t.teardown(() => {
    if (before === undefined) delete (globalThis as { [name]?: unknown })[name]
    else Object.defineProperty(globalThis, name, before)
  })
  const throwing = { active () { throw new Error('broken') }, with () {} }
  for (const api of [null, 7, {}, { context: 7 }, { context: {} }, { context: throwing }]) {
    Object.defineProperty(globalThis, name, { value: api, configurable: true, writable: true })
    const provider = iplogs({ baseUrl: server.url })
    t.match(await provider.lookup(ip, bareContext()), { verdict: 'vpn_detected' }, JSON.stringify(api))
    await provider.close!()
  }
  await server.close()
})
