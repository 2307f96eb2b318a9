import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider, ProviderLimits } from '../types/contract.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { createPipelines, type PipelinesDeps, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { realWindows } from '../lib/rate-limit/quota.ts'
import { fallback } from '../lib/providers/composite/fallback.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { fakeGetipintel } from '../lib/testing/index.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { ask, said } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { redisPort, redisServer } from './support/redis-server.ts'

const windows = { ...realWindows, burstMs: 150 }
const address = (i: number): string => `203.0.113.${i}`

interface Counted extends Provider { readonly asked: string[] }

/** Answers at once, and remembers whom it was asked about. */
function counted (limits: ProviderLimits, more: Partial<Provider> = {}): Counted {
  const asked: string[] = []
  return { name: 'counted', limits, reserveForWrites: 0, asked, lookup: ip => { asked.push(ip); return knownAnswer('clean') }, ...more }
}

function guard (provider: Provider, more: Partial<PipelinesDeps> = {}): ProviderPipelines {
  const guarded = createPipelines(provider, { log: memoryLog(), windows, ...more })
  t.teardown(() => guarded.close())
  return guarded
}

t.test('ten sign-ups at once all get GetIPIntel\'s verdict, five at a time', async t => {
  const server = await fakeGetipintel()
  t.teardown(() => server.close())
  const guarded = guard(getipintel({ contact: 'ops@example.org', baseUrl: server.url, flags: 'm' }), { windows: realWindows })
  const verdicts = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(guarded, address(i))))
  t.same(verdicts, Array(10).fill('clean'))
  const [, , , , fifth, sixth] = server.callTimes
  t.equal(server.calls, 10)
  t.ok(sixth! - fifth! > 100, 'with a pause between them')
})

t.test('writes go first, and the queue is as long as the bulkhead is wide', async t => {
  const provider = counted({ burst: 1 }, { maxConcurrent: 3 })
  const guarded = guard(provider)
  t.equal(await ask(guarded, address(1), false), 'clean')
  const reads = [2, 3, 4].map(i => ask(guarded, address(i), false))
  await sleep(1)
  t.equal(await ask(guarded, address(5), false), 'overloaded', 'the queue is full')
  const write = ask(guarded, address(6), true)
  t.equal(await reads[2], 'overloaded', 'a write takes the place of the last read')
  t.same(await Promise.all([write, ...reads.slice(0, 2)]), ['clean', 'clean', 'clean'])
  t.same(provider.asked, [1, 6, 2, 3].map(address))
})

t.test('who waits for a turn holds no place in the bulkhead', async t => {
  const held = heldProvider(() => knownAnswer('clean'))
  const guarded = guard({ ...held, limits: { burst: 1 }, maxConcurrent: 2 })
  const all: Promise<string>[] = []
  const called = async (count: number): Promise<void> => await until(() => held.calls.length === count)
  all.push(ask(guarded, address(1)))
  await called(1)
  held.release()
  all.push(ask(guarded, address(2)), ask(guarded, address(3)))
  await called(2)
  all.push(ask(guarded, address(4))) // one is under way, and one waits
  await called(3)
  held.release()
  await called(4)
  held.release()
  t.same(await Promise.all(all), Array(4).fill('clean'))
})

t.test('a question leaves the queue when its time is over, when it is cancelled and when the provider is closed', async t => {
  const provider = counted({ burst: 1 }, { timeoutMs: 1_000 })
  const guarded = createPipelines(provider, { log: memoryLog(), windows: { ...realWindows, burstMs: 60_000 } })
  t.equal(await ask(guarded, address(1)), 'clean')
  t.equal(await said(guarded.ask(address(2), { write: true, leftMs: () => 30 })), 'quota_exhausted', 'its turn would come too late')
  t.equal(await said(guarded.ask(address(2), { write: true, timeoutMs: 30 })), 'quota_exhausted')
  const patient = { write: true, leftMs: () => 100_000 }
  const cancelled = new AbortController()
  const waits = said(guarded.ask(address(3), { ...patient, signal: cancelled.signal }))
  const alsoWaits = said(guarded.ask(address(4), patient))
  await sleep(5)
  cancelled.abort()
  t.equal(await waits, 'quota_exhausted')
  t.equal(await said(guarded.ask(address(3), { ...patient, signal: cancelled.signal })), 'quota_exhausted')
  await guarded.close()
  t.equal(await alsoWaits, 'quota_exhausted')
  t.same(provider.asked, [address(1)])
})

t.test('a minute that is full refuses at once, also those who wait already', async t => {
  const provider = counted({ burst: 1, perMinute: 2 })
  const guarded = guard(provider)
  const all = await Promise.all([1, 2, 3, 4].map(i => ask(guarded, address(i))))
  t.same(all, ['clean', 'clean', 'quota_exhausted', 'quota_exhausted'])
  t.equal(await ask(guarded, address(5)), 'quota_exhausted')
})

t.test('a call that waited for its turn has what is left of its time', async t => {
  const silent = new Promise<never>(() => {})
  const slow = counted({ burst: 1 }, { lookup: ip => ip === address(1) ? knownAnswer('clean') : silent })
  const guarded = guard(fallback(slow, counted({}, { name: 'next' }), { attemptTimeoutMs: 300 }))
  t.equal(await ask(guarded, address(1)), 'clean')
  const begun = performance.now()
  t.match(await guarded.ask(address(2), { write: true }), { provider: 'next' })
  t.ok(performance.now() - begun < 3_000)
})

t.test('a lookup whose turn comes when nobody waits any more is not made, but one that somebody still waits for is', async t => {
  const provider = counted({ burst: 1 })
  const { ask } = await testEngine(t, { provider })
  await ask(address(1))
  const call = { write: true }
  const verdicts = await Promise.all([
    ask(address(2), 'wait', { ...call, timeoutMs: 20 }), ask(address(3), 'wait', { ...call, timeoutMs: 8_000 }),
    ask(address(4), 'wait', { ...call, timeoutMs: 1_500 }), ask(address(4), 'wait', { ...call, timeoutMs: 8_000 })
  ])
  t.match(verdicts.map(({ answer }) => answer), [{ reason: 'quota_exhausted' }, { verdict: 'clean' }, { verdict: 'unknown' }, { verdict: 'clean' }])
  t.same(provider.asked, [1, 3, 4].map(address))
})

t.test('a question that waits does not count against its /64 twice', async t => {
  const guarded = guard(counted({ burst: 1 }), { windows: { ...realWindows, burstMs: 10 } })
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(guarded, `2001:db8::${i}`)))
  t.same(all, Array(10).fill('clean'))
  t.equal(await ask(guarded, '2001:db8::b'), 'overloaded')
})

t.test('a fleet smooths its bursts together, also while Redis is away', async t => {
  const server = await redisServer()
  const port = redisPort(server.port)
  t.teardown(async () => {
    port.close()
    await server.close()
  })
  const redis: ScriptRunner = { run: (script, keys, args) => port.run(script, keys, args, 1_000) }
  const one = counted({ perMinute: 100, burst: 2 })
  const two = counted({ perMinute: 100, burst: 2 })
  const fleet = [guard(one, { redis }), guard(two, { redis })]
  const verdicts = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(fleet[i % 2]!, address(i))))
  t.same(verdicts, Array(8).fill('clean'))
  t.equal(one.asked.length + two.asked.length, 8)
  await server.kill()
  t.same(await Promise.all([11, 12, 13].map(i => ask(fleet[0]!, address(i)))), ['clean', 'clean', 'clean'])
})
