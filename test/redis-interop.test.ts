import { createHmac, hkdfSync } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { createIpRisk } from '../lib/frameworks/node.ts'
import { allow, heldProvider, testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.9'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** What a worker that follows the IPLogs guide stores: the body of `/v1/check` as it came, under the address, for 300 seconds. */
const guideBody = {
  verdict: 'vpn_detected',
  score: 0.92,
  is_vpn: true,
  confidence: 0.88,
  signals: [
    { type: 'known_vpn_exact', weight: 0.9, matched: true, detail: 'exit of a provider' },
    { type: 'tor_exit', weight: 0.9, matched: false, detail: '' }
  ],
  ip_info: { ip, asn: 'AS64496', org: 'Example', country: 'Exampleland', country_code: 'EX', type: 'datacenter', is_vpn: true, is_proxy: false, vpn_provider: null },
  request_id: 'req-1'
}
const iplogsLike = (more = {}) => tableProvider({ [ip]: 'clean' }, { name: 'iplogs', ...more })

t.test('an entry of the guide is understood, and its age is what is gone of its life', async t => {
  const provider = iplogsLike()
  const { ask, wait } = await testEngine(t, { provider, redis: redis.url })
  await redis.client.set(ip, JSON.stringify(guideBody), 'EX', 100)
  const verdict = await ask(ip, 'cache')
  t.match(verdict, {
    cache: 'redis',
    provider: 'iplogs',
    answer: { verdict: 'vpn_detected', score: 0.92, isVpn: true, signals: [{ type: 'known_vpn_exact' }], info: { asn: 'AS64496', countryCode: 'EX' } }
  })
  t.equal(Math.round((Date.now() - verdict.checkedAtMs) / 1000), 200)
  wait(98)
  t.equal((await ask(ip, 'cache')).cache, 'memory')
  wait(3)
  await redis.client.del(ip)
  t.match(await ask(ip, 'cache'), { answer: { reason: 'not_asked' } })
  t.strictSame(provider.calls, [])
})

t.test('our entry is one that the guide can read', async t => {
  const signals = [{ type: 'dc_ip', weight: 0.2, detail: 'a data centre' }]
  const provider = tableProvider({ [ip]: answer('suspicious', { signals, info: { countryCode: 'EX' }, requestId: 'req-7' }) }, { name: 'iplogs' })
  const { ask } = await testEngine(t, { provider, redis: redis.url, cache: { keyPrefix: 'risk:' } })
  await ask(ip)
  await until(async () => await redis.client.exists(`risk:${ip}`) === 1)
  const ttl = await redis.client.ttl(`risk:${ip}`)
  t.ok(ttl > 290 && ttl <= 300)
  const body = JSON.parse((await redis.client.get(`risk:${ip}`))!)
  t.match(body, {
    verdict: 'suspicious',
    score: 0.4,
    is_vpn: false,
    confidence: 0.8,
    signals: [{ type: 'dc_ip', weight: 0.2, matched: true, detail: 'a data centre' }],
    ip_info: { ip, country_code: 'EX', is_vpn: false },
    request_id: 'req-7',
    provider: 'iplogs'
  })
  t.equal(new Date(body.checked_at).toISOString(), body.checked_at)
})

t.test('an entry is a miss that may be replaced when it is of another provider, too old, or no verdict', async t => {
  const old = new Date(Date.now() - 301_000).toISOString()
  const entries = {
    'another provider': { ...guideBody, provider: 'somebody' },
    'a provider that is no name': { ...guideBody, provider: 7 },
    'too old': { ...guideBody, checked_at: old },
    'about another address': { ...guideBody, ip_info: { ip: '203.0.113.10' } },
    'clean, with an impossible score': { ...guideBody, verdict: 'clean', score: 7 },
    'no verdict at all': { hello: 'world' }
  }
  for (const [name, entry] of Object.entries(entries)) {
    const provider = iplogsLike()
    const { engine, ask, log } = await testEngine(t, { provider, redis: redis.url })
    await redis.client.set(ip, JSON.stringify(entry), 'EX', 200)
    t.match(await ask(ip), { cache: 'miss', answer: { verdict: 'clean' } }, name)
    t.strictSame(provider.calls, [ip])
    await until(async () => JSON.parse((await redis.client.get(ip))!).verdict === 'clean')
    t.strictSame(log.messages, [])
    await engine.close()
    await redis.client.flushall()
  }
})

t.test('an entry says its time where it can: one that names a time to come is as old as its life says', async t => {
  const { ask } = await testEngine(t, { provider: iplogsLike(), redis: redis.url })
  await redis.client.set(ip, JSON.stringify({ ...guideBody, checked_at: '2999-01-01T00:00:00Z' }), 'EX', 100)
  t.equal(Math.round((Date.now() - (await ask(ip)).checkedAtMs) / 1000), 200)
})

t.test('a value of another program under the key stays, is logged once, and costs each process no more than the call', async t => {
  const set: { readonly [name: string]: () => Promise<unknown> } = {
    'not JSON': () => redis.client.set(ip, 'hello', 'EX', 100),
    'JSON, but no object': () => redis.client.set(ip, '[1]', 'EX', 100),
    'a number': () => redis.client.set(ip, '42', 'EX', 100),
    'no text': () => redis.client.set(ip, Buffer.from([0xff, 0xfe, 0]), 'EX', 100),
    'broken JSON': () => redis.client.set(ip, '{"verdict":', 'EX', 100),
    'backslashes where JSON has none': () => redis.client.set(ip, '{"verdict":"clean"\\\\}', 'EX', 100),
    'empty text': () => redis.client.set(ip, '', 'EX', 100),
    'another type': () => redis.client.hset(ip, 'field', 'value'),
    'no TTL': () => redis.client.set(ip, JSON.stringify({ ...guideBody, provider: 'iplogs', checked_at: new Date().toISOString() })),
    'very long': () => redis.client.set(ip, `{"a":"${'a'.repeat(100_000)}"}`, 'EX', 100)
  }
  for (const [name, put] of Object.entries(set)) {
    const provider = iplogsLike()
    const { engine, ask, log, wait } = await testEngine(t, { provider, redis: redis.url })
    await put()
    const before = await redis.client.dump(ip)
    t.match(await ask(ip), { cache: 'miss', answer: { verdict: 'clean' } }, name)
    t.equal((await ask(ip)).cache, 'memory')
    wait(301)
    t.equal((await ask(ip)).cache, 'miss')
    await engine.invalidate(ip)
    t.equal(await redis.client.dump(ip), before)
    t.equal(log.messages.filter(line => /another program/.test(line)).length, 1)
    t.equal(await redis.client.exists(`ip-risk:lease:{${ip}}`), 0)
    await engine.close()
    await redis.client.flushall()
  }
})

t.test('under keySecret no address stands in Redis, in a name, a value or a message', async t => {
  const secret = 'a secret of some length'
  const detail = `${ip} is on a list`
  const provider = heldProvider(() => answer('vpn_detected', { signals: [{ type: 'x', weight: 1, detail }], info: { org: 'Example' }, requestId: 'req-9' }))
  const cache = { keySecret: secret, keyPrefix: 'p:' }
  const monitor = await redis.client.monitor()
  t.teardown(() => monitor.disconnect())
  const said: string[] = []
  monitor.on('monitor', (_time: string, args: string[]) => said.push(args.join(' ')))
  const here = await testEngine(t, { provider, redis: redis.url, cache })
  const there = await testEngine(t, { provider: { ...provider }, redis: redis.url, cache })
  const answers = [here.ask(ip), there.ask(ip)]
  await until(() => provider.calls.length === 1)
  const hash = createHmac('sha256', Buffer.from(hkdfSync('sha256', secret, '', 'fastify-ip-risk ids', 32))).update(ip).digest('hex')
  t.equal(await redis.client.exists(`ip-risk:lease:{p:${hash}}`), 1)
  await until(async () => await redis.client.exists(`ip-risk:waiters:{p:${hash}}`) === 1)
  provider.release()
  for (const verdict of await Promise.all(answers)) t.equal(verdict.answer.verdict, 'vpn_detected')
  t.equal(provider.calls.length, 1)
  await until(async () => await redis.client.exists(`p:${hash}`) === 1)
  const body = JSON.parse((await redis.client.get(`p:${hash}`))!)
  t.same(body.ip_info, { org: 'Example', is_vpn: true })
  t.notOk('request_id' in body)
  await allow(here.engine, ip, 60)
  await until(() => there.engine.exceptions.isAllowed(ip))
  await here.engine.invalidate(ip)
  await until(async () => (await there.ask(ip, 'cache')).cache === 'none')
  await until(() => !there.engine.exceptions.isAllowed(ip))
  await allow(here.engine, ip, 60)
  const late = await testEngine(t, { provider: { ...provider }, redis: redis.url, cache })
  await until(() => late.engine.exceptions.isAllowed(ip))
  await until(() => said.some(line => line.includes('allow')))
  t.notOk(said.some(line => line.includes(ip) || line.includes(secret)))
  t.ok(said.some(line => line.includes(hash)))
})

t.test('who reads with the secret understands what was written with it', async t => {
  const cache = { keySecret: 'a secret of some length' }
  const writer = await testEngine(t, { provider: iplogsLike(), redis: redis.url, cache })
  await writer.ask(ip)
  const reader = await testEngine(t, { provider: iplogsLike(), redis: redis.url, cache })
  await until(async () => (await reader.ask(ip, 'cache')).cache === 'redis')
  t.match(await reader.ask(ip), { cache: 'memory', answer: { verdict: 'clean' } })
})

t.test('two providers under one prefix of one Redis are refused, as long as both are open', async t => {
  const log = memoryLog()
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const first = createEngine({ provider: iplogsLike(), redis: redis.url }, log)
  const second = { provider: iplogsLike({ name: 'another' }), redis: client }
  t.throws(() => createEngine(second, log), { code: 'FST_IP_RISK_BAD_OPTION', message: /cache\.keyPrefix.*"iplogs" and not "another"/ })
  t.throws(() => createEngine({ ...second, redis: redis.url }, log), { code: 'FST_IP_RISK_BAD_OPTION' })
  for (const cache of [{ keyPrefix: 'other:' }, { keySecret: 'a secret of some length' }]) {
    await createEngine({ ...second, cache }, log).close()
  }
  const same = createEngine({ provider: iplogsLike(), redis: redis.url }, log)
  await first.close()
  t.throws(() => createEngine(second, log), { code: 'FST_IP_RISK_BAD_OPTION' })
  await same.close()
  await same.close()
  await createEngine(second, log).close()
})

t.test('a client of the application keeps its settings, its listeners and its connection; its own prefix is warned of', async t => {
  const client = new Redis(redis.port, '127.0.0.1', { keyPrefix: 'app:', db: 2 })
  t.teardown(() => client.disconnect())
  await client.ping()
  const settings = JSON.stringify(client.options)
  const listeners = client.eventNames().map(name => [name, client.listenerCount(name)])
  const provider = iplogsLike()
  const { engine, ask, log } = await testEngine(t, { provider, redis: client })
  t.match(log.messages, [/warn: the Redis client has a "keyPrefix"/])
  const other = new Redis(redis.port, '127.0.0.1', { db: 2 })
  t.teardown(() => other.disconnect())
  const beside = await testEngine(t, { provider: iplogsLike(), redis: other })
  await ask(ip)
  await until(async () => await other.exists(`app:${ip}`) === 1)
  await allow(engine, ip, 60)
  t.equal(beside.engine.exceptions.isAllowed(ip), false, 'another key space is another fleet')
  await engine.close()
  t.equal(client.status, 'ready')
  t.equal(await client.exists(ip), 1)
  t.equal(JSON.stringify(client.options), settings)
  t.strictSame(client.eventNames().map(name => [name, client.listenerCount(name)]), listeners)
})

t.test('a client that has not connected yet is connected', async t => {
  const client = new Redis(redis.url, { lazyConnect: true })
  t.teardown(() => client.disconnect())
  const { ask } = await testEngine(t, { provider: iplogsLike(), redis: client })
  t.equal((await ask(ip)).cache, 'miss')
  await until(async () => await redis.client.exists(ip) === 1)
})

t.test('wrong options are refused with the fix', async t => {
  const wrong: readonly [unknown, RegExp][] = [
    ['localhost:6379', /redis:\/\//], [7, /got 7/], [[], /got an array/], [{ sentinels: [] }, /refused by ioredis/], [{ sentinels: [{ host: 'x' }] }, /name of master/]
  ]
  for (const [option, message] of wrong) {
    t.throws(() => createEngine({ provider: iplogsLike(), redis: option as string }, memoryLog()), { code: 'FST_IP_RISK_BAD_OPTION', message })
  }
  for (const keyPrefix of ['a}b', '{}', '{a}{b}']) {
    t.throws(() => createEngine({ provider: iplogsLike(), cache: { keyPrefix } }, memoryLog()), { code: 'FST_IP_RISK_BAD_OPTION', message: /hash tag/ })
  }
})

t.test('the word of one process reaches those that run, those that start later, and Redis', async t => {
  const cleared = '203.0.113.44'
  const options = { redis: redis.url, cache: { redisTimeoutMs: 2000 }, log: memoryLog() }
  const provider = () => tableProvider({ [cleared]: 'vpn_detected' })
  const first = createIpRisk({ ...options, provider: provider() })
  const second = createIpRisk({ ...options, provider: provider() })
  t.equal((await first.lookup(cleared)).decision, 'block')
  t.equal((await second.lookup(cleared)).decision, 'block')
  await first.invalidate(cleared)
  await until(async () => await redis.client.exists(cleared) === 0)
  await until(async () => (await second.lookup(cleared)).cache !== 'memory')
  await first.allow(cleared, { ttlSeconds: 60 })
  await until(async () => (await second.lookup(cleared)).decision === 'allow')
  const third = createIpRisk({ ...options, provider: provider() })
  await until(async () => (await third.lookup(cleared)).decision === 'allow')
  t.match(await third.lookup(cleared), { decidedBy: 'temporary_allow', reason: 'listed' })
  await Promise.all([first.close(), second.close(), third.close()])
})

t.test('a client that gives numbers as text', async t => {
  const client = new Redis({ port: redis.port, host: '127.0.0.1', stringNumbers: true })
  t.teardown(() => client.disconnect())
  const provider = heldProvider(async () => answer('clean'))
  const { ask, log } = await testEngine(t, { provider, redis: client })
  const asked = ask(ip)
  await until(() => provider.calls.length === 1)
  // Renewed more than once, else it is over after two seconds.
  await until(async () => await redis.client.pttl(`ip-risk:lease:{${ip}}`) < 1500)
  await until(async () => await redis.client.pttl(`ip-risk:lease:{${ip}}`) > 1500)
  await until(async () => await redis.client.pttl(`ip-risk:lease:{${ip}}`) < 1500)
  await until(async () => await redis.client.pttl(`ip-risk:lease:{${ip}}`) > 1500)
  provider.release()
  await asked
  await until(async () => await redis.client.exists(ip) === 1)
  const other = await testEngine(t, { provider: heldProvider(async () => answer('clean')), redis: client })
  t.match(await other.ask(ip, 'cache'), { cache: 'redis' })
  t.strictSame([...log.messages, ...other.log.messages], [])
})

t.test('a prefix of a Cluster client that would part the keys of one address is refused', async t => {
  for (const keyPrefix of ['a{b', '{}', '{a}{b}']) {
    const client = new Cluster([{ host: '127.0.0.1', port: redis.port }], { lazyConnect: true, keyPrefix })
    t.throws(() => createEngine({ provider: tableProvider({}), redis: client }, memoryLog()), { message: /"redis" is a Cluster client whose "keyPrefix"/ })
    client.disconnect()
  }
})
