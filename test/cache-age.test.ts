import t from 'tap'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { consensus } from '../lib/providers/composite/consensus.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import type { Provider } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.9'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const entry = { verdict: 'vpn_detected', score: 0.92, is_vpn: true, confidence: 0.88, signals: [], ip_info: { ip }, provider: 'table' }
const clean = (more: Partial<Provider> = {}) => tableProvider({ [ip]: 'clean' }, more)

/** Answers once, then fails. */
function once (more: Partial<Provider> = {}): Provider {
  let asked = false
  return {
    name: 'once',
    async lookup (address) {
      if (asked) return { verdict: 'unknown', reason: 'unavailable' }
      asked = true
      return await clean().lookup(address, undefined as never)
    },
    ...more
  }
}

t.test('an entry without checked_at that lives longer than ttlSeconds has no known age, and is replaced', async t => {
  const stored: readonly object[] = [entry, { ...entry, checked_at: 'yesterday' }, { ...entry, checked_at: '2999-01-01T00:00:00Z' }]
  for (const value of stored) {
    const provider = clean()
    const { engine, ask } = await testEngine(t, { provider, redis: redis.url })
    await redis.client.set(ip, JSON.stringify(value), 'EX', 86_400)
    t.match(await ask(ip), { cache: 'miss', answer: { verdict: 'clean' } })
    await until(async () => JSON.parse((await redis.client.get(ip))!).verdict === 'clean')
    await engine.close()
  }
})

t.test('an entry that names its time counts by that, however long it lives; one without, when it can be at most ttlSeconds old', async t => {
  const { ask, engine } = await testEngine(t, { provider: clean(), redis: redis.url })
  await redis.client.set(ip, JSON.stringify({ ...entry, checked_at: new Date(Date.now() - 60_000).toISOString() }), 'EX', 86_400)
  t.match(await ask(ip), { cache: 'redis', answer: { verdict: 'vpn_detected' } })
  await engine.close()
  const other = await testEngine(t, { provider: clean(), redis: redis.url })
  await redis.client.set(ip, JSON.stringify(entry), 'EX', 300)
  t.match(await other.ask(ip), { cache: 'redis', answer: { verdict: 'vpn_detected' } })
})

t.test('GetIPIntel allows six hours in all: a stale answer of its own is no older', async t => {
  t.equal(getipintel({ contact: 'ops@example.com' }).maxAgeSeconds, 21_600)
  for (const [maxAgeSeconds, cache] of [[21_600, 'none'], [undefined, 'stale']] as const) {
    const { ask, wait } = await testEngine(t, {
      provider: once({ ...maxAgeSeconds !== undefined && { maxAgeSeconds } }),
      cache: { ttlSeconds: 21_600, staleIfErrorSeconds: 3600 }
    })
    t.match(await ask(ip), { answer: { verdict: 'clean' } })
    wait(21_590)
    t.match(await ask(ip), { cache: 'memory', answer: { verdict: 'clean' } })
    wait(60)
    const late = await ask(ip)
    t.equal(late.cache === 'stale' ? 'stale' : 'none', cache)
  }
})

t.test('maxAgeSeconds bounds the fresh time too, in memory and in Redis', async t => {
  const provider = clean({ maxAgeSeconds: 60 })
  const { ask, wait } = await testEngine(t, { provider, redis: redis.url })
  await ask(ip)
  await until(async () => await redis.client.exists(ip) === 1)
  t.ok(await redis.client.ttl(ip) <= 60)
  wait(59)
  t.equal((await ask(ip)).cache, 'memory')
  wait(2)
  t.equal((await ask(ip)).cache, 'miss')
  t.equal(provider.calls.length, 2)
})

t.test('a composite keeps an answer as long as the member that gave it allows', async t => {
  const strict = (rows: Parameters<typeof tableProvider>[0]) => tableProvider(rows, { name: 'strict', maxAgeSeconds: 60 })
  const other = '203.0.113.10'
  const either = fallback(tableProvider({ [ip]: 'clean' }, { name: 'lenient' }), strict({ [other]: 'clean' }))
  const { ask, wait } = await testEngine(t, { provider: either, redis: redis.url })
  for (const address of [ip, other]) await ask(address)
  await until(async () => await redis.client.exists(ip, other) === 2)
  t.ok(await redis.client.ttl(ip) > 290)
  t.ok(await redis.client.ttl(other) <= 60)
  wait(61)
  t.equal((await ask(ip)).cache, 'memory')
  t.equal((await ask(other)).cache, 'miss')
  const both = await testEngine(t, { provider: consensus([clean({ name: 'lenient' }), strict({ [ip]: 'clean' })]) })
  await both.ask(ip)
  both.wait(61)
  t.equal((await both.ask(ip)).cache, 'miss', 'a consensus has a part of each')
})

t.test('maxAgeSeconds that is no positive number is refused', async t => {
  await t.rejects(testEngine(t, { provider: clean({ maxAgeSeconds: 0 }) }), { code: 'FST_IP_RISK_BAD_OPTION', message: /"provider\.maxAgeSeconds" must be a number from 1/ })
})
