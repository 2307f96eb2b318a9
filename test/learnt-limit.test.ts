import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { createPipelines, type PipelinesDeps, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { realWindows } from '../lib/rate-limit/quota.ts'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { lists } from '../lib/providers/lists/index.ts'
import { fakeIplogs } from '../lib/testing/index.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { ask, clock } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { redisPort, redisServer } from './support/redis-server.ts'
import { until } from './support/until.ts'

const minuteMs = realWindows.minuteMs + realWindows.slackMs

interface Served { readonly provider: Provider, answer: ProviderAnswer }
function served (more: Partial<Provider> = {}): Served {
  const state: Served = { provider: { name: 'served', lookup: () => state.answer, ...more }, answer: knownAnswer('clean') }
  return state
}

function guard (provider: Provider, more: Partial<PipelinesDeps> = {}): ProviderPipelines {
  const guarded = createPipelines(provider, { log: memoryLog(), ...more })
  t.teardown(() => guarded.close())
  return guarded
}

/** How many of so many questions are answered. */
async function answered (guarded: ProviderPipelines, count: number, write: boolean): Promise<number> {
  let known = 0
  for (let i = 0; i < count; i++) if (await ask(guarded, `203.0.113.${i % 250}`, write) === 'clean') known++
  return known
}

t.test('iplogs() refuses no reader and no writer by a limit that its document does not name', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const guarded = guard(iplogs({ baseUrl: server.url }))
  t.equal(await answered(guarded, 100, false), 100)
  t.equal(await answered(guarded, 100, true), 100)
  t.same(iplogs().limits, {})
})

t.test('after a 429, with and without Retry-After, half of each minute is kept for writes', async t => {
  for (const retryAfterSeconds of [30, undefined]) {
    const { now, pass } = clock()
    const state = served()
    const guarded = guard(state.provider, { now })
    t.equal(await answered(guarded, 500, false), 500, 'nothing is known of a limit')
    pass(minuteMs)
    t.equal(await answered(guarded, 13, false), 13)
    t.equal(await answered(guarded, 6, true), 6)
    state.answer = { verdict: 'unknown', reason: 'rate_limited', ...retryAfterSeconds !== undefined && { retryAfterSeconds } }
    t.equal(await ask(guarded, '203.0.113.1'), 'rate_limited')
    state.answer = knownAnswer('clean')
    t.equal(await ask(guarded, '203.0.113.1'), 'rate_limited', 'the pause')
    pass(minuteMs)
    for (let minute = 0; minute < 10; minute++) {
      t.equal(await answered(guarded, 30, false), 10, 'half of the twenty calls of the minute before it')
      t.match(await guarded.ask('203.0.113.1', { write: false }), { reason: 'quota_exhausted', retryAfterSeconds: Number })
      t.equal(await answered(guarded, 30, true), 30, 'writes are not bounded')
      pass(minuteMs)
    }
    t.equal(await answered(guarded, 100, false), 100, 'and it is forgotten')
  }
})

t.test('a 429 after a quiet minute leaves reads one call, and another refusal during the pause teaches nothing', async t => {
  const { now, pass } = clock()
  const state = served({ reserveForWrites: 1 })
  const guarded = guard(state.provider, { now })
  state.answer = { verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 10 }
  t.equal(await ask(guarded, '203.0.113.1'), 'rate_limited')
  pass(10_000)
  state.answer = knownAnswer('clean')
  t.equal(await answered(guarded, 5, false), 1)
  state.answer = { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: 10 }
  const banned = guard(served().provider, { now })
  t.equal(await answered(banned, 5, false), 5, 'a ban says nothing of a limit, and other providers have their own')
})

t.test('known limits keep their own half, and nothing is learnt beside them', async t => {
  const { now, pass } = clock()
  const state = served({ limits: { perMinute: 100 } })
  const guarded = guard(state.provider, { now })
  state.answer = { verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 10 }
  await ask(guarded, '203.0.113.1')
  state.answer = knownAnswer('clean')
  pass(minuteMs)
  t.equal(await answered(guarded, 100, false), 50)
})

t.test('a pause that another process was told teaches this one by its own calls', async t => {
  const server = await redisServer()
  const ports = [redisPort(server.port), redisPort(server.port)]
  t.teardown(async () => {
    for (const port of ports) port.close()
    await server.close()
  })
  const [refused, other] = ports.map(redis => {
    const state = served()
    return { state, guarded: guard(state.provider, { redis: { run: (script, keys, args) => redis.run(script, keys, args, 1_000) } }) }
  })
  t.equal(await answered(other!.guarded, 8, false), 8)
  refused!.state.answer = { verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 1 }
  t.equal(await ask(refused!.guarded, '203.0.113.1'), 'rate_limited')
  await until(async () => await ask(other!.guarded, '203.0.113.1') === 'rate_limited')
  while (await ask(other!.guarded, '203.0.113.1') === 'rate_limited') await sleep(50)
  t.equal(await answered(other!.guarded, 20, false), 0, 'its eight calls were twice what reads get')
  t.equal(await answered(other!.guarded, 20, true), 20)
})

t.test('an exhausted budget still has an answer behind fallback(iplogs(), lists()), and a slow one has time for it', async t => {
  const server = await fakeIplogs({ '203.0.113.2': 'vpn_detected' })
  t.teardown(() => server.close())
  const embedded = lists({ covers: ['203.0.113.0/24'], sources: [{ id: 'hosts', kind: 'hosting', entries: ['203.0.113.1', '203.0.113.2'] }] })
  const provider = fallback(iplogs({ baseUrl: server.url, limits: { perMinute: 1 } }), embedded)
  const guarded = guard(provider)
  t.equal(await ask(guarded, '203.0.113.2'), 'vpn_detected')
  t.match(await guarded.ask('203.0.113.1', { write: true }), { verdict: 'suspicious', provider: 'lists' })
  t.equal(provider.timeoutMs, 4_500 + 5_000)
  t.equal(fallback(iplogs(), iplogs(), lists()).timeoutMs, 2_000 + 2_000 + 5_000)
})
