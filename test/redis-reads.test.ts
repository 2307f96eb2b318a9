import t from 'tap'
import { Redis } from 'ioredis'
import { createKeys } from '../lib/redis/keys.ts'
import type { CacheOptions } from '../types/contract.ts'
import { allow, testEngine } from './support/engine.ts'
import { startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(async () => { await redis.client.flushall() })

/** A real client whose replies can be held back; messages arrive over another connection. */
function holdingClient (): { readonly client: Redis, readonly held: number, hold (): void, release (): void } {
  const client = new Redis(redis.url)
  let held = 0
  let opened = Promise.resolve()
  let release = (): void => {}
  for (const name of ['eval', 'evalsha'] as const) {
    const run = client[name].bind(client) as (...args: unknown[]) => Promise<unknown>
    Object.assign(client, {
      async [name] (...args: unknown[]) {
        const reply = await run(...args)
        held++
        await opened
        held--
        return reply
      }
    })
  }
  return {
    client,
    get held () { return held },
    hold () { opened = new Promise(resolve => { release = resolve }) },
    release: () => release()
  }
}

for (const cache of [{}, { keySecret: 'a secret of some length' }] satisfies CacheOptions[]) {
  const how = 'keySecret' in cache ? 'under HMACs' : 'under addresses'
  const keys = createKeys('', 'keySecret' in cache ? [cache.keySecret] : undefined)

  t.test(`what was read before an invalidation is not kept after it, ${how}`, async t => {
    for (const invalidatedBy of ['another process', 'its own process']) {
      let verdict: 'clean' | 'vpn_detected' = 'clean'
      const provider = {
        name: 'changing',
        lookup: async () => ({ verdict, score: 0.5, isVpn: verdict !== 'clean', confidence: 0.9, signals: [], info: {}, categories: [] })
      }
      const holding = holdingClient()
      t.teardown(() => holding.client.disconnect())
      const there = await testEngine(t, { provider, redis: redis.url, cache })
      const here = await testEngine(t, { provider, redis: holding.client, cache })
      await there.ask(ip)
      await until(async () => await redis.client.exists(keys.of(keys.id(ip)).verdict) === 1)
      holding.hold()
      const asked = here.ask(ip)
      await until(() => holding.held === 1)
      verdict = 'vpn_detected'
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
