import t from 'tap'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { quotaOver } from './support/quota.ts'
import { emptied, startRedis } from './support/redis.ts'
import { portOf } from './support/redis-server.ts'
import { until } from './support/until.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 62_000

const server = await startRedis()
const { client } = server
t.teardown(() => server.stop())
t.beforeEach(emptied(server))

/** By how much the clock of Redis is ahead of the right time. */
let aheadMs = 0
const clock = (): string => {
  const at = Date.now() + aheadMs
  return `{ ${Math.floor(at / 1000)}, ${at % 1000 * 1000} }`
}
const redis: ScriptRunner = {
  run: async (script, keys, args) => await portOf(client).run(script.replace("redis.call('TIME')", clock()), keys, args, 5_000)
}

t.test('after the clock of Redis was set back by an hour, calls, members and a wait count for a minute, not for an hour', async t => {
  aheadMs = HOUR_MS
  const quota = quotaOver(t, redis, { perMinute: 4 }, { timeoutMs: 5_000 })
  t.teardown(() => quota.close())
  for (let i = 0; i < 4; i++) t.equal(await quota.take(true), null)
  await client.hset('k:members', 'gone', `${Date.now() + HOUR_MS}:1`)
  await client.hset('k:state', 'quiet', String(Date.now() + HOUR_MS - 1))

  aheadMs = 0
  // A contact of its own: what the process knows already would answer for it.
  const other = quotaOver(t, redis, { perMinute: 4 }, { timeoutMs: 5_000, onShare () {} })
  t.teardown(() => other.close())
  t.match(await other.take(true), { reason: 'quota_exhausted' }, 'the count is not used')
  const now = Date.now()
  t.equal(await client.zcard('k:calls'), 4)
  t.equal(await client.zcount('k:calls', `(${now}`, '+inf'), 0, 'no call is in the future')
  t.ok(Number((await client.hget('k:members', 'gone'))!.split(':')[0]) <= now, 'nor is the member')
  t.ok(Number(await client.hget('k:state', 'quiet')) <= now + MINUTE_MS, 'the wait ends within a minute')
  await client.hset('k:state', 'quiet', String(now))
  const refusal = await other.take(true)
  t.match(refusal, { reason: 'quota_exhausted' })
  t.ok(refusal!.retryAfterSeconds! <= MINUTE_MS / 1000, `${refusal!.retryAfterSeconds} s`)
})

t.test('after the clock of Redis was set back, and right again, no more calls are made than a minute allows', async t => {
  aheadMs = 0
  const quota = quotaOver(t, redis, { perMinute: 4, perDay: 1000 }, { timeoutMs: 5_000, onShare () {} })
  t.teardown(() => quota.close())
  const granted = async (): Promise<number> => {
    let calls = 0
    while (await quota.take(true) === null) calls++
    return calls
  }
  t.equal(await granted(), 4)
  aheadMs = -10 * 60_000
  t.equal(await granted(), 0)
  const other = quotaOver(t, redis, { perMinute: 4, perDay: 1000 }, { timeoutMs: 5_000, onShare () {} })
  t.teardown(() => other.close())
  t.match(await other.take(true), { reason: 'quota_exhausted' })
  aheadMs = 0
  t.match(await other.take(true), { reason: 'quota_exhausted' })
  const another = quotaOver(t, redis, { perMinute: 4, perDay: 1000 }, { timeoutMs: 5_000, onShare () {} })
  t.teardown(() => another.close())
  t.match(await another.take(true), { reason: 'quota_exhausted' })
  t.equal(await client.zcard('k:calls'), 4)
})

t.test('a log of more calls than one command takes is moved whole', async t => {
  aheadMs = 0
  const quota = quotaOver(t, redis, { perDay: 10_000 }, { timeoutMs: 5_000 })
  t.teardown(() => quota.close())
  t.equal(await quota.take(true), null)
  const calls = Array.from({ length: 2500 }, (_, i) => [String(Date.now() + HOUR_MS), `call ${i}`])
  await client.zadd('k:calls', ...calls.flat())
  await client.hset('k:state', 'walked', String(Date.now() + HOUR_MS))
  t.equal(await quota.take(true), null)
  t.equal(await client.zcount('k:calls', '-inf', Date.now()), 2502)
})

t.test('a pause lasts no longer than it did when it began, although the clock of Redis was set back meanwhile', async t => {
  aheadMs = 0
  const quota = quotaOver(t, redis, { perMinute: 4 }, { timeoutMs: 5_000, onHold () {} })
  t.teardown(() => quota.close())
  quota.hold('rejected', MINUTE_MS)
  await until(async () => await client.exists('k:hold') === 1)
  // As Redis sees it, which keeps the end.
  await client.pexpire('k:hold', HOUR_MS)
  const refusal = await quota.take(true)
  t.match(refusal, { reason: 'rejected' })
  t.ok(refusal!.retryAfterSeconds! <= MINUTE_MS / 1000, `${refusal!.retryAfterSeconds} s`)
  t.ok(await client.pttl('k:hold') <= MINUTE_MS)
})
