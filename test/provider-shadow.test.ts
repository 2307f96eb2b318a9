import t, { type Test } from 'tap'
import { escalate, fallback, shadow } from '../lib/providers/composite/index.ts'
import { checkProvider } from '../lib/options/index.ts'
import { maxmindInsights } from '../lib/providers/vendors/index.ts'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/index.ts'
import { fakeMaxmind, fakeProvider } from '../lib/testing/index.ts'
import { knownAnswer } from '../lib/verdict/index.ts'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { memoryLog } from './support/log.ts'

const paid = (name: string, answer: ProviderAnswer = knownAnswer('clean'), more: Partial<Provider> = {}): Provider & { calls: number } => ({
  name,
  costPerCall: 1,
  calls: 0,
  async lookup () {
    this.calls++
    return answer
  },
  ...more
})

function pipelinesOf (t: Test, provider: Provider): ProviderPipelines {
  const pipelines = createPipelines(provider, { log: memoryLog() })
  t.teardown(() => pipelines.close())
  return pipelines
}

async function askMany (pipelines: ProviderPipelines, count: number): Promise<ProviderAnswer[]> {
  const answers: ProviderAnswer[] = []
  for (let i = 0; i < count; i++) {
    answers.push(await pipelines.ask(`203.0.113.${i}`, { write: false }))
    await new Promise(resolve => setImmediate(resolve))
  }
  return answers
}

t.test('the candidate has the whole budget of the shadow, and takes nothing from the primary', async t => {
  const [primary, candidate] = [paid('primary'), paid('candidate')]
  const pipelines = pipelinesOf(t, shadow(primary, candidate, { maxCostPerDay: 4 }))
  const answers = await askMany(pipelines, 10)
  t.ok(answers.every(({ verdict }) => verdict === 'clean'), 'the primary has no budget here')
  t.equal(primary.calls, 10)
  t.equal(candidate.calls, 4)
  t.match(pipelines.compositeStats(), { 'shadow(primary,candidate)': { costToday: 4, maxCostPerDay: 4 } })
})

t.test('the candidate takes nothing from the budget of a composite around', async t => {
  const [primary, candidate, last] = [paid('primary'), paid('candidate'), paid('last')]
  const pipelines = pipelinesOf(t, fallback(shadow(primary, candidate), last, { maxCostPerDay: 6 }))
  await askMany(pipelines, 10)
  t.equal(primary.calls, 3, 'half of the budget is kept for writes')
  t.equal(candidate.calls, 10)
})

t.test('the cost is that of calls which were made, of members of the candidate too', async t => {
  const refused = paid('refused', undefined, { limits: { perMinute: 4 }, reserveForWrites: 0 })
  const simple = pipelinesOf(t, shadow(paid('primary'), refused))
  await askMany(simple, 10)
  const stats = () => simple.compositeStats()['shadow(primary,refused)']!.shadow!
  t.match(stats(), { asked: 10, errors: { quota_exhausted: 6 }, cost: 4 })
  const nested = pipelinesOf(t, shadow(paid('one'), fallback(paid('two', { verdict: 'unknown', reason: 'no_data' }), paid('three'))))
  await askMany(nested, 3)
  t.equal(Object.values(nested.compositeStats()).find(({ shadow }) => shadow !== undefined)!.shadow!.cost, 6)
})

t.test('a candidate on the quota of a provider that decides is an error at boot', async t => {
  const sync: Provider = { name: 'sync', sync: true, lookup: () => knownAnswer('clean') }
  const [one, other] = [paid('one', undefined, { quotaName: 'account' }), paid('other', undefined, { quotaName: 'account' })]
  for (const provider of [shadow(one, other), shadow(fallback(one, sync), one), fallback(shadow(sync, other), one)]) {
    t.throws(() => createPipelines(provider, { log: memoryLog() }),
      { code: 'FST_IP_RISK_BAD_OPTION', message: /candidate on the quota "account".*quotaName/ })
  }
  pipelinesOf(t, shadow(one, { ...other, quotaName: 'other' }))
  pipelinesOf(t, shadow(sync, fallback(sync, one)))
  t.throws(() => shadow(one, one), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.throws(() => checkProvider('provider', { ...shadow(sync, one), candidate: other }), { message: /provider\.candidate/ })
})

t.test('neighbours in a /64 answer for the primary only where the primary itself has too many lookups', async t => {
  const sync: Provider = { name: 'sync', sync: true, lookup: () => knownAnswer('clean') }
  const pipelines = pipelinesOf(t, shadow(sync, fakeProvider({}, { name: 'candidate' })))
  for (let i = 1; i <= 12; i++) {
    await pipelines.ask(`2001:db8::${i}`, { write: false })
    await new Promise(resolve => setImmediate(resolve))
  }
  t.match(pipelines.compositeStats(), { 'shadow(sync,candidate)': { shadow: { asked: 12, errors: { overloaded: 2 } } } })
  t.notOk(pipelines.isCrowded('2001:db8::99'))
})

t.test('the candidate does not change what a write accepts from the cache', async t => {
  const lists: Provider = { name: 'lists', sync: true, lookup: () => knownAnswer('suspicious') }
  const primary = fallback(fakeProvider({}, { name: 'remote', otherwise: 'no_data' }), lists)
  const candidate = escalate(lists, fakeProvider({}, { name: 'expensive' }), { writesOnly: true })
  const { ask } = await testEngine(t, { provider: shadow(primary, candidate) })
  t.match(await ask('203.0.113.1', 'wait', { write: true }), { provider: 'lists', cache: 'miss' })
  t.match(await ask('203.0.113.1', 'wait', { write: true }), { cache: 'memory' })
})

t.test('a prepaid credit is shown, and a spent one is tried again after its pause', async t => {
  const server = await fakeMaxmind({}, { queriesRemaining: 1 })
  t.teardown(() => server.close())
  const pipelines = pipelinesOf(t, maxmindInsights({ baseUrl: server.url, accountId: 42, licenseKey: 'hush-hush' }))
  t.match(await pipelines.ask('203.0.113.1', { write: true }), { verdict: 'clean' })
  t.match(pipelines.stats(), { 'maxmind-insights': { creditLeft: 0, pausedSeconds: 0 } })
  t.match(await pipelines.ask('203.0.113.2', { write: true }), { reason: 'quota_exhausted' }, 'the service was asked, and has none')
  t.equal(server.calls, 2)
  const stats = pipelines.stats()['maxmind-insights']!
  t.ok(stats.pausedSeconds > 3_000 && stats.pausedSeconds <= 3_600, 'an hour: credit can be bought any time')
  t.notOk('monthLeft' in stats, 'no month has to end before calls go on')
})
