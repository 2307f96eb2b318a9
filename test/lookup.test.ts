import t from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import type { CompositeProvider, SettlingContext } from '../types/contract.ts'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { allow, heldProvider, testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.7'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** One contract, whatever stands behind the memory. */
for (const [kind, url] of [['memory alone', undefined], ['memory and Redis', redis.url]] as const) {
  t.test(kind, async t => {
    t.test('asks once, then answers from memory without a promise until the verdict is ttlSeconds old', async t => {
      const provider = tableProvider({ [ip]: 'suspicious' })
      const { engine, ask, wait } = await testEngine(t, { provider, redis: url })
      t.match(await ask(ip), { cache: 'miss', provider: 'table', answer: { verdict: 'suspicious' } })
      const hit = engine.lookup(ip, { mode: 'wait', write: true, timeoutMs: 1 })
      t.notOk(hit instanceof Promise)
      t.match(hit, { cache: 'memory', answer: { verdict: 'suspicious', score: 0.4 } })
      wait(301)
      t.equal((await ask(ip)).cache, 'miss')
      t.strictSame(provider.calls, [ip, ip])
      t.match(engine.stats().lookups, { memory: 1, provider: 2 })
    })

    t.test('requests that come together share one call, and a time limit ends the waiting of its own request only', async t => {
      const provider = heldProvider(() => answer('clean'))
      const { engine, ask } = await testEngine(t, { provider, redis: url })
      const patient = [ask(ip), ask(ip), ask(ip)]
      t.match(await ask(ip, 'wait', { timeoutMs: 30 }), { answer: { verdict: 'unknown', reason: 'timeout' } })
      await until(() => provider.calls.length === 1)
      provider.release()
      for (const verdict of await Promise.all(patient)) t.equal(verdict.answer.verdict, 'clean')
      t.equal(provider.calls.length, 1)
      t.equal((await ask(ip)).cache, 'memory', 'the late answer was kept')
      t.match(engine.stats().lookups, { provider: 1, shared: 3 })
    })

    t.test('a background lookup answers at once, and the next write finds the verdict', async t => {
      const provider = heldProvider(() => answer('vpn_detected'))
      const { ask } = await testEngine(t, { provider, redis: url })
      t.match(await ask(ip, 'background'), { answer: { verdict: 'unknown', reason: 'pending' } })
      t.match(await ask(ip, 'background'), { answer: { reason: 'pending' } })
      await until(() => provider.calls.length === 1)
      provider.release()
      await until(async () => (await ask(ip, 'cache')).cache === 'memory')
      t.match(await ask(ip, 'wait', { write: true }), { cache: 'memory', answer: { verdict: 'vpn_detected' } })
      t.equal(provider.calls.length, 1)
    })

    t.test('a route that asks nobody gets what is cached, and nothing else', async t => {
      const provider = tableProvider({ [ip]: 'clean' })
      const { ask } = await testEngine(t, { provider, redis: url })
      t.match(await ask(ip, 'cache'), { cache: 'none', provider: 'none', answer: { reason: 'not_asked' } })
      t.match(await ask(ip, 'skip'), { answer: { reason: 'skipped' } })
      t.strictSame(provider.calls, [])
    })

    t.test('unknown is kept for unknownTtlSeconds, in memory', async t => {
      let row: ProviderAnswer = { verdict: 'unknown', reason: 'bad_response' }
      const provider = tableProvider({}, { lookup: async () => row })
      const { ask, wait } = await testEngine(t, { provider, redis: url, cache: { unknownTtlSeconds: 10 } })
      t.match(await ask(ip), { cache: 'miss', answer: { reason: 'bad_response' } })
      t.equal(await redis.client.exists(ip), 0)
      row = answer('clean')
      t.match(await ask(ip), { cache: 'memory', answer: { reason: 'bad_response' } })
      wait(11)
      await redis.client.flushall() // the short mark for the others, by the other clock
      t.match(await ask(ip), { cache: 'miss', answer: { verdict: 'clean' } })
    })

    t.test('when nobody can say more, a stale verdict stands in, and is asked for again later', async t => {
      let row: ProviderAnswer = answer('vpn_likely')
      const provider = tableProvider({}, { lookup: async () => row })
      const { engine, ask, wait } = await testEngine(t, { provider, redis: url, cache: { staleIfErrorSeconds: 1000 } })
      await ask(ip)
      await redis.client.flushall()
      row = { verdict: 'unknown', reason: 'unavailable' }
      wait(400)
      t.match(await ask(ip), { cache: 'stale', answer: { verdict: 'vpn_likely' } })
      t.notOk(engine.lookup(ip, { mode: 'wait', write: false, timeoutMs: 1 }) instanceof Promise, 'for a while without asking')
      t.equal(engine.stats().lookups.stale, 2)
      row = answer('clean')
      wait(11)
      await redis.client.flushall()
      t.match(await ask(ip), { cache: 'miss', answer: { verdict: 'clean' } })
      await redis.client.flushall()
      row = { verdict: 'unknown', reason: 'unavailable' }
      wait(1301)
      t.match(await ask(ip), { answer: { verdict: 'unknown', reason: 'unavailable' } })
    })

    t.test('a stale verdict stands in for one that takes too long, and not for an answer that there is none', async t => {
      const provider = heldProvider(() => ({ verdict: 'unknown', reason: 'no_data' }))
      const { engine, ask, wait } = await testEngine(t, { provider, redis: url })
      const first = ask(ip)
      await until(() => provider.calls.length === 1)
      provider.release()
      await first
      t.match(await first, { answer: { reason: 'no_data' } })
      const known = tableProvider({ [ip]: 'clean' }, { name: 'held' })
      const { ask: askKnown, wait: waitKnown } = await testEngine(t, { provider: known, redis: url, cache: { keyPrefix: 'other:' } })
      await askKnown(ip)
      waitKnown(301)
      wait(301)
      Object.assign(known, { lookup: () => new Promise(() => {}) })
      t.match(await askKnown(ip, 'wait', { timeoutMs: 20 }), { cache: 'stale', answer: { verdict: 'clean' } })
      t.equal(engine.stats().lookups.stale, 0)
    })

    t.test('a verdict in the last tenth of its life is refreshed behind the request, once', async t => {
      const provider = tableProvider({ [ip]: 'clean' })
      const { engine, ask, wait } = await testEngine(t, { provider, redis: url })
      await ask(ip)
      wait(269)
      await ask(ip)
      t.equal(provider.calls.length, 1, 'not before')
      wait(2)
      if (url !== undefined) await redis.client.expire(ip, 29) // as it is by then on the clock of Redis
      t.equal((await ask(ip, 'cache')).cache, 'memory', 'a route that asks nobody leaves it')
      for (let i = 0; i < 5; i++) t.equal((await ask(ip)).cache, 'memory')
      await until(() => engine.stats().lookups.refreshed === 1)
      t.equal(provider.calls.length, 2)
      wait(60)
      t.equal((await ask(ip)).cache, 'memory', 'it lives on')
      t.equal(provider.calls.length, 2)
    })

    t.test('a refresh that fails leaves the verdict, and is not repeated at once', async t => {
      let row: ProviderAnswer = answer('clean')
      let calls = 0
      const provider = tableProvider({}, { lookup: async () => { calls++; return row } })
      const { ask, wait } = await testEngine(t, { provider, redis: url })
      await ask(ip)
      row = { verdict: 'unknown', reason: 'timeout' }
      wait(275)
      if (url !== undefined) await redis.client.expire(ip, 25)
      await ask(ip)
      await until(() => calls === 2)
      await new Promise(resolve => setTimeout(resolve, 20))
      for (let i = 0; i < 5; i++) t.match(await ask(ip), { cache: 'memory', answer: { verdict: 'clean' } })
      t.equal(calls, 2)
    })

    t.test('where the calls of a day are counted, nothing is refreshed ahead', async t => {
      const member = tableProvider({ [ip]: 'clean' }, { name: 'member', limits: { perDay: 500 } })
      const provider: CompositeProvider = {
        name: 'all',
        names: ['member'],
        members: [member],
        lookup: async (ip, { ask }) => ({ ...await ask(member, ip), provider: 'member' }) as ProviderAnswer
      }
      const { ask, wait } = await testEngine(t, { provider, redis: url })
      t.match(await ask(ip), { provider: 'member', answer: { verdict: 'clean' } })
      wait(290)
      t.match(await ask(ip), { cache: 'memory', provider: 'member' })
      t.strictSame(member.calls, [ip])
    })

    t.test('a write is not content with what a read was refused', async t => {
      const writes: boolean[] = []
      const provider = heldProvider((_, { write }) => write ? answer('clean') : { verdict: 'unknown', reason: 'quota_exhausted' })
      const lookup: Provider['lookup'] = (ip, context) => {
        writes.push(context.write)
        return provider.lookup(ip, context)
      }
      const { ask } = await testEngine(t, { provider: { ...provider, lookup }, redis: url })
      const read = ask(ip)
      await until(() => provider.calls.length === 1)
      const write = ask(ip, 'wait', { write: true })
      provider.release()
      t.match(await read, { answer: { reason: 'quota_exhausted' } })
      await until(() => provider.calls.length === 2)
      provider.release()
      t.match(await write, { answer: { verdict: 'clean' } })
      t.strictSame(writes, [false, true])
    })

    t.test('what was forgotten while it was being found out is not kept', async t => {
      const provider = heldProvider(() => answer('vpn_detected'))
      const { engine, ask } = await testEngine(t, { provider, redis: url })
      const first = ask(ip)
      await until(() => provider.calls.length === 1)
      await engine.invalidate(ip)
      provider.release()
      t.equal((await first).answer.verdict, 'vpn_detected', 'who asked before gets it')
      t.match(await ask(ip, 'cache'), { answer: { reason: 'not_asked' } })
      t.equal(await redis.client.exists(ip), 0)
    })

    t.test('a provider that looks again replaces its own verdict only', async t => {
      let settled = (): void => {}
      const provider = tableProvider({}, {
        async lookup (_ip, { later }: SettlingContext) {
          await new Promise<void>(resolve => {
            settled = resolve
            later?.(1, async () => answer('vpn_detected'))
            resolve()
          })
          return answer('clean')
        }
      })
      const { ask } = await testEngine(t, { provider, redis: url })
      t.equal((await ask(ip)).answer.verdict, 'clean')
      settled()
      await until(async () => (await ask(ip)).answer.verdict === 'vpn_detected')
      if (url !== undefined) await until(async () => JSON.parse(await redis.client.get(ip) ?? '{}').verdict === 'vpn_detected')
    })

    t.test('allow() lets an address pass for a while', async t => {
      const { engine, wait } = await testEngine(t, { provider: tableProvider({}), redis: url })
      await allow(engine, ip, 60)
      t.equal(engine.exceptions.isAllowed(ip), true)
      t.equal(engine.exceptions.isAllowed('203.0.113.8'), false)
      wait(61)
      t.equal(engine.exceptions.isAllowed(ip), false)
    })
  })
}

t.test('families that a provider does not know are not asked about; a sync provider is asked each time', async t => {
  const { ask } = await testEngine(t, { provider: tableProvider({}, { families: [4] }) })
  t.match(await ask('2001:db8::1'), { answer: { reason: 'unsupported_family' } })
  const sync = { name: 'at-once', sync: true, lookup: () => answer('clean') }
  const engine = createEngine({ provider: sync, redis: redis.url }, memoryLog())
  t.teardown(() => engine.close())
  t.match(engine.lookup(ip, { mode: 'cache', write: false, timeoutMs: 1 }), { cache: 'none', provider: 'at-once', answer: { verdict: 'clean' } })
  t.equal(await redis.client.exists(ip), 0)
})
