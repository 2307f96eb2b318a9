import t from 'tap'
import Fastify from 'fastify'
import ipRisk from '../lib/index.ts'
import { fakeGetipintel } from '../lib/testing/index.ts'
import type { SettlingProvider } from '../types/contract.ts'
import type { VerdictName } from '../types/contract.ts'
import { consensus } from '../lib/providers/composite/consensus.ts'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { answer } from './support/table-provider.ts'

const ip = '203.0.113.9'
const redis: RedisServer = await startRedis()

t.beforeEach(emptied(redis))
t.teardown(async () => await redis.stop())

interface Unsettled extends SettlingProvider { readonly first: string[], readonly second: string[] }

/** As GetIPIntel without flags: the settled answer is another one, and may be had after a while. */
function unsettled (settlesAfterMs: number, settled: VerdictName = 'vpn_detected', more: Partial<SettlingProvider> = {}): Unsettled {
  const first: string[] = []
  const second: string[] = []
  return {
    name: 'unsettled',
    first,
    second,
    settlesAfterMs,
    async lookup (ip, context) {
      first.push(ip)
      context.later?.(settlesAfterMs + 100, async () => {
        second.push(ip)
        return answer(settled)
      })
      return answer('clean')
    },
    ...more
  }
}

t.test('GetIPIntel without flags is asked again after five seconds, after reads too; with flags it is not', async t => {
  for (const flags of [undefined, 'm', 'b', 'f'] as const) {
    const provider = getipintel({ contact: 'ops@example.org', ...flags !== undefined && { flags } })
    t.equal((provider as Partial<SettlingProvider>).settlesAfterMs, flags === undefined ? 5_000 : undefined)
    await provider.close!()
  }
})

for (const shared of [false, true]) {
  t.test(`a write waits for the settled answer where its time allows, ${shared ? 'with' : 'without'} Redis`, async t => {
    const url = shared ? redis.url : undefined
    // Longer than a busy machine takes for the reads before.
    const provider = unsettled(1000)
    const { engine, ask } = await testEngine(t, { provider, redis: url })
    t.match(await ask(ip), { answer: { verdict: 'clean' }, cache: 'miss' }, 'a read takes what is there')
    t.match(await ask(ip), { answer: { verdict: 'clean' }, cache: 'memory' })
    t.match(await ask(ip, 'wait', { write: true, timeoutMs: 100 }), { answer: { verdict: 'clean' } }, 'and so does a write without the time')
    t.match(await ask(ip, 'cache', { write: true }), { answer: { verdict: 'clean' } }, 'or one that does not wait for lookups')
    t.same(provider.second, [])
    t.match(await ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
    t.match(engine.lookup(ip, { mode: 'wait', write: true, timeoutMs: 10_000 }), { answer: { verdict: 'vpn_detected' }, cache: 'memory' }, 'without a promise')
    if (shared) await until(async () => JSON.parse(await redis.client.get(ip) ?? '{}').verdict === 'vpn_detected')

    const other = '203.0.113.10'
    t.match(await ask(other, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, cache: 'miss' }, 'a cold write too')
    t.match(await ask('203.0.113.11', 'wait', { write: true, timeoutMs: 250 }), { answer: { verdict: 'clean' } }, 'unless it has no time for it')
    t.same(provider.first, [ip, other, '203.0.113.11'])
  })
}

t.test('the settled answer reaches the memory of other processes, and their writes wait for it', async t => {
  const provider = unsettled(400)
  const here = await testEngine(t, { provider, redis: redis.url })
  const there = await testEngine(t, { provider: { ...provider }, redis: redis.url })
  const beside = await testEngine(t, { provider: { ...provider }, redis: redis.url, cache: { keyPrefix: 'other:' } })
  await here.ask(ip)
  await until(async () => await redis.client.exists(ip) === 1)
  t.match(await there.ask(ip), { answer: { verdict: 'clean' }, cache: 'redis' })
  t.match(await there.ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
  t.match(there.engine.lookup(ip, { mode: 'wait', write: false, timeoutMs: 1 }), { answer: { verdict: 'vpn_detected' }, cache: 'memory' })
  t.same([provider.first, provider.second], [[ip], [ip]])
  await beside.engine.close()
})

t.test('where the second answer never comes, the first one stays', async t => {
  const provider = unsettled(150, 'clean', { async lookup () { return answer('suspicious') } })
  const here = await testEngine(t, { provider, redis: redis.url })
  const there = await testEngine(t, { provider: { ...provider }, redis: redis.url })
  const answers = await Promise.all([here, there].map(async ({ ask }) => await ask(ip, 'wait', { write: true })))
  for (const found of answers) t.match(found, { answer: { verdict: 'suspicious' } })
})

t.test('second questions come out of the reads\' part of the budget, and a write is not kept waiting where there is none', async t => {
  const provider = unsettled(100, 'vpn_detected', { limits: { perMinute: 4 } })
  const { engine, ask, log } = await testEngine(t, { provider })
  await Promise.all(['203.0.113.1', '203.0.113.2'].map(async ip => await ask(ip)))
  await until(() => log.messages.some(line => /leave to reads are spent/.test(line)))
  t.same(provider.second, [], 'two reads left nothing for reads')
  for (const ip of ['203.0.113.3', '203.0.113.4']) t.match(await ask(ip, 'wait', { write: true }), { answer: { verdict: 'clean' } }, 'writes have their part')
  t.match(engine.stats().providers['unsettled'], { calls: 4, minuteLeft: 0 })
})

t.test('an address is asked about a second time once, and not where nobody would see the answer', async t => {
  const more: string[] = []
  const twice = unsettled(20, 'clean', {
    async lookup (ip, { later }) {
      for (let i = 0; i < 3; i++) later?.(20, async () => { more.push(ip); return answer('clean') })
      return answer('clean')
    }
  })
  const { ask } = await testEngine(t, { provider: twice })
  await ask(ip)
  await until(() => more.length > 0)

  const inBulk = unsettled(1)
  const guarded = createPipelines(inBulk, { log: memoryLog(), settled: () => () => {} })
  await collect(guarded.bulk(['203.0.113.1', '203.0.113.2'], { write: true }))
  const member = unsettled(1)
  const merged = await testEngine(t, { provider: consensus([member, { name: 'b', lookup: async () => answer('clean') }]) })
  await merged.ask(ip, 'wait', { write: true })
  const inFallback = unsettled(1)
  const next = await testEngine(t, { provider: fallback(inFallback, { name: 'b', lookup: async () => answer('clean') }) })
  await next.ask(ip)
  await until(() => inFallback.second.length === 1)
  t.same([more, inBulk.second, member.second], [[ip], [], []])
  await guarded.close()
})

t.test('a write that waits ends with the engine', async t => {
  const { engine, ask } = await testEngine(t, { provider: unsettled(8_000) })
  await ask(ip)
  const waiting = ask(ip, 'wait', { write: true, timeoutMs: 60_000 })
  await engine.close()
  t.match(await waiting, { answer: { verdict: 'clean' } })
})

t.test('GetIPIntel itself: a sign-up that has the time is judged by the settled value', async t => {
  const server = await fakeGetipintel({ [ip]: [0.2, 0.995], '203.0.113.10': [0.2, 0.995] })
  const app = Fastify()
  t.teardown(async () => {
    await app.close()
    await server.close()
  })
  await app.register(ipRisk, { provider: getipintel({ contact: 'ops@example.org', baseUrl: server.url }) })
  app.post('/patient', { config: { ipRisk: { action: 'signup', timeoutMs: 20_000 } } }, async () => ({}))
  app.post('/hasty', { config: { ipRisk: 'signup' } }, async () => ({}))
  const post = async (url: string, remoteAddress: string): Promise<number> => (await app.inject({ method: 'POST', url, remoteAddress })).statusCode
  t.same(await Promise.all([post('/patient', ip), post('/hasty', '203.0.113.10')]), [403, 200])
  t.same(server.asked.filter(asked => asked === ip).length, 2)
  await until(async () => await post('/hasty', '203.0.113.10') === 403)
})
