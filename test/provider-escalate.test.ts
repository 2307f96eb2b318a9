import t from 'tap'
import type { KnownAnswer, Provider, ProviderAnswer } from '../types/contract.ts'
import { type CalendarBudget, calendarBudget } from '../lib/rate-limit/index.ts'
import type { ScriptRunner } from '../lib/redis/index.ts'
import { consensus, escalate, fallback, shadow } from '../lib/providers/composite/index.ts'
import { createPipelines, type PipelinesDeps, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { fakeProvider, type FakeAnswer, type FakeProvider } from '../lib/testing/index.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/verdict.ts'
import { testEngine } from './support/engine.ts'
import { ask } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { redisPort } from './support/redis-server.ts'
import { emptied, freePort, type RedisServer, startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const redis: RedisServer = await startRedis()
t.beforeEach(emptied(redis))
t.teardown(async () => await redis.stop())

const grey = '203.0.113.5'
const plain = '203.0.113.1'
const answers = { [grey]: 'suspicious', [plain]: 'clean' } as const

const cheapSync = (): Provider => ({
  name: 'cheap',
  sync: true,
  lookup: ip => ip === grey ? knownAnswer('suspicious', { score: 0.3 }) : ip === plain ? knownAnswer('clean') : unknownAnswer('no_data')
})
const expensive = (otherwise: FakeAnswer, more: Partial<Provider> = {}): FakeProvider =>
  ({ ...fakeProvider({}, { name: 'expensive', otherwise }), ...more } as FakeProvider)

interface Closing { teardown (close: () => unknown): unknown }

async function pipelinesOf (t: Closing, provider: Provider, deps: Partial<PipelinesDeps> = {}): Promise<ProviderPipelines> {
  const pipelines = createPipelines(provider, { log: memoryLog(), ...deps })
  t.teardown(() => pipelines.close())
  return pipelines
}

t.test('escalate asks the expensive provider for the grey zone only', async t => {
  const second = expensive('vpn_detected')
  const pipelines = await pipelinesOf(t, escalate(fakeProvider(answers, { name: 'cheap' }), second))
  t.match(await pipelines.ask(plain, { write: true }), { verdict: 'clean', provider: 'cheap' })
  t.match(await pipelines.ask(grey, { write: false }), {
    verdict: 'vpn_detected', provider: 'expensive', signals: [{ type: 'escalated', detail: 'cheap suspicious' }]
  })
  t.same(second.asked, [grey])
  t.match(pipelines.compositeStats(), { 'escalate(cheap,expensive)': { escalation: { lookups: 2, escalated: 1, changed: 1, unanswered: 0 } } })
})

t.test('the grey zone is one of verdicts, scores and categories', async t => {
  const cases: [ProviderAnswer, Parameters<typeof escalate>[2], boolean][] = [
    [knownAnswer('vpn_likely'), {}, true],
    [knownAnswer('vpn_detected'), {}, false],
    [unknownAnswer('no_data'), {}, false],
    [unknownAnswer('no_data'), { when: { verdicts: ['unknown'] } }, true],
    [knownAnswer('clean', { score: 0.5 }), { when: { scoreBetween: [0.4, 0.6] } }, true],
    [knownAnswer('suspicious', { score: 0.7 }), { when: { scoreBetween: [0.4, 0.6] } }, false],
    [knownAnswer('clean', { categories: ['hosting'] }), { when: { categories: ['hosting'] } }, true]
  ]
  for (const [first, options, escalates] of cases) {
    const second = expensive('clean')
    const pipelines = await pipelinesOf(t, escalate({ name: 'cheap', lookup: () => first }, second, options))
    await pipelines.ask(plain, { write: true })
    t.equal(second.asked.length, escalates ? 1 : 0, JSON.stringify([first, options]))
  }
  for (const when of [{ verdicts: ['maybe'] }, { scoreBetween: [0.6, 0.4] }, { scoreBetween: 1 }, { categories: ['x'] }, { action: 'signup' }]) {
    t.throws(() => escalate(cheapSync(), expensive('clean'), { when } as never), { code: 'FST_IP_RISK_BAD_OPTION' })
  }
})

t.test('with writesOnly, a write of the grey zone does not accept what a read cached; a clean one does', async t => {
  for (const url of [undefined, redis.url]) {
    const second = expensive('vpn_detected')
    const provider = escalate(cheapSync(), second, { writesOnly: true })
    const shared = url === undefined ? {} : { redis: url }
    const { ask, engine } = await testEngine(t, { provider, ...shared })
    await engine.invalidate(grey) // what a write finds is shared just after it, too
    t.match(await ask(grey), { answer: { verdict: 'suspicious' }, provider: 'cheap', cache: 'miss' })
    t.match(await ask(grey), { cache: 'memory' }, 'cached although the cheap provider is sync')
    t.equal(second.asked.length, 0)
    t.match(await ask(grey, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, provider: 'expensive', cache: 'miss' })
    t.match(await ask(grey, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, cache: 'memory' })
    t.match(await ask(grey), { answer: { verdict: 'vpn_detected' } }, 'a read gets what the write learned')
    await ask(plain)
    t.match(await ask(plain, 'wait', { write: true }), { answer: { verdict: 'clean' }, cache: 'memory' })
    t.equal(second.asked.length, 1)
    if (url === undefined) continue
    const other = await testEngine(t, { provider: escalate(cheapSync(), expensive('vpn_detected'), { writesOnly: true }), ...shared })
    t.match(await other.ask(grey, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' }, cache: 'redis' }, 'the entry says that it was escalated')
  }
})

t.test('an unescalated entry of another process is a miss for a write', async t => {
  const make = (second: Provider) => testEngine(t, { provider: escalate(cheapSync(), second, { writesOnly: true }), redis: redis.url })
  const here = await make(expensive('vpn_detected'))
  t.match(await here.ask(grey), { answer: { verdict: 'suspicious' }, cache: 'miss' })
  const second = expensive('vpn_detected')
  const there = await make(second)
  await until(async () => await redis.client.exists(grey) === 1)
  t.match(await there.ask(grey), { answer: { verdict: 'suspicious' }, cache: 'redis' })
  t.match(await there.ask(grey, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
  t.equal(second.asked.length, 1)
})

t.test('a write that joins the load of a read is escalated all the same', async t => {
  const cheap = fakeProvider(answers, { name: 'cheap', delayMs: 20 })
  const { ask } = await testEngine(t, { provider: escalate(cheap, expensive('vpn_detected'), { writesOnly: true }) })
  const [read, write] = await Promise.all([ask(grey), ask(grey, 'wait', { write: true })])
  t.match([read.answer, write.answer], [{ verdict: 'suspicious' }, { verdict: 'vpn_detected' }])
})

t.test('a month is one of the fleet, comes back after a loss of Redis, and is shared out without Redis', async t => {
  const make = (runner: ScriptRunner) => calendarBudget({
    unit: 'month', max: 8, reserveForWrites: 0, wallNow: Date.now, redis: { runner, key: 'ip-risk:quota:{m}:month', timeoutMs: 1_000 }
  })
  const runner = redisPort(Number(new URL(redis.url).port))
  t.teardown(() => runner.close())
  const [here, there] = [make(runner), make(runner)]
  const takes = async (budget: CalendarBudget, times: number): Promise<number> => {
    let granted = 0
    for (let i = 0; i < times; i++) if (await budget.take(true, 1) === null) granted++
    return granted
  }
  t.same([await takes(here, 3), await takes(there, 2)], [3, 2])
  t.equal(there.left(), 3, 'it knows of the calls of the other process')
  await redis.client.flushall()
  t.same([await takes(there, 1), await takes(here, 5)], [1, 2], 'eight in all')
  const gone = redisPort(await freePort())
  t.teardown(() => gone.close())
  t.equal(await takes(make(gone), 5), 2, 'a quarter of what is left')
})

t.test('a report of what is left that is no number changes nothing', async t => {
  const budget = calendarBudget({ unit: 'day', max: 8, reserveForWrites: 0, wallNow: Date.now })
  budget.reported(Number(undefined))
  t.equal(await budget.take(true, 1), null)
  t.equal(budget.left(), 7)
})

t.test('the report has what the composites counted, and no such part without a composite', async t => {
  const { engine, ask } = await testEngine(t, { provider: shadow(cheapSync(), expensive('clean')) })
  await ask(plain)
  t.match(engine.report().composites, { 'shadow(cheap,expensive)': { shadow: { asked: Number } } })
  const single = await testEngine(t, { provider: cheapSync() })
  t.notOk('composites' in single.engine.report())
})

t.test('what the expensive provider does not know is asked once; what it refused is asked again', async t => {
  for (const [reason, asked] of [['no_data', 1], ['timeout', 2]] as const) {
    const second = expensive(reason)
    const { ask } = await testEngine(t, { provider: escalate(cheapSync(), second) })
    t.match(await ask(grey, 'wait', { write: true }), { answer: { verdict: 'suspicious' } }, 'the cheap answer is better than none')
    t.match(await ask(grey, 'wait', { write: true }), { answer: { verdict: 'suspicious' } })
    t.equal(second.asked.length, asked, reason)
  }
})

t.test('maxCostPerDay bounds what the members cost, of which half is kept for writes', async t => {
  let wall = Date.parse('2026-11-28T12:00:00Z')
  const second = expensive('vpn_detected', { costPerCall: 0.01 })
  const first: Provider = { name: 'cheap', lookup: () => knownAnswer('suspicious') }
  const pipelines = await pipelinesOf(t, escalate(first, second, { maxCostPerDay: 0.04 }), { wallNow: () => wall })
  const ips = Array.from({ length: 4 }, (_, i) => `203.0.113.${i + 10}`)
  const reads = await Promise.all(ips.map(ip => ask(pipelines, ip, false)))
  t.equal(reads.filter(verdict => verdict === 'vpn_detected').length, 2)
  const writes = await Promise.all(ips.map(ip => ask(pipelines, ip, true)))
  t.equal(writes.filter(verdict => verdict === 'vpn_detected').length, 2)
  t.match(pipelines.stats(), { expensive: { calls: 4, cost: 0.04 } })
  t.match(pipelines.compositeStats()['escalate(cheap,expensive)'], { costToday: 0.04, maxCostPerDay: 0.04 })
  wall += 86_400_000
  t.equal(await ask(pipelines, grey, true), 'vpn_detected')
})

t.test('a budget in money is one of the fleet', async t => {
  const runner = redisPort(Number(new URL(redis.url).port))
  t.teardown(() => runner.close())
  const make = () => pipelinesOf(t, fallback({ ...expensive('clean'), name: 'paid', costPerCall: 1 }, { maxCostPerDay: 2 }), { redis: runner })
  const [here, there] = [await make(), await make()]
  t.same([await ask(here, '203.0.113.1'), await ask(there, '203.0.113.2'), await ask(here, '203.0.113.3')], ['clean', 'clean', 'quota_exhausted'])
})

t.test('shadow answers as the primary does, and compares the candidate beside it', async t => {
  const primary: Record<string, FakeAnswer> = { '203.0.113.1': 'clean', '203.0.113.2': 'clean', '203.0.113.3': 'no_data', '203.0.113.4': 'suspicious' }
  const tor: KnownAnswer = knownAnswer('vpn_detected', { categories: ['tor'] })
  const candidate: Provider = {
    ...fakeProvider({ '203.0.113.1': 'clean', '203.0.113.2': tor, '203.0.113.3': 'clean', '203.0.113.4': 'timeout' }, { name: 'candidate' }),
    costPerCall: 0.5
  }
  const pipelines = await pipelinesOf(t, shadow(fakeProvider(primary, { name: 'primary' }), candidate))
  for (const ip of [...Object.keys(primary), '203.0.113.1']) {
    const answer = await pipelines.ask(ip, { write: false })
    t.equal(answer.verdict === 'unknown' ? answer.reason : answer.verdict, primary[ip], ip)
  }
  const stats = () => pipelines.compositeStats()['shadow(primary,candidate)']!.shadow!
  while (stats().asked < 4) await new Promise(resolve => setImmediate(resolve))
  t.match(stats(), {
    asked: 4,
    agreed: 1,
    disagreed: 1,
    onlyPrimary: 0,
    onlyCandidate: 1,
    errors: { timeout: 1 },
    verdicts: { clean_to_vpn_detected: 1 },
    categories: { tor: 1 },
    latencyMs: { count: 3 },
    cost: 2
  })
})

t.test('a candidate that never answers delays nothing, and its budget and share bound it', async t => {
  const asked: string[] = []
  const hanging: Provider = { name: 'candidate', lookup: ip => { asked.push(ip); return new Promise(() => {}) } }
  const pipelines = await pipelinesOf(t, shadow(cheapSync(), hanging, { perDay: 2 }))
  for (let i = 0; i < 5; i++) {
    const answer = pipelines.ask(`203.0.113.${i}`, { write: true })
    t.notOk(answer instanceof Promise, 'a sync primary stays sync')
  }
  await new Promise(resolve => setImmediate(resolve))
  t.equal(asked.length, 2)
  const none = await pipelinesOf(t, shadow(cheapSync(), { ...hanging, name: 'none' }, { share: 0 }))
  await none.ask(plain, { write: true })
  t.equal(asked.length, 2)
})

t.test('consensus weighs its members, and leaves out answers of too little confidence', async t => {
  const of = (name: string, verdict: 'clean' | 'vpn_detected', confidence: number | null = null): Provider =>
    ({ name, lookup: () => knownAnswer(verdict, { confidence, score: verdict === 'clean' ? 0 : 1 }) })
  const members = (): Provider[] => [of('a', 'clean'), of('b', 'clean'), of('c', 'vpn_detected', 0.4)]
  const verdict = async (options: Parameters<typeof consensus>[1]): Promise<string> =>
    await ask(await pipelinesOf(t, consensus(members(), options)), plain)
  t.equal(await verdict({}), 'clean')
  t.equal(await verdict({ weights: { c: 3 } }), 'vpn_detected')
  t.equal(await verdict({ weights: { c: 2 } }), 'clean', 'ties go to the milder one')
  t.equal(await verdict({ weights: { c: 3 }, minConfidence: { c: 0.5 } }), 'clean')
  t.equal(await verdict({ quorum: 3, minConfidence: { c: 0.5 } }), 'no_data')
  t.throws(() => consensus(members(), { weights: { d: 1 } }), { message: /consensus\.weights\.d/ })
  t.throws(() => consensus(members(), { minConfidence: { a: 2 } }), { message: /consensus\.minConfidence\.a/ })
})
