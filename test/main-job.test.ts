import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk, { iplogs } from '../lib/index.ts'
import { fakeIplogs } from '../lib/testing/index.ts'
import type { Fault } from '../lib/testing/fake-server.ts'
import type { FakeServer } from '../lib/testing/fake-server.ts'
import type { IpRisk, UnknownReason } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { pinoLog } from './support/log.ts'
import { freePort, startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

interface Shop {
  readonly app: FastifyInstance
  readonly logged: { readonly level: number, readonly msg: string }[]
  /** `request.ipRisk` of a POST to a marked route. */
  readonly signUp: (remoteAddress: string) => Promise<IpRisk>
}

async function openShop (t: Test, service: FakeServer, options: FastifyIpRiskOptions = {}, timeoutMs = 1000): Promise<Shop> {
  const { lines: logged, logger } = pinoLog<Shop['logged'][number]>()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: iplogs({ baseUrl: service.url, timeoutMs, limits: {} }), mode: 'monitor', ...options })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  app.get('/pricing', async request => request.ipRisk)
  await app.ready()
  return { app, logged, signUp: async remoteAddress => (await app.inject({ method: 'POST', url: '/signup', remoteAddress })).json() }
}

t.test('a verdict goes from the provider to memory, to Redis, and from there to the next process', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const service = await fakeIplogs({ '203.0.113.9': 'vpn_detected' })
  t.teardown(() => service.close())
  const first = await openShop(t, service, { redis: redis.url })
  const second = await openShop(t, service, { redis: redis.url })

  const miss = await first.signUp('203.0.113.9')
  t.match(miss, { verdict: 'vpn_detected', cache: 'miss', provider: 'iplogs', isVpn: true, decision: 'block', info: { asn: 'AS64496', countryCode: 'EX' } })
  t.same(miss.signals, [{ type: 'known_vpn_exact', weight: 0.9, detail: 'on a list of VPN exits' }], 'the matched signals only')
  const hit = await first.signUp('203.0.113.9')
  t.equal(hit.cache, 'memory')
  await t.resolves(until(async () => await redis.client.exists('203.0.113.9') === 1))
  const shared = await second.signUp('203.0.113.9')
  t.equal(shared.cache, 'redis')
  t.equal((await second.signUp('203.0.113.9')).cache, 'memory')
  for (const other of [hit, shared]) t.same({ ...other, cache: '', ageSeconds: 0 }, { ...miss, cache: '', ageSeconds: 0 }, 'hit or miss, the same')
  t.equal(service.calls, 1)

  const ttl = await redis.client.ttl('203.0.113.9')
  t.ok(ttl > 290 && ttl <= 300, `a TTL of 300 seconds at most, got ${ttl}`)
  t.match(JSON.parse((await redis.client.get('203.0.113.9'))!), {
    verdict: 'vpn_detected', score: 0.95, is_vpn: true, confidence: 0.9, ip_info: { ip: '203.0.113.9', country_code: 'EX' }, provider: 'iplogs', checked_at: /^\d{4}-.*Z$/
  })
})

t.test('an entry of another program that follows the same guide is understood, on unmarked routes too', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const service = await fakeIplogs()
  t.teardown(() => service.close())
  const { app } = await openShop(t, service, { redis: redis.url })
  await redis.client.set('203.0.113.7', JSON.stringify({
    verdict: 'suspicious', score: 0.4, is_vpn: false, confidence: 0.5, signals: [], ip_info: { ip: '203.0.113.7' }, request_id: 'r1'
  }), 'EX', 200)
  const risk = (await app.inject({ url: '/pricing', remoteAddress: '203.0.113.7' })).json<IpRisk>()
  t.match(risk, { verdict: 'suspicious', provider: 'iplogs', cache: 'redis' })
  t.ok(risk.ageSeconds >= 100 && risk.ageSeconds <= 102, 'its age is the TTL less what remains of it')
  t.equal(service.calls, 0)
})

t.test('requests of one process for one cold address share one call', async t => {
  const service = await fakeIplogs()
  t.teardown(() => service.close())
  service.delay(50)
  const { app, signUp } = await openShop(t, service)
  const risks = await Promise.all(Array.from({ length: 20 }, () => signUp('2001:db8::1')))
  t.ok(risks.every(risk => risk.verdict === 'clean'))
  t.equal(service.calls, 1)
  t.match(app.ipRisk.stats(), { lookups: { provider: 1, shared: 19 }, decisions: { allow: 20 }, redis: 'none' })
})

t.test('whatever the provider does, the request goes on and the reason is told; nothing of it is stored', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const rows: [fault: Fault, reason: UnknownReason][] = [
    ['hang', 'timeout'], ['drip', 'timeout'],
    ['cut', 'unavailable'], ['reset', 'unavailable'], [{ status: 500 }, 'unavailable'], [{ status: 503 }, 'unavailable'],
    [{ status: 429 }, 'rate_limited'],
    [{ status: 400 }, 'rejected'], [{ status: 403 }, 'rejected'],
    ['huge', 'bad_response'], ['redirect', 'bad_response'], ['html', 'bad_response'], ['empty', 'bad_response'],
    ['nan', 'bad_response'], ['wrong_address', 'bad_response'], ['not_object', 'bad_response']
  ]
  for (const [i, [fault, reason]] of rows.entries()) {
    await redis.client.flushall() // a pause after a 429 holds for the whole fleet
    const visitor = `203.0.113.${i}`
    const service = await fakeIplogs()
    const { app, signUp } = await openShop(t, service, { redis: redis.url }, reason === 'timeout' ? 300 : 5000)
    service.fault(fault)
    const risk = await signUp(visitor)
    const decision = reason === 'rate_limited' ? 'elevate_risk' : 'allow' // what a visitor can bring about is flagged
    t.match(risk, { verdict: 'unknown', reason, score: null, isVpn: false, decision }, JSON.stringify(fault))
    t.equal(await redis.client.exists(visitor), 0)
    await app.close()
    await service.close()
  }
})

t.test('what cannot be asked about is not asked about', async t => {
  const service = await fakeIplogs()
  t.teardown(() => service.close())
  const { app, signUp } = await openShop(t, service, { deny: ['203.0.113.0/28'], allow: ['203.0.113.1'] })
  t.match(await signUp('10.0.0.1'), { verdict: 'unknown', reason: 'not_public', provider: 'none', cache: 'none' })
  t.match(await signUp('203.0.113.1'), { verdict: 'unknown', reason: 'listed', decision: 'allow' })
  t.match(await signUp('203.0.113.2'), { verdict: 'unknown', reason: 'listed', decision: 'block' })
  t.match(await app.ipRisk.lookup('not an address'), { ip: null, verdict: 'unknown', reason: 'no_ip' })
  t.equal(service.calls, 0)
})

t.test('a request waits no longer than its time limit, and the late answer serves the next', async t => {
  const service = await fakeIplogs()
  t.teardown(() => service.close())
  service.delay(150)
  const { signUp } = await openShop(t, service, { timeoutMs: 40 })
  t.match(await signUp('203.0.113.6'), { verdict: 'unknown', reason: 'timeout' })
  await t.resolves(until(async () => (await signUp('203.0.113.6')).cache === 'memory'))
  t.equal(service.calls, 1)
})

t.test('with a Redis that is down everything works, and the log says so once', async t => {
  const service = await fakeIplogs()
  t.teardown(() => service.close())
  const { app, logged, signUp } = await openShop(t, service, { redis: `redis://127.0.0.1:${await freePort()}` })
  for (let i = 1; i <= 10; i++) t.match(await signUp(`203.0.113.${i}`), { verdict: 'clean', cache: 'miss' })
  t.equal((await signUp('203.0.113.1')).cache, 'memory')
  t.equal(logged.filter(line => /Redis/.test(line.msg)).length, 1)
  t.equal(app.ipRisk.stats().redis, 'down')
})
