import t, { type Test } from 'tap'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/index.ts'
import { calendarBudget } from '../lib/rate-limit/index.ts'
import { httpProvider, type HttpProviderOptions } from '../lib/providers/http/index.ts'
import { ipapiIs, proxycheck } from '../lib/providers/vendors/index.ts'
import { fakeIpapiIs, fakeProxycheck } from '../lib/testing/index.ts'
import { fakeServer } from '../lib/testing/fake-server.ts'
import { knownAnswer } from '../lib/verdict/index.ts'
import type { Provider, UnknownAnswer } from '../types/contract.ts'
import { ask, bareContext } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '203.0.113.9'
const realNow = Date.now

/** What the wall clock says until the test ends. */
function at (t: Test, time: string): void {
  const ms = Date.parse(time)
  Date.now = () => ms
  t.teardown(() => { Date.now = realNow })
}

type More = Partial<HttpProviderOptions<unknown>>

async function spentWith (t: Test, headers: Record<string, string>, more: More = {}): Promise<number | undefined> {
  const server = await fakeServer(() => ({ status: 429, headers, text: '', asked: [] }))
  const provider = httpProvider({
    name: 'own', baseUrl: server.url, spentStatuses: [429], request: () => ({ path: '/' }), read: () => knownAnswer('clean'), ...more
  })
  const answer = await provider.lookup(ip, bareContext()) as UnknownAnswer
  await provider.close!()
  await server.close()
  t.equal(answer.reason, 'quota_exhausted')
  return answer.retryAfterSeconds
}

t.test('a spent limit waits for the end of its window, or for a sooner Retry-After of either form', async t => {
  at(t, '2026-11-28T12:00:00Z')
  const halfDay = 43_200
  for (const [retryAfter, seconds] of [
    [undefined, halfDay], ['60', 60], ['Sat, 28 Nov 2026 13:00:00 GMT', 3_600], ['Sat, 28 Nov 2026 11:00:00 GMT', halfDay], ['-5', halfDay],
    ['0', halfDay], ['999999999', halfDay], ['9e99', halfDay], ['0x10', halfDay], ['soon', halfDay]
  ] as const) t.equal(await spentWith(t, retryAfter === undefined ? {} : { 'retry-after': retryAfter }), seconds, String(retryAfter))
  t.equal(await spentWith(t, { 'retry-after': '172800' }, { spentUntil: 'month' }), 172_800, 'of a month, more than a day')
  t.equal(await spentWith(t, {}, { limits: { perMonth: 5 } }), 2.5 * 86_400)
})

t.test('a limit that is still spent just after its window ended is tried again soon: clocks differ', async t => {
  at(t, '2026-12-01T00:00:01Z')
  t.equal(await spentWith(t, {}), 60)
  t.equal(await spentWith(t, {}, { spentUntil: 'month' }), 60)
  at(t, '2026-12-01T00:06:00Z')
  t.equal(await spentWith(t, {}), 86_400 - 360)
})

t.test('a report of what is left that came just after the window ended is about the one before', async t => {
  for (const max of [100, Infinity]) {
    let wall = Date.parse('2026-11-28T23:59:59Z')
    const budget = calendarBudget({ unit: 'day', max, reserveForWrites: 0, wallNow: () => wall })
    budget.reported(3)
    t.equal(budget.left(), 3)
    wall += 2_000
    budget.reported(0)
    t.equal(budget.left(), max, 'a new day')
    wall += 300_000
    budget.reported(40)
    t.equal(budget.left(), 40)
  }
})

t.test('what others used of an account is taken from the part of writes too', async t => {
  const noon = Date.parse('2026-11-28T12:00:00Z')
  const budget = calendarBudget({ unit: 'day', max: 1_000, reserveForWrites: 0.5, wallNow: () => noon })
  budget.reported(10)
  let reads = 0
  while (await budget.take(false, 1) === null) reads++
  t.equal(reads, 5)
  t.equal(await budget.take(true, 1), null)
})

t.test('a clock that was a year ahead and was set right does not keep its window', async t => {
  let wall = Date.parse('2027-11-28T12:00:00Z')
  const budget = calendarBudget({ unit: 'day', max: 1, reserveForWrites: 0, wallNow: () => wall })
  t.equal(await budget.take(true, 1), null)
  wall = Date.parse('2026-11-28T12:00:00Z')
  t.equal(await budget.take(true, 1), null)
  wall -= 1_000
  t.match(await budget.take(true, 1), { reason: 'quota_exhausted' }, 'a second back is the same day')
  wall += 86_400_000
  t.equal(await budget.take(true, 1), null)
})

t.test('a vendor with a limit a day waits for a day, also where a monthly limit is set', async t => {
  at(t, '2026-11-03T12:00:00Z')
  const servers = [await fakeProxycheck({ [ip]: 'quota' }), await fakeIpapiIs({ [ip]: 'quota' })] as const
  const providers = [
    proxycheck({ baseUrl: servers[0].url, limits: { perMonth: 30_000 } }),
    ipapiIs({ baseUrl: servers[1].url, limits: { perMonth: 30_000 } })
  ]
  for (const provider of providers) {
    const answer = await provider.lookup(ip, bareContext())
    t.match(answer, { reason: 'quota_exhausted', retryAfterSeconds: 43_200 }, provider.name)
    await provider.close!()
  }
  for (const server of servers) await server.close()
})

t.test('a pause that a provider orders has an end, whatever number it gives', async t => {
  for (const retryAfterSeconds of [Infinity, 1e300, NaN, -1, '60' as never]) {
    const provider: Provider = { name: 'own', lookup: () => ({ verdict: 'unknown', reason: 'rejected', retryAfterSeconds }) }
    const pipelines: ProviderPipelines = createPipelines(provider, { log: memoryLog() })
    await ask(pipelines, ip)
    const { pausedSeconds } = pipelines.stats()['own']!
    t.ok(pausedSeconds <= 32 * 86_400, `${retryAfterSeconds}: ${pausedSeconds}`)
    await pipelines.close()
  }
})
