// Calls and money of a day or month that a process uses while Redis is away.
import t, { type Test } from 'tap'
import { type CalendarBudget, calendarBudget } from '../lib/rate-limit/index.ts'
import type { ScriptRunner } from '../lib/redis/index.ts'
import { redisBudget } from '../lib/util/index.ts'
import { emptied, startRedis } from './support/redis.ts'
import { until } from './support/until.ts'

const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const DAY_MS = 86_400_000
/** In the middle of a day. */
const startMs = Date.UTC(2026, 0, 10, 12)

/** A Redis that can be cut off, and answer late. */
function link () {
  const state = { isUp: true, isMute: false, release: undefined as (() => void) | undefined, holds: false }
  const runner: ScriptRunner = {
    async run (script, keys, args) {
      const { isUp } = state
      if (state.holds) await new Promise<void>(resolve => { state.release = resolve })
      if (!isUp) throw new Error('cut off')
      const reply = await redis.client.eval(script, keys.length, ...keys, ...args)
      if (state.isMute) throw new Error('no reply in time')
      return reply
    }
  }
  return { state, runner }
}

function budgetOver (t: Test, runner: ScriptRunner, wallNow = () => startMs, reserveForWrites = 0): CalendarBudget {
  const budget = calendarBudget({
    unit: 'day', max: 8, reserveForWrites, wallNow, redis: { runner, key: 'ip-risk:quota:{d}:day', timeoutMs: 1000 }
  })
  t.teardown(async () => { await budget.close() })
  return budget
}

async function takes (budget: CalendarBudget, times: number, write = true): Promise<number> {
  let granted = 0
  for (let i = 0; i < times; i++) if (await budget.take(write, 1) === null) granted++
  return granted
}

const counted = async (): Promise<number> => Number(await redis.client.hget('ip-risk:quota:{d}:day:2026-01-10', 'all'))

t.test('is reported when Redis is back, although the process makes no other call', async t => {
  const { state, runner } = link()
  const here = budgetOver(t, runner)
  t.equal(await takes(here, 1), 1)
  state.isUp = false
  t.equal(await takes(here, 5), 1, 'a quarter of seven')
  state.isUp = true
  await until(async () => await counted() === 2)
  t.equal(await takes(budgetOver(t, runner), 9), 6, 'eight in all')
})

t.test('is reported when the process closes', async t => {
  const { state, runner } = link()
  const here = budgetOver(t, runner)
  state.isUp = false
  t.equal(await takes(here, 5), 2, 'a quarter of eight')
  state.isUp = true
  await here.close()
  t.equal(await counted(), 2)
})

t.test('counts while its report is on its way', async t => {
  const { state, runner } = link()
  const here = budgetOver(t, runner)
  state.isUp = false
  t.equal(await takes(here, 5), 2)
  state.holds = true
  const reporting = here.take(true, 1)
  t.equal(here.used(), 2)
  t.equal(here.left(), 6)
  const usedUp = redisBudget(100)
  usedUp.useUp()
  t.match(await here.take(true, 1, usedUp), { reason: 'quota_exhausted' })
  state.release!()
  t.match(await reporting, { reason: 'quota_exhausted' })
  t.equal(here.used(), 2)
  state.holds = false
})

t.test('of a day that ends meanwhile is not used in the next one', async t => {
  let now = startMs
  const { state, runner } = link()
  const here = budgetOver(t, runner, () => now)
  for (const isUp of [true, false]) {
    state.isUp = false
    t.equal(await takes(here, 2), 2)
    Object.assign(state, { isUp, holds: true })
    const reporting = here.take(true, 1)
    now += DAY_MS
    t.equal(here.used(), 0)
    state.release!()
    await reporting
    t.equal(here.used(), isUp ? 0 : 1, 'the call that did not reach Redis is one of the new day')
    state.holds = false
    now += DAY_MS
  }
})

t.test('is counted once, however often it is reported without a reply in time', async t => {
  const { state, runner } = link()
  const here = budgetOver(t, runner)
  t.equal(await takes(here, 1), 1)
  state.isUp = false
  t.equal(await takes(here, 1), 1)
  Object.assign(state, { isUp: true, isMute: true })
  for (let i = 0; i < 3; i++) await here.close()
  state.isMute = false
  await here.close()
  t.equal(await counted(), 2)
  t.equal(here.used(), 2)
  await redis.client.flushall()
  t.equal(await takes(here, 1), 1)
  t.equal(await counted(), 3, 'it is part of what comes back when Redis loses the count')
})

t.test('is granted where a client returns numbers as text', async t => {
  const { state, runner } = link()
  const budget = budgetOver(t, {
    async run (...args) {
      const reply = await runner.run(...args) as unknown[]
      return reply.map(String)
    }
  })
  t.equal(await takes(budget, 9), 8)
  t.ok(state.isUp)
})

t.test('counts beside what the service says, although the reply to its report was late', async t => {
  const { state, runner } = link()
  const here = calendarBudget({
    unit: 'day', max: 100, reserveForWrites: 0, wallNow: () => startMs, redis: { runner, key: 'ip-risk:quota:{d}:day', timeoutMs: 1000 }
  })
  t.teardown(async () => { await here.close() })
  t.equal(await takes(here, 10), 10)
  state.isUp = false
  t.equal(await takes(here, 8), 8)
  Object.assign(state, { isUp: true, isMute: true })
  await here.close()
  state.isMute = false
  here.reported(40)
  t.equal(here.used(), 60)
  t.equal(await takes(here, 1), 1)
  t.equal(await counted(), 61)
})

t.test('is reported after the clock was set to the day before, and right again', async t => {
  let now = startMs
  const { state, runner } = link()
  const here = budgetOver(t, runner, () => now)
  t.equal(await takes(here, 4), 4)
  state.isUp = false
  t.equal(await takes(here, 1), 1)
  state.isUp = true
  await here.close()
  now -= DAY_MS
  t.equal(here.used(), 0)
  now += DAY_MS
  state.isUp = false
  t.equal(await takes(here, 1), 1)
  state.isUp = true
  await here.close()
  t.equal(await counted(), 6)
})

t.test('of what others have used, as the service says while a call is on its way, half counts as reads', async t => {
  const { state, runner } = link()
  const budget = budgetOver(t, runner, undefined, 0.5)
  state.holds = true
  const taken = budget.take(false, 1)
  await until(() => state.release !== undefined)
  budget.reported(3) // 5 of 8 are used
  state.holds = false
  state.release!()
  t.equal(await taken, null)
  t.equal(await takes(budget, 8, false), 1, 'of 4 reads, 2.5 are used by others, and 1 is the one that was on its way')
  t.equal(await takes(budget, 8), 2)
})
