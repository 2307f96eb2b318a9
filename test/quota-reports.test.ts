// Calls made without Redis, as they count when it is back.
import t from 'tap'
import type { Quota } from '../lib/rate-limit/index.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { quotaOver } from './support/quota.ts'
import { emptied, startRedis } from './support/redis.ts'
import { portOf } from './support/redis-server.ts'
import { until } from './support/until.ts'

const server = await startRedis()
const { client } = server
t.teardown(() => server.stop())
t.beforeEach(emptied(server))

let isUp = true
/** Its replies are late while this is pending. */
let reply = Promise.resolve()
const redis: ScriptRunner = {
  async run (script, keys, args) {
    if (!isUp) throw new Error('no reply')
    const result = await portOf(client).run(script, keys, args, 5_000)
    await reply
    return result
  }
}

async function granted (quota: Quota, write: boolean): Promise<number> {
  let calls = 0
  while (await quota.take(write) === null) calls++
  return calls
}

for (const [unit, limits] of [['minute', { perMinute: 20 }], ['day', { perDay: 20 }]] as const) {
  t.test(`of a ${unit}, reads made without Redis use what is not kept for writes`, async t => {
    const quota = quotaOver(t, redis, limits, { timeoutMs: 5_000, onShare () {}, reserveForWrites: 0.5 })
    t.teardown(() => quota.close())
    await until(async () => await client.exists('k:members') === 1)
    isUp = false
    const without = await granted(quota, false)
    t.ok(without > 0)
    isUp = true
    await until(async () => await client.zcard('k:reads') === without)
    t.equal(without + await granted(quota, false), 10)
    t.equal(await granted(quota, true), 10)
  })

  t.test(`of a ${unit}, reads that Redis has counted leave none without it, for any process`, async t => {
    const options = { timeoutMs: 5_000, onShare () {}, reserveForWrites: 0.5 }
    const [one, other] = [quotaOver(t, redis, limits, options), quotaOver(t, redis, limits, options)]
    t.teardown(async () => { await Promise.all([one.close(), other.close()]) })
    await until(async () => await client.hlen('k:members') === 2)
    const counted = await granted(one, false) + await granted(other, false)
    t.ok(counted > 0)
    isUp = false
    const without = await granted(one, false) + await granted(other, false)
    t.ok(counted + without <= 10, `${counted} + ${without} reads of 10`)
    t.ok(await granted(one, true) + await granted(other, true) > 0)
    isUp = true
  })
}

t.test('a process that closes while its report is on its way waits for the reply, and is no member any more', async t => {
  const quota = quotaOver(t, redis, { perMinute: 20 }, { timeoutMs: 5_000, onShare () {} })
  await until(async () => await client.exists('k:members') === 1)
  isUp = false
  t.equal(await quota.take(true), null)
  isUp = true
  let arrives = (): void => {}
  reply = new Promise(resolve => { arrives = resolve })
  const taken = quota.take(true)
  await until(async () => await client.zcard('k:calls') === 2)
  const closed = quota.close()
  arrives()
  await Promise.all([taken, closed])
  t.strictSame(await client.hgetall('k:members'), {})
})
