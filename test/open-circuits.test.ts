import t from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { answerAbout } from './support/counting-provider.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { freePort, startRedis } from './support/redis.ts'

const ip = '203.0.113.77'

t.test('while the circuit of Redis is open, a cold lookup waits for no turn of the event loop', async t => {
  const provider = { name: 'quick', lookup: (ip: string) => answerAbout(ip) }
  const log = memoryLog()
  const engine = createEngine({ provider, redis: `redis://127.0.0.1:${await freePort()}` }, log)
  t.teardown(() => engine.close())
  await log.logged('Redis does not answer')
  for (const write of [false, true]) {
    let turned = false
    setImmediate(() => { turned = true })
    const { answer, cache } = await engine.lookup(`203.0.113.${Number(write)}`, { mode: 'wait', write, timeoutMs: 10_000 })
    t.strictSame([answer.verdict !== 'unknown', cache, turned], [true, 'miss', false])
  }
})

t.test('while the circuit of the provider is open, a cold lookup takes no lease, and another process may call', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const cache = { redisTimeoutMs: 2000 }
  const failing = createEngine({ provider: { name: 'one', lookup: () => ({ verdict: 'unknown', reason: 'unavailable' }) }, redis: redis.url, cache }, memoryLog())
  const working = createEngine({ provider: { name: 'one', lookup: (ip: string) => answerAbout(ip) }, redis: redis.url, cache }, memoryLog())
  t.teardown(() => Promise.all([failing.close(), working.close()]))
  const ask = async (engine: typeof working, ip: string) => (await engine.lookup(ip, { mode: 'wait', write: true, timeoutMs: 10_000 })).answer
  for (let i = 0; i < 5; i++) await ask(failing, `198.51.100.${i}`)
  t.equal(failing.stats().providers['one']!.breaker, 'open')
  const scripts = async (): Promise<number> => [...(await redis.client.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
    .reduce((sum, [, calls]) => sum + Number(calls), 0)
  const before = await scripts()
  t.match(await ask(failing, ip), { verdict: 'unknown', reason: 'unavailable' })
  t.equal(await scripts() - before, 1, 'a read')
  t.not((await ask(working, ip)).verdict, 'unknown')
  const other = '203.0.113.78'
  await ask(working, other)
  await until(async () => await redis.client.exists(other) === 1)
  t.not((await ask(failing, other)).verdict, 'unknown', 'what another process has stored is read')
})
