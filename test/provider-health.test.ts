import t from 'tap'
import type { CompositeProvider } from '../types/contract.ts'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { fakeGetipintel, fakeIplogs, type Fault } from '../lib/testing/index.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { diagnosis } from '../lib/resilience/health.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/verdict.ts'
import { ask, clock } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '203.0.113.9'
const contact = 'ops@example.org'

interface Said { readonly level: string, readonly code: unknown, readonly cause: unknown, readonly message: string | undefined }

/** What is logged while a provider is asked ten times, a second after the other. */
async function saidOf (provider: Provider, options: { asks?: number, write?: boolean } = {}): Promise<Said[]> {
  const log = memoryLog()
  const { now, pass } = clock()
  const guarded = createPipelines(provider, { log, now })
  for (let i = 0; i < (options.asks ?? 10); i++) {
    await ask(guarded, ip, options.write ?? true)
    pass(1000)
  }
  await guarded.close()
  return log.lines.map(({ level, fields, message }) => {
    const { code, cause } = fields as { code?: unknown, cause?: unknown }
    return { level, code, cause, message }
  })
}

t.test('GetIPIntel\'s -1, -2 and -3 are logged once, as errors of the question', async t => {
  for (const code of [-1, -2, -3]) {
    const server = await fakeGetipintel({ [ip]: code })
    const lines = await saidOf(getipintel({ contact, baseUrl: server.url, flags: 'm' }))
    t.match(lines, [{ level: 'error', code: 'IP_RISK_PROVIDER_REJECTED', cause: `GetIPIntel ${code}` }])
    t.equal(lines.length, 1)
    t.notMatch(JSON.stringify(lines), /example\.org|203\.0\.113|127\.0\.0\.1/)
    await server.close()
  }
})

t.test('a mistyped baseUrl is logged once, and named', async t => {
  for (const status of [400, 404]) {
    const server = await fakeIplogs()
    server.fault({ status, body: 'secret text' })
    const lines = await saidOf(iplogs({ baseUrl: server.url }))
    t.match(lines, [{ level: 'error', code: 'IP_RISK_PROVIDER_REJECTED', cause: `HTTP ${status}`, message: /"baseUrl"/ }])
    t.equal(lines.length, 1)
    t.notMatch(JSON.stringify(lines), /secret text|127\.0\.0\.1/)
    await server.close()
  }
})

t.test('a budget of our own that is spent is logged once for reads, and once more when writes go without', async t => {
  const provider: Provider = { name: 'own', limits: { perMinute: 4 }, lookup: () => knownAnswer('clean') }
  const log = memoryLog()
  const { now, pass } = clock()
  const guarded = createPipelines(provider, { log, now })
  t.teardown(() => guarded.close())
  for (let i = 0; i < 5; i++) await ask(guarded, ip, false)
  t.match(log.lines, [{ level: 'warn', fields: { code: 'IP_RISK_QUOTA_READS_EXHAUSTED', provider: 'own', perMinute: 4 } }])
  for (let i = 0; i < 5; i++) await ask(guarded, ip, true)
  t.match(log.lines[1], { level: 'warn', fields: { code: 'IP_RISK_QUOTA_EXHAUSTED' }, message: /"limits"/ })
  t.equal(log.lines.length, 2)
  pass(130_000)
  await ask(guarded, ip, true)
  t.same(log.lines.slice(2).map(({ level }) => level), ['info', 'info'], 'and when there is room again')
})

t.test('a provider that throws is logged once, by the kind of the error alone', async t => {
  class KeyError extends Error { override name = 'KeyError' }
  const thrower = (more: Partial<CompositeProvider>): Provider => ({ name: 'own', lookup: () => { throw new KeyError('https://example.org/?key=hush') }, ...more })
  const inner: Provider = { name: 'inner', lookup: () => knownAnswer('clean') }
  for (const provider of [thrower({}), thrower({ sync: true }), thrower({ members: [inner] }), thrower({ lookup: () => Promise.reject(new KeyError('hush')) })]) {
    const lines = await saidOf(provider, { asks: 4 })
    t.match(lines, [{ level: 'error', code: 'IP_RISK_PROVIDER_THREW', cause: 'KeyError' }])
    t.equal(lines.length, 1)
    t.notMatch(JSON.stringify(lines), /hush|example/)
  }
})

t.test('an answer of the wrong shape is logged once, with the field', async t => {
  const rows: [unknown, RegExp][] = [
    [{ ...knownAnswer('clean'), score: 7 }, /"score"/], [{ verdict: 'clean' }, /"score"/], [{ ...knownAnswer('clean'), categories: ['vpns'] }, /"categories"/],
    [{ ...knownAnswer('clean'), verdict: 'vpn' }, /"verdict"/], [{ verdict: 'unknown', reason: 'hm' }, /"reason"/], [undefined, /nothing/]
  ]
  for (const [given, cause] of rows) {
    for (const more of [{}, { sync: true }]) {
      const lines = await saidOf({ name: 'own', lookup: () => given as ProviderAnswer, ...more }, { asks: 4 })
      t.match(lines, [{ level: 'warn', code: 'IP_RISK_PROVIDER_BAD_RESPONSE', cause }], JSON.stringify(given))
      t.equal(lines.length, 1)
    }
  }
})

t.test('a circuit that opens says why, and what to do', async t => {
  const dead = await fakeIplogs()
  await dead.close()
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const withFault = (fault: Fault): Provider => {
    server.fault(fault)
    return iplogs({ baseUrl: server.url, timeoutMs: 60, retries: 0 })
  }
  const rows: [() => Provider, RegExp, RegExp][] = [
    [() => iplogs({ baseUrl: dead.url, retries: 0 }), /ECONNREFUSED/, /"baseUrl"/],
    [() => withFault({ status: 503 }), /HTTP 503/, /service/],
    [() => withFault('hang'), /timeout/, /timeoutMs/],
    [() => withFault('html'), /not a verdict/, /"baseUrl"/],
    [() => withFault('reset'), /connection lost/, /./]
  ]
  for (const [open, cause, message] of rows) {
    const lines = (await saidOf(open(), { asks: 8 })).filter(({ code }) => code !== 'IP_RISK_PROVIDER_BAD_RESPONSE')
    t.match(lines, [{ level: 'warn', code: 'IP_RISK_PROVIDER_CIRCUIT_OPEN', cause, message }], String(cause))
    t.equal(lines.length, 1)
    t.notMatch(JSON.stringify(lines), /127\.0\.0\.1/)
  }
})

t.test('names of failures that no test can bring about are explained too', async t => {
  for (const [code, cause] of [
    ['ENOTFOUND', 'DNS'], ['EAI_AGAIN', 'DNS'], ['UND_ERR_CONNECT_TIMEOUT', 'no connection'], ['CERT_HAS_EXPIRED', 'TLS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS'], ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS'], ['GetIPIntel -4', 'the service']
  ] as const) t.equal(diagnosis({ verdict: 'unknown', reason: 'unavailable', cause: code }).cause, `${cause} (${code})`)
  t.equal(diagnosis({ verdict: 'unknown', reason: 'unavailable', cause: new RangeError('hush') }).cause, 'RangeError')
  t.equal(diagnosis({ verdict: 'unknown', reason: 'unavailable' }).cause, 'unavailable')
})

t.test('403 with "Bad Browser" names the option userAgent', async t => {
  for (const [body, hint] of [['<h1>Bad Browser</h1>', /"getipintel\.userAgent"/], ['Forbidden', /source address/]] as const) {
    const server = await fakeGetipintel()
    server.fault({ status: 403, body })
    const lines = await saidOf(getipintel({ contact, baseUrl: server.url, flags: 'm' }), { asks: 300 })
    t.match(lines, [{ level: 'error', code: 'IP_RISK_PROVIDER_HELD', cause: 'HTTP 403', message: hint }])
    t.equal(lines.length, 1, 'once, though it is asked again each minute')
    t.equal(server.calls, 5)
    await server.close()
  }
})

t.test('each is logged again after it was gone for a minute, and a member\'s trouble under its own name', async t => {
  const log = memoryLog()
  const { now, pass } = clock()
  let answer: ProviderAnswer = unknownAnswer('rejected', 'HTTP 404')
  const guarded = createPipelines(fallback({ name: 'a', lookup: () => answer }, { name: 'b', lookup: () => knownAnswer('clean') }), { log, now })
  t.teardown(() => guarded.close())
  const round = async (given: ProviderAnswer, times = 5): Promise<void> => {
    answer = given
    for (let i = 0; i < times; i++) {
      await ask(guarded, ip)
      pass(1000)
    }
  }
  await round(unknownAnswer('rejected', 'HTTP 404'))
  await round(knownAnswer('clean'))
  await round(unknownAnswer('rejected', 'HTTP 404'))
  t.match(log.lines, [{ level: 'warn', fields: { provider: 'a', code: 'IP_RISK_PROVIDER_REJECTED' } }], 'a visitor cannot fill the log by asking for both in turn')
  t.equal(log.lines.length, 1)
  await round(knownAnswer('clean'), 70)
  await round(unknownAnswer('rejected', 'HTTP 404'))
  t.same(log.lines.map(({ level }) => level), ['warn', 'info', 'warn'])
  for (let i = 0; i < 100; i++) await round(unknownAnswer('rejected', `cause ${i}`), 1)
  t.ok(log.lines.length < 15, 'a provider that never gives the same cause twice fills no log either')
})
