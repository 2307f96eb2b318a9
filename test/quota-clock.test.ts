import t from 'tap'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { quotaOver } from './support/quota.ts'
import { redisPort, redisServer } from './support/redis-server.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 62_000

t.test('after the clock of Redis was set back by an hour, calls, members and a wait count for a minute, not for an hour', async t => {
  const server = await redisServer()
  const port = redisPort(server.port)
  let aheadMs = HOUR_MS
  const clock = (): string => {
    const at = Date.now() + aheadMs
    return `{ ${Math.floor(at / 1000)}, ${at % 1000 * 1000} }`
  }
  const redis: ScriptRunner = {
    run: async (script, keys, args) => await port.run(script.replace("redis.call('TIME')", clock()), keys, args, 5_000)
  }
  const quota = quotaOver(t, redis, { perMinute: 4 }, { timeoutMs: 5_000 })
  t.teardown(async () => {
    await quota.close()
    port.close()
    await server.close()
  })
  for (let i = 0; i < 4; i++) t.equal(await quota.take(true), null)
  await port.client.hset('k:members', 'gone', `${Date.now() + HOUR_MS}:1`)
  await port.client.hset('k:state', 'quiet', String(Date.now() + HOUR_MS - 1))

  aheadMs = 0
  // A contact of its own: what the process knows already would answer for it.
  const other = quotaOver(t, redis, { perMinute: 4 }, { timeoutMs: 5_000, onShare () {} })
  t.teardown(() => other.close())
  t.match(await other.take(true), { reason: 'quota_exhausted' }, 'the count is not used')
  const now = Date.now()
  t.equal(await port.client.zcard('k:calls'), 4)
  t.equal(await port.client.zcount('k:calls', `(${now}`, '+inf'), 0, 'no call is in the future')
  t.ok(Number((await port.client.hget('k:members', 'gone'))!.split(':')[0]) <= now, 'nor is the member')
  t.ok(Number(await port.client.hget('k:state', 'quiet')) <= now + MINUTE_MS, 'the wait ends within a minute')
  await port.client.hset('k:state', 'quiet', String(now))
  const refusal = await other.take(true)
  t.match(refusal, { reason: 'quota_exhausted' })
  t.ok(refusal!.retryAfterSeconds! <= MINUTE_MS / 1000, `${refusal!.retryAfterSeconds} s`)
})
