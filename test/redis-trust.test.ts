import { createHmac, hkdfSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { createKeys } from '../lib/redis/keys.ts'
import type { CacheOptions } from '../types/contract.ts'
import { allow, testEngine, type TestEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.9'
const keySecret = 'a secret of some length'
const channel = 'ip-risk:broadcasts:0::'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const idOf = (address: string): string => createKeys('', [keySecret]).id(address)
const open = async (t: Test, cache: CacheOptions = {}): Promise<TestEngine> => await testEngine(t, { provider: tableProvider({ [ip]: 'clean' }), redis: redis.url, cache })

/** What somebody says who has no secret, or another one. */
function forged (id: string, forMs: number, { atMs = Date.now(), secret = '' } = {}): string {
  const fields = `allow\n${id}\n${atMs}\n${atMs + forMs}`
  if (secret === '') return `${fields}\n`
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'fastify-ip-risk broadcasts', 32))
  return `${fields}\n${createHmac('sha256', key).update(`${channel}\n${fields}`).digest('hex')}`
}

/** Resolves when everything that was published before has arrived. */
async function delivered ({ engine }: TestEngine, by: TestEngine): Promise<void> {
  const marker = `198.51.100.${Math.floor(Math.random() * 250)}`
  await allow(by.engine, marker, 5)
  await until(() => engine.exceptions.isAllowed(marker))
}

/** Writes what `PUBLISH_STATEMENT` writes. */
async function store (id: string, text: string, endMs: number): Promise<void> {
  await redis.client.zadd('ip-risk:{broadcasts}:allowed:', endMs, id)
  await redis.client.hset('ip-risk:{broadcasts}:statements:', `allow:${id}`, text)
}

t.test('with keySecret nobody else can let an address pass, by a broadcast or by a stored statement', async t => {
  const id = idOf(ip)
  for (const secret of ['', 'another secret of length']) {
    const [here, there] = [await open(t, { keySecret }), await open(t, { keySecret })]
    for (const text of [forged(id, 60_000, { secret }), `allow\n${id}\n60000\nsomebody`, `allow\n${ip}\n1e300\n`, 'nonsense', '']) {
      await redis.client.publish(channel, text)
    }
    await delivered(here, there)
    t.equal(here.engine.exceptions.isAllowed(ip), false)
    t.strictSame(here.log.messages.filter(line => /Redis has broadcasts/.test(line)).length, 2, 'once a cause')
    await store(id, forged(id, 60_000, { secret }), Date.now() + 60_000)
    const late = await open(t, { keySecret })
    await delivered(late, there)
    t.equal(late.engine.exceptions.isAllowed(ip), false)
    t.match(late.log.text(), 'IP_RISK_BROADCAST_REJECTED')
    for (const { engine } of [here, there, late]) await engine.close()
  }
})

t.test('a signed statement counts for its own key space, for 60 seconds as a broadcast, and until its own end when it is stored', async t => {
  const [here, there] = [await open(t, { keySecret }), await open(t, { keySecret })]
  const id = idOf(ip)
  await redis.client.publish(channel.replace('0::', '1::'), forged(id, 1e6, { secret: keySecret }))
  await redis.client.publish(channel, forged(id, 1e6, { secret: keySecret }).replace(channel, ''))
  await until(() => here.engine.exceptions.isAllowed(ip))
  const other = '203.0.113.10'
  await redis.client.publish(channel, forged(idOf(other), 1e6, { secret: keySecret, atMs: Date.now() - 61_000 }))
  await redis.client.publish(channel, forged(idOf(other), 1e6, { secret: keySecret, atMs: Date.now() + 120_000 }))
  await delivered(here, there)
  t.equal(here.engine.exceptions.isAllowed(other), false)
  t.equal(here.log.messages.filter(line => /more than 60 seconds off/.test(line)).length, 1)
  const elsewhere = await open(t, { keySecret, keyPrefix: 'other:' })
  await redis.client.publish(`${channel}other:`, forged(id, 1e6, { secret: keySecret }))
  await delivered(elsewhere, elsewhere)
  t.equal(elsewhere.engine.exceptions.isAllowed(ip), false, 'signed for another key space')
  await allow(here.engine, other, 5)
  await redis.client.zadd('ip-risk:{broadcasts}:allowed:', Date.now() + 1e9, idOf(other))
  const late = await open(t, { keySecret })
  await until(() => late.engine.exceptions.isAllowed(other))
  late.wait(6)
  t.equal(late.engine.exceptions.isAllowed(other), false)
})

t.test('invalidate() ends an allow in every process, and neither a repeated broadcast nor a restored entry brings it back', async t => {
  for (const cache of [{}, { keySecret }]) {
    const [here, there] = [await open(t, cache), await open(t, cache)]
    const said: string[] = []
    const spy = redis.client.duplicate()
    await spy.subscribe(channel)
    spy.on('message', (_channel, text: string) => said.push(text))
    await allow(here.engine, ip, 3600)
    await until(() => there.engine.exceptions.isAllowed(ip) && said.length === 1)
    const [statements, sets] = ['ip-risk:{broadcasts}:statements:', 'ip-risk:{broadcasts}:allowed:']
    const stored = await redis.client.hgetall(statements)
    await there.engine.invalidate(ip)
    t.equal(there.engine.exceptions.isAllowed(ip), false)
    await until(() => !here.engine.exceptions.isAllowed(ip))
    await redis.client.publish(channel, said[0]!)
    await redis.client.hset(statements, stored)
    await redis.client.zadd(sets, Date.now() + 3_600_000, Object.keys(stored)[0]!.slice('allow:'.length))
    await delivered(here, there)
    const late = await open(t, cache)
    await delivered(late, there)
    t.strictSame([here, there, late].map(({ engine }) => engine.exceptions.isAllowed(ip)), [false, false, false])
    await redis.client.hset(statements, Object.keys(stored)[0]!.replace('allow', 'forget'), 'spoilt')
    const later = await open(t, cache)
    await delivered(later, there)
    t.equal(later.engine.exceptions.isAllowed(ip), false, 'a spoilt revocation revokes')
    await allow(there.engine, ip, 3600)
    await until(() => [here, late].every(({ engine }) => engine.exceptions.isAllowed(ip)))
    for (const { engine } of [here, there, late, later]) await engine.close()
    spy.disconnect()
    await redis.client.flushall()
  }
})

t.test('a revocation is stored for as long as the allow that it ends', async t => {
  const { engine } = await open(t)
  await allow(engine, ip, 31_536_000)
  await engine.invalidate(ip)
  const endMs = Number(await redis.client.zscore('ip-risk:{broadcasts}:forgotten:', ip))
  t.ok(endMs > Date.now() + 31_000_000_000)
  t.ok(await redis.client.pttl('ip-risk:{broadcasts}:statements:') > 31_000_000_000)
})

t.test('without a secret too, an id is an address, a time ends within a year, and a flood is bounded and said once', async t => {
  const [here, there] = [await open(t), await open(t)]
  for (const id of ['nonsense', '010.0.0.1', '203.0.113.9 ', '2001:DB8::9', 'x'.repeat(1000)]) await redis.client.publish(channel, forged(id, 60_000))
  await delivered(here, there)
  t.match(here.log.messages, [/Redis has broadcasts or stored allows that are not ours/])
  await redis.client.publish(channel, `allow\n${ip}\n0\n1e300\n`)
  await redis.client.publish(channel, forged(ip, Number.MAX_SAFE_INTEGER / 2))
  await until(() => here.engine.exceptions.isAllowed(ip))
  here.wait(31_536_000)
  t.equal(here.engine.exceptions.isAllowed(ip), false)
  const flood = redis.client.pipeline()
  const address = (i: number): string => `11.0.${i >> 8}.${i & 255}`
  for (let i = 0; i < 20_000; i++) {
    const text = forged(address(i), 1e6)
    flood.publish(channel, text).zadd('ip-risk:{broadcasts}:allowed:', 1e300 + i * 1e290, address(i))
    flood.hset('ip-risk:{broadcasts}:statements:', `allow:${address(i)}`, text)
  }
  await flood.exec()
  const late = await open(t, { redisTimeoutMs: 10_000 }) // to read 20,000 entries on a busy machine
  await until(() => late.engine.exceptions.isAllowed(address(19_999)))
  await until(() => there.engine.exceptions.isAllowed(address(19_999)))
  for (const { engine, log } of [there, late]) {
    t.ok(Array.from({ length: 20_000 }, (_, i) => i).filter(i => engine.exceptions.isAllowed(address(i))).length <= 10_000)
    t.equal(log.messages.filter(line => /allow\(\) lets more/.test(line)).length <= 1, true)
  }
  await allow(there.engine, '198.51.100.1', 60)
  t.equal(await redis.client.zcount('ip-risk:{broadcasts}:allowed:', 1e299, '+inf'), 0, 'what ends beyond the longest allow is dropped')
})

t.test('stored statements that could not be read in time are read again, and what waits for Redis is published then', async t => {
  const [here, there] = [await open(t), await open(t)]
  await allow(there.engine, ip, 60)
  const other = '203.0.113.10'
  await redis.client.del('ip-risk:{broadcasts}:statements:')
  await redis.client.set('ip-risk:{broadcasts}:statements:', 'of another type')
  await allow(here.engine, other, 60)
  const late = await open(t)
  await new Promise(resolve => setTimeout(resolve, 1500)) // one more try in vain
  t.equal(there.engine.exceptions.isAllowed(other), false)
  t.equal(here.log.messages.length, 1, 'said once')
  t.match(here.log.text(), /IP_RISK_BROADCAST_DELAYED.*WRONGTYPE/)
  await redis.client.del('ip-risk:{broadcasts}:statements:')
  await allow(there.engine, ip, 60)
  await until(() => late.engine.exceptions.isAllowed(ip))
  await until(() => [there, late].every(({ engine }) => engine.exceptions.isAllowed(other)))
})

t.test('a secret is changed in two steps, and what was said under either is understood', async t => {
  const [old, next] = ['the old secret, of length', 'the new secret, of length']
  const first = await open(t, { keySecret: [old, next] })
  const second = await open(t, { keySecret: [next, old] })
  const third = await open(t, { keySecret: old })
  await allow(third.engine, '203.0.113.1', 60)
  await allow(first.engine, '203.0.113.2', 60)
  await allow(second.engine, '203.0.113.3', 60)
  const late = await open(t, { keySecret: [next, old] })
  for (const { engine } of [first, second, late]) await until(() => [1, 2, 3].every(i => engine.exceptions.isAllowed(`203.0.113.${i}`)))
  await first.ask(ip)
  t.equal((await first.ask(ip)).cache, 'memory')
  await second.engine.invalidate('203.0.113.1')
  await second.engine.invalidate(ip)
  await until(() => ![first, second, late].some(({ engine }) => engine.exceptions.isAllowed('203.0.113.1')))
  await until(async () => (await first.ask(ip, 'cache')).cache === 'none')
  await second.ask(ip)
  await third.engine.invalidate(ip)
  await until(async () => (await second.ask(ip, 'wait')).cache !== 'memory')
  const provider = tableProvider({})
  const boot = (keySecret: unknown) => () => createEngine({ provider, cache: { keySecret: keySecret as string } }, memoryLog())
  for (const wrong of [[], [old, old], [old, next, 'one more secret of length']]) {
    t.throws(boot(wrong), /"cache.keySecret" must be one secret, or/)
  }
  t.throws(boot([old, 'short']), /"cache.keySecret" must have at least 16/)
  t.throws(boot(7), /"cache.keySecret" must be a string/)
})

t.test('a lease or a failure that somebody wrote without an end, or with a late one, holds up nobody', async t => {
  for (const [key, put] of [
    ['lease', (key: string) => redis.client.set(key, 'forged')], ['lease', (key: string) => redis.client.set(key, 'forged', 'EX', 3600)],
    ['lease', (key: string) => redis.client.hset(key, 'a', 'b')], ['failed', (key: string) => redis.client.set(key, 'timeout')],
    ['failed', (key: string) => redis.client.set(key, 'timeout', 'EX', 3600)], ['waiters', (key: string) => redis.client.set(key, 'forged')]
  ] as const) {
    await put(`ip-risk:${key}:{${ip}}`)
    const { engine, ask } = await open(t)
    // Waiting for a lease takes two seconds and more.
    t.match(await ask(ip, 'wait', { timeoutMs: 1500 }), { cache: 'miss', answer: { verdict: 'clean' } }, key)
    await until(async () => await redis.client.exists(ip) === 1)
    t.equal(await redis.client.exists(`ip-risk:${key}:{${ip}}`), 0)
    await engine.close()
    await redis.client.flushall()
  }
})
