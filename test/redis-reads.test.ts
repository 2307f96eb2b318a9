import t from 'tap'
import { Redis } from 'ioredis'
import { createKeys } from '../lib/redis/keys.ts'
import { FORGET } from '../lib/redis/scripts.ts'
import { escalate } from '../lib/providers/composite/index.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import type { CacheOptions, Provider } from '../types/contract.ts'
import { allow, testEngine } from './support/engine.ts'
import { aroundScripts, emptied, startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** A real client whose replies can be held back; messages arrive over another connection. */
function holdingClient (): { readonly client: Redis, readonly held: number, hold (): void, release (): void } {
  const client = new Redis(redis.url)
  let held = 0
  let opened = Promise.resolve()
  let release = (): void => {}
  aroundScripts(client, async (_script, run) => {
    const reply = await run()
    held++
    await opened
    held--
    return reply
  })
  return {
    client,
    get held () { return held },
    hold () { opened = new Promise(resolve => { release = resolve }) },
    release: () => release()
  }
}

/** Answers with `now`. */
function changingProvider (): Provider & { now: 'clean' | 'vpn_detected' } {
  const provider: Provider & { now: 'clean' | 'vpn_detected' } = {
    name: 'changing', now: 'clean', lookup: async () => knownAnswer(provider.now)
  }
  return provider
}

t.test('an invalidation that Redis takes late is one for its own process, too, which may have read the old verdict again', async t => {
  const provider = changingProvider()
  const { ask, engine } = await testEngine(t, { provider, redis: redis.url })
  await ask(ip)
  await until(async () => await redis.client.exists(ip) === 1)
  provider.now = 'vpn_detected'
  await redis.client.replicaof('127.0.0.1', 1) // read-only, as during a failover
  await engine.invalidate(ip)
  t.match(await ask(ip), { answer: { verdict: 'clean' }, cache: 'redis' })
  await redis.client.replicaof('no', 'one')
  await until(async () => (await ask(ip)).answer.verdict === 'vpn_detected')
})

t.test('an answer that replaces a verdict is not stored where that was invalidated meanwhile, even before the broadcast arrives', async t => {
  let release = (): void => {}
  const second: Provider = {
    name: 'expensive',
    lookup: async () => {
      await new Promise<void>(resolve => { release = resolve })
      return knownAnswer('vpn_detected')
    }
  }
  const cheap: Provider = { name: 'cheap', sync: true, lookup: () => knownAnswer('suspicious', { score: 0.3 }) }
  const { ask } = await testEngine(t, { provider: escalate(cheap, second, { writesOnly: true }), redis: redis.url })
  await ask(ip)
  await until(async () => await redis.client.exists(ip) === 1)
  const idle = release
  const asked = ask(ip, 'wait', { write: true })
  await until(() => release !== idle)
  const { verdict, lease, waiters, failed, forgotten } = createKeys('', undefined).of(ip)
  await redis.client.eval(FORGET, 5, verdict, lease, waiters, failed, forgotten, '', 60_000)
  release()
  t.match(await asked, { answer: { verdict: 'vpn_detected' } })
  await redis.client.ping()
  await new Promise(resolve => setTimeout(resolve, 100)) // what would be stored is sent after the answer
  t.equal(await redis.client.exists(ip), 0)
})

for (const cache of [{}, { keySecret: 'a secret of some length' }] satisfies CacheOptions[]) {
  const how = 'keySecret' in cache ? 'under HMACs' : 'under addresses'
  const keys = createKeys('', 'keySecret' in cache ? [cache.keySecret] : undefined)

  t.test(`what was read before an invalidation is not kept after it, ${how}`, async t => {
    for (const invalidatedBy of ['another process', 'its own process']) {
      const provider = changingProvider()
      const holding = holdingClient()
      t.teardown(() => holding.client.disconnect())
      const there = await testEngine(t, { provider, redis: redis.url, cache })
      const here = await testEngine(t, { provider, redis: holding.client, cache })
      await there.ask(ip)
      await until(async () => await redis.client.exists(keys.of(keys.id(ip)).verdict) === 1)
      holding.hold()
      const asked = here.ask(ip)
      await until(() => holding.held === 1)
      provider.now = 'vpn_detected'
      if (invalidatedBy === 'another process') {
        await there.engine.invalidate(ip)
        await allow(there.engine, '198.51.100.1', 5)
        await until(() => here.engine.exceptions.isAllowed('198.51.100.1'))
        holding.release()
      } else {
        const invalidated = here.engine.invalidate(ip)
        holding.release()
        await invalidated
      }
      await asked
      t.match(await here.ask(ip), { answer: { verdict: 'vpn_detected' } }, invalidatedBy)
      await redis.client.flushall()
    }
  })
}
