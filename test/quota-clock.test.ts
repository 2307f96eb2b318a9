import t from 'tap'
import type { Quota } from '../lib/rate-limit/index.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import type { ProviderLimits } from '../types/contract.ts'
import { quotaOver } from './support/quota.ts'
import { emptied, startRedis } from './support/redis.ts'
import { portOf } from './support/redis-server.ts'
import { until } from './support/until.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 62_000

const server = await startRedis()
const { client } = server
t.teardown(() => server.stop())
/** By how much the clock of Redis is ahead of the right time, and how much time has passed. */
let [aheadMs, passedMs] = [0, 0]
t.beforeEach(async () => {
  await emptied(server)()
  aheadMs = passedMs = 0
})
const now = (): number => Date.now() + passedMs
const redis: ScriptRunner = {
  async run (script, keys, args) {
    const at = now() + aheadMs
    const clock = `{ ${Math.floor(at / 1000)}, ${at % 1000 * 1000} }`
    return await portOf(client).run(script.replace("redis.call('TIME')", clock), keys, args, 5_000)
  }
}

interface Test { fail (): unknown, teardown (close: () => unknown): unknown }

function started (t: Test, limits: ProviderLimits, onShare: (cause: string | null) => void = () => {}): Quota {
  const quota = quotaOver(t, redis, limits, { timeoutMs: 5_000, now, onShare, onHold () {} })
  t.teardown(() => quota.close())
  return quota
}

/** The calls of a new process: one with earlier contacts may refuse them without asking Redis. */
async function granted (t: Test, limits: ProviderLimits): Promise<number> {
  const quota = started(t, limits)
  let calls = 0
  while (await quota.take(true) === null) calls++
  return calls
}

t.test('after the clock of Redis was set back by an hour, calls leave after a minute, not after an hour', async t => {
  t.equal(await granted(t, { perMinute: 4 }), 4)
  aheadMs = -HOUR_MS
  const begun = now()
  let calls = 0
  for (; now() - begun < MINUTE_MS - 2000; passedMs += 1000) calls += await granted(t, { perMinute: 4 })
  t.equal(calls, 0)
  for (; now() - begun < MINUTE_MS + 3000; passedMs += 1000) calls += await granted(t, { perMinute: 4 })
  t.ok(calls > 0)
})

t.test('and those of a day after a day, although no process has asked meanwhile', async t => {
  const quota = started(t, { perDay: 4 })
  t.equal(await quota.take(true), null)
  aheadMs = -10 * HOUR_MS
  passedMs += 60_000
  for (let calls = 1; calls < 4; calls++) t.equal(await quota.take(true), null)
  t.match(await quota.take(true), { reason: 'quota_exhausted' })
  passedMs += 24 * HOUR_MS
  t.equal(await quota.take(true), null)
})

for (const lost of ['state', 'lag']) {
  t.test(`a process knows the time although Redis has lost the ${lost} after its clock was set back`, async t => {
    const quota = started(t, { perMinute: 4 })
    for (let calls = 0; calls < 4; calls++) t.equal(await quota.take(true), null)
    aheadMs = -HOUR_MS
    passedMs += 1000
    t.match(await started(t, { perMinute: 4 }).take(true), { reason: 'quota_exhausted' }, 'this one sees the step')
    if (lost === 'state') await client.del('k:state')
    else await client.hdel('k:state', 'lag')
    passedMs += 2 * MINUTE_MS
    await quota.take(true)
    passedMs += 2 * MINUTE_MS
    t.equal(await quota.take(true), null)
  })
}

for (const everyMs of [1000, 3000, 30_000]) {
  t.test(`short processes, one each ${everyMs / 1000} s, call again a minute after the clock was set back`, async t => {
    t.equal(await granted(t, { perMinute: 4 }), 4)
    aheadMs = -HOUR_MS
    const begun = now()
    let calls = 0
    for (; calls === 0 && now() - begun < 5 * MINUTE_MS; passedMs += everyMs) calls = await granted(t, { perMinute: 4 })
    t.ok(calls > 0 && now() - begun < 2 * MINUTE_MS, `after ${Math.round((now() - begun) / 1000)} s`)
  })
}

t.test('calls of a process that starts while the clock is behind count as long as others', async t => {
  const quota = started(t, { perDay: 4 })
  t.equal(await quota.take(true), null)
  aheadMs = -10 * HOUR_MS
  passedMs += 60_000
  t.equal(await quota.take(true), null)
  passedMs += 5 * HOUR_MS
  t.equal(await started(t, { perDay: 4 }).take(true), null)
  passedMs += HOUR_MS
  t.equal(await quota.take(true), null)
  passedMs += 18 * HOUR_MS + 60_000
  let calls = 2
  while (await quota.take(true) === null) calls++
  t.equal(calls, 4, 'in the last nineteen hours')
})

t.test('small steps back and forth do not add up', async t => {
  t.equal(await granted(t, { perMinute: 4 }), 4)
  let calls = 0
  for (let step = 0; step < 60; step++) {
    passedMs += 50
    aheadMs = Math.floor(step / 3) % 2 === 0 ? -1800 : 0
    const quota = started(t, { perMinute: 4 })
    for (const write of [false, true]) if (await quota.take(write) === null) calls++ // the second one has an earlier contact
    await quota.close()
  }
  t.equal(calls, 0)
  const quota = started(t, { perMinute: 4 })
  t.match(await quota.take(false), { reason: 'quota_exhausted' })
  passedMs = MINUTE_MS - 5000
  t.match(await quota.take(true), { reason: 'quota_exhausted' })
})

t.test('a process that made no call for longer than Redis keeps the count does not report a loss', async t => {
  const shares: (string | null)[] = []
  const dormant = started(t, { perDay: 10 }, cause => { shares.push(cause) })
  t.equal(await dormant.take(true), null)
  passedMs += 25 * HOUR_MS
  await client.del('k:state', 'k:calls', 'k:reads', 'k:members') // their time is over
  const other = started(t, { perDay: 10 }, cause => { shares.push(cause) })
  t.equal(await other.take(true), null)
  passedMs += 60_000
  t.equal(await dormant.take(true), null)
  passedMs += 1000
  t.equal(await other.take(true), null)
  t.strictSame(shares, [])
})

const FAR = '9999999999999'
for (const [key, field, value] of [
  ['members', 'other', `${FAR}:4:4`], ['members', 'other', 'text'], ['state', 'walked', FAR], ['state', 'quiet', FAR]
] as const) {
  t.test(`a ${field} of ${value} in the ${key}, from another program, does no lasting harm`, async t => {
    const quota = started(t, { perMinute: 4 })
    t.equal(await quota.take(true), null)
    await client.hset(`k:${key}`, field, value)
    let calls = 0
    for (let minutes = 0; minutes < 10; minutes++) {
      passedMs += 2 * MINUTE_MS
      while (await quota.take(true) === null) calls++
    }
    t.ok(calls >= 7 * 4, `${calls} calls in ten windows`)
    t.match(quota.left(), { quota: 'shared' })
  })
}

t.test('what another program has written to the state heals', async t => {
  const quota = started(t, { perMinute: 4 })
  t.equal(await quota.take(true), null)
  for (const name of await client.hkeys('k:state')) await client.hset('k:state', name, 'text')
  passedMs += 1000
  await quota.take(true)
  passedMs += 2 * MINUTE_MS
  t.equal(await quota.take(true), null)
  t.match(quota.left(), { quota: 'shared' })
})

t.test('nor does a process that closes while the clock is behind make calls count less', async t => {
  t.equal(await granted(t, { perMinute: 4 }), 4)
  aheadMs = -600_000
  passedMs += 1000
  const quota = started(t, { perMinute: 4 })
  t.match(await quota.take(true), { reason: 'quota_exhausted' })
  await quota.close()
  t.equal(await granted(t, { perMinute: 4 }), 0)
  aheadMs = 0
  passedMs += 1000
  t.equal(await granted(t, { perMinute: 4 }), 0, 'two seconds after the first four')
})

for (const backMs of [1000, 30_000, 55_000, 600_000]) {
  t.test(`while the clock is ${backMs / 1000} s behind for two seconds, and afterwards, a minute has as many calls`, async t => {
    t.equal(await granted(t, { perMinute: 4 }), 4)
    aheadMs = -backMs
    let calls = 0
    for (let second = 1; second <= 58; second++) {
      passedMs += 1000
      if (second === 3) aheadMs = 0
      calls += await granted(t, { perMinute: 4 })
    }
    t.equal(calls, 0, 'in the 58 seconds after the first four')
    passedMs += 10_000
    t.ok(await granted(t, { perMinute: 4 }) > 0)
  })
}

t.test('and a day has, where the clock is ten hours behind for a minute', async t => {
  t.equal(await granted(t, { perDay: 4 }), 4)
  aheadMs = -10 * HOUR_MS
  passedMs += 60_000
  t.equal(await granted(t, { perDay: 4 }), 0)
  aheadMs = 0
  let calls = 0
  for (let hours = 0; hours < 23; hours++) {
    passedMs += HOUR_MS
    calls += await granted(t, { perDay: 4 })
  }
  t.equal(calls, 0, 'in the 23 hours after the first four')
  passedMs += HOUR_MS
  t.ok(await granted(t, { perDay: 4 }) > 0)
})

t.test('an idle time after the clock was set back is no loss of the count', async t => {
  const shares: (string | null)[] = []
  const quota = started(t, { perDay: 10 }, cause => { shares.push(cause) })
  t.equal(await quota.take(true), null)
  aheadMs = -100
  t.equal(await quota.take(true), null)
  aheadMs = 0
  passedMs += 120_000
  t.equal(await quota.take(true), null)
  t.strictSame(shares, [])
})

t.test('a pause lasts no longer than it did when it began, although the clock of Redis was set back meanwhile', async t => {
  const quota = started(t, { perMinute: 4 })
  quota.hold('rejected', MINUTE_MS)
  await until(async () => await client.exists('k:hold') === 1)
  // As Redis sees it, which keeps the end.
  await client.pexpire('k:hold', HOUR_MS)
  const refusal = await quota.take(true)
  t.match(refusal, { reason: 'rejected' })
  t.ok(refusal!.retryAfterSeconds! <= MINUTE_MS / 1000, `${refusal!.retryAfterSeconds} s`)
  t.ok(await client.pttl('k:hold') <= MINUTE_MS)
})

t.test('nor does it end a longer one that begins then', async t => {
  const quota = started(t, { perMinute: 4 })
  quota.hold('rate_limited', MINUTE_MS)
  await until(async () => await client.exists('k:hold') === 1)
  await client.pexpire('k:hold', HOUR_MS)
  quota.hold('rejected', 600_000)
  await until(async () => await client.get('k:hold') === 'rejected 600000')
  const refusal = await quota.take(true)
  t.match(refusal, { reason: 'rejected' })
  t.ok(refusal!.retryAfterSeconds! > 590, `${refusal!.retryAfterSeconds} s`)
})
