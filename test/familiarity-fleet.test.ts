import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import ipRisk from '../lib/index.ts'
import type { DecisionRecord } from '../types/contract.ts'
import { startRedis, type RedisServer } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'
import { until } from './support/until.ts'

const keySecret = 'a secret of the fleet'
const vpn = '203.0.113.2'
const info = { asn: 'AS64500', countryCode: 'DE', city: 'Berlin', lat: 52.52, lon: 13.4 }

/** One process of a fleet. Its lookups need no Redis, so that only the memory of accounts meets the failures. */
async function member (t: { teardown (close: () => unknown): unknown }, redis: RedisServer, maxNetworks = 20) {
  const app: FastifyInstance = fastify({ logger: false })
  t.teardown(() => app.close())
  const records: DecisionRecord[] = []
  await app.register(ipRisk, {
    provider: { ...tableProvider({}), sync: true, lookup: ip => answer(ip === vpn ? 'vpn_likely' : 'clean', { info }) },
    redis: redis.url,
    onDecision: record => records.push(record),
    cache: { keySecret, redisTimeoutMs: 200 },
    stepUp: { isSatisfied: request => request.headers['x-code'] === '123456' },
    familiarity: {
      account: request => request.headers['x-user'] as string | undefined,
      device: request => request.headers['x-device'] as string | undefined,
      maxNetworks
    }
  })
  app.post('/payment', { config: { ipRisk: 'payment' } }, async request => request.ipRisk)
  app.post('/login', { config: { ipRisk: 'signup' } }, async request => { await app.ipRisk.trust(request) })
  await app.ready()
  const post = async (headers: Record<string, string> = {}, remoteAddress = vpn, url = '/payment') => await app.inject({
    method: 'POST', url, remoteAddress, headers: { 'x-user': 'ada@example.com', 'x-device': 'laptop', ...headers }
  })
  return { app, post, records }
}

/** A satisfied step-up teaches after its answer: until Redis has it. */
async function taught (redis: RedisServer): Promise<string[]> {
  let keys: string[] = []
  await until(async () => (keys = await redis.client.keys('ip-risk:familiarity:*')).length > 0)
  return keys
}

t.test('what one process learns, another one knows, and forget() erases it in Redis and in both', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const [one, other] = [await member(t, redis), await member(t, redis)]
  t.equal((await one.post({ 'x-code': '123456' })).statusCode, 200)
  await taught(redis)
  t.match((await other.post()).json(), { familiarity: 'known', decision: 'elevate_risk' })
  t.match((await one.post()).json(), { familiarity: 'known' }, 'both have it in memory')
  await other.app.ipRisk.forget('ada@example.com')
  const [key] = await redis.client.keys('ip-risk:familiarity:*')
  t.same(await redis.client.hkeys(key!), ['forgotten'])
  t.ok(await redis.client.pttl(key!) <= 3_600_000, 'the time of the erasure is kept for an hour')
  t.equal((await other.post()).statusCode, 401)
  // The message arrives when it does, and long before the memory of this process would have asked Redis again.
  await until(async () => (await one.post()).statusCode === 401)
})

t.test('Redis holds HMACs, numbers and one ciphertext, bounded and with an expiry', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { post } = await member(t, redis, 3)
  await post({ 'x-code': '123456' })
  await taught(redis)
  for (let i = 0; i < 9; i++) t.equal((await post({}, `198.51.${i}.1`, '/login')).statusCode, 200)
  const [key] = await taught(redis)
  t.match(key, /^ip-risk:familiarity:[0-9a-f]{64}$/)
  const stored = await redis.client.hgetall(key!)
  const networks = Object.entries(stored).filter(([field]) => field !== 'place')
  t.equal(networks.length, 3)
  for (const [field, line] of networks) {
    t.match(field, /^[\w-]{22}$/)
    t.match(line, /^[\w-]{22} [\w-]{22} [\w-]{22} \d+ \d+ \d+ [12] \d+$/)
  }
  t.equal(networks.filter(([, line]) => line.split(' ')[6] === '2').length, 1, 'the confirmed network is still there')
  t.match(stored['place'], /^[\w-]{50,120}$/)
  const ttlMs = await redis.client.pttl(key!)
  t.ok(ttlMs > 89 * 86_400_000 && ttlMs <= 90 * 86_400_000)
  for (const secret of ['ada', 'laptop', '203.0.113', '198.51', '64500', 'DE', 'Berlin', '52', keySecret]) {
    if (/^[A-Za-z]{2}$|^\d{2}$/.test(secret)) continue // too short to tell from an HMAC
    t.notOk(`${key} ${JSON.stringify(stored)}`.includes(secret), secret)
  }
})

t.test('a process asks Redis once for a write, and not again within a minute', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { post } = await member(t, redis)
  const reads = async (): Promise<number> => Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0)
  await post()
  t.equal(await reads(), 1)
  for (let i = 0; i < 5; i++) await post()
  t.equal(await reads(), 1)
})

t.test('with Redis frozen or down the familiarity is unknown, in time, and softens nothing; it returns with Redis', async t => {
  let redis = await startRedis()
  const { port } = redis
  t.teardown(() => redis.stop())
  const one = await member(t, redis)
  await one.post({ 'x-code': '123456' })
  await taught(redis)
  redis.process.kill('SIGSTOP')
  // One that was connected before, and one that starts now. Both answer while Redis does not.
  for (const process of [one, await member(t, redis)]) {
    t.equal((await process.post()).statusCode, 401)
    t.match(process.records.at(-1), { familiarity: 'unknown', decision: 'step_up_auth', outcome: 'challenged' })
  }
  await t.rejects(one.app.ipRisk.forget('ada@example.com'), 'an erasure that did not happen is not reported as done')
  redis.process.kill('SIGCONT')
  await redis.stop()
  t.equal((await one.post({ 'x-user': 'bob' })).statusCode, 401)
  t.equal(one.records.at(-1)!.familiarity, 'unknown')
  redis = await startRedis({ port })
  const restarted = await member(t, redis)
  t.equal((await restarted.post()).statusCode, 401, 'a Redis that lost its data knows nobody')
  t.equal((await restarted.post({ 'x-code': '123456' })).statusCode, 200)
  await taught(redis)
  t.equal((await restarted.post()).statusCode, 200)
})

t.test('values of another kind under the key count as no history', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { app, post } = await member(t, redis)
  await post({ 'x-code': '123456' })
  const [key] = await taught(redis)
  await app.ipRisk.forget('ada@example.com')
  await redis.client.set(key!, 'a string')
  t.match((await post()).statusCode, 401)
  await app.ipRisk.forget('ada@example.com')
  await redis.client.hset(key!, { garbage: 'x y z', place: '!!' })
  t.equal((await post()).statusCode, 401)
})
