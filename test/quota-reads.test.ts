// Reads leave what is kept for writes, wherever they are counted; and a pause hides nothing of a lost count.
import fc from 'fast-check'
import t from 'tap'
import type { Quota } from '../lib/rate-limit/index.ts'
import { realWindows } from '../lib/rate-limit/quota.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import type { RedisBudget } from '../lib/util/index.ts'
import { quotaOver } from './support/quota.ts'
import { emptied, startRedis } from './support/redis.ts'
import { portOf } from './support/redis-server.ts'
import { until } from './support/until.ts'

const server = await startRedis()
const { client } = server
t.teardown(() => server.stop())
t.beforeEach(emptied(server))

/** A minute of six seconds: two processes meet every fifth of a second. */
const windows = { ...realWindows, minuteMs: 6000, slackMs: 200 }
const beats = async (count: number): Promise<unknown> => await new Promise(resolve => setTimeout(resolve, 200 * count))

type State = 'up' | 'down' | 'loses reports'
/** Replies arrive after `arrives`. */
interface Link extends ScriptRunner { state: State, reports: number, arrives: Promise<unknown> }

function link (): Link {
  return {
    state: 'up',
    reports: 0,
    arrives: Promise.resolve(),
    async run (script, keys, args) {
      if (this.state === 'down') throw new Error('no reply')
      if (this.state === 'loses reports' && args.length > 21) {
        this.reports++
        await beats(2)
        throw new Error('no reply')
      }
      const reply = await portOf(client).run(script, keys, args, 5_000)
      await this.arrives
      return reply
    }
  }
}

async function granted (quota: Quota, write: boolean, most = Infinity): Promise<number> {
  let calls = 0
  while (calls < most && await quota.take(write) === null) calls++
  return calls
}

t.test('reads of a process that cannot reach Redis, and of one that can, leave the part of writes', async t => {
  const links = [link(), link()]
  const options = { timeoutMs: 5_000, reserveForWrites: 0.5, windows }
  const [one, other] = links.map(redis => quotaOver(t, redis, { perMinute: 40 }, options)) as [Quota, Quota]
  t.teardown(async () => {
    for (const link of links) link.state = 'up'
    await Promise.all([one.close(), other.close()])
  })
  await until(async () => await client.hlen('k:members') === 2)
  await beats(4)
  links[0]!.state = 'down'
  const without = await granted(one, false)
  const reads = await granted(other, false)
  t.ok(without > 0 && reads > 0)
  t.ok(without + reads <= 20, `${without} reads without Redis and ${reads} with it, of 20`)
})

t.test('while the report of reads made without Redis is lost, other reads leave the part of writes', async t => {
  const redis = link()
  const quota = quotaOver(t, redis, { perMinute: 20 }, { timeoutMs: 5_000, reserveForWrites: 0.5 })
  t.teardown(() => quota.close())
  await until(async () => await client.exists('k:members') === 1)
  redis.state = 'down'
  t.equal(await granted(quota, false, 6), 6)
  redis.state = 'loses reports'
  const carries = quota.take(true) // its script has the report
  await until(() => redis.reports === 1)
  const reads = await granted(quota, false)
  t.ok(6 + reads <= 10, `6 + ${reads} reads of 10`)
  await carries
  redis.state = 'up'
  const writes = await granted(quota, true)
  t.ok(writes >= 9, `${writes} writes, of the 10 that are kept`)
})

for (const count of [1, 2]) {
  t.test(`reads whose grants are on their way leave it, beside those made without Redis, of ${count} processes`, async t => {
    const links = Array.from({ length: count }, link)
    const options = { timeoutMs: 5_000, reserveForWrites: 0.5, windows }
    const [one, other] = links.map(redis => quotaOver(t, redis, { perMinute: 40 }, options)) as [Quota, Quota?]
    t.teardown(async () => {
      for (const link of links) link.state = 'up'
      await Promise.all([one.close(), other?.close()])
    })
    await until(async () => await client.hlen('k:members') === count)
    await beats(4)
    links.at(-1)!.state = count === 2 ? 'down' : 'up'
    const others = other === undefined ? 0 : await granted(other, false)
    let release = (): void => {}
    links[0]!.arrives = new Promise<void>(resolve => { release = resolve })
    const asked = Array.from({ length: 20 }, async () => await one.take(false))
    await beats(1)
    const noTime = { leftMs: () => 0 } as RedisBudget
    let without = 0
    while (without < 10 && await one.take(false, noTime) === null) without++
    release()
    const answered = (await Promise.all(asked)).filter(answer => answer === null).length
    t.ok(without > 0)
    t.ok(answered + without + others <= 20, `${answered} granted, ${without} without Redis, ${others} of the other one, of 20`)
  })
}

t.test('whichever processes can reach Redis, reads leave the part of writes, and all calls the limit', async t => {
  const of = { process: fc.nat(2) }
  const step = fc.oneof(
    fc.record({ ...of, does: fc.constantFrom('up', 'down') }),
    { weight: 4, arbitrary: fc.record({ ...of, does: fc.constantFrom('read', 'read', 'write'), count: fc.integer({ min: 1, max: 15 }) }) }
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
    await client.flushall()
    const links = [link(), link(), link()]
    const quotas = links.map(redis => quotaOver(t, redis, { perMinute: 40 }, { timeoutMs: 5_000, reserveForWrites: 0.4 }))
    await until(async () => await client.hlen('k:members') === 3)
    const made = { read: 0, write: 0 }
    // The first one was alone, until it calls again.
    for (const quota of quotas) made.write += await granted(quota, true, 1)
    for (const step of steps) {
      if ('count' in step) made[step.does as 'read'] += await granted(quotas[step.process]!, step.does === 'write', step.count)
      else links[step.process]!.state = step.does as State
    }
    for (const link of links) link.state = 'up'
    await Promise.all(quotas.map(quota => quota.close()))
    if (made.read > 24 || made.read + made.write > 40) throw new Error(JSON.stringify(made))
  }), { numRuns: 200 })
})

for (const pauses of [true, false]) {
  t.test(`a process knows the calls of one that closed before Redis lost its count, ${pauses ? 'after a pause, too' : 'without a pause'}`, async t => {
    const shares: (string | null)[] = []
    const options = { timeoutMs: 5_000, onShare: (cause: string | null) => { shares.push(cause) }, onHold () {}, windows }
    const gone = quotaOver(t, link(), { perMinute: 4 }, options)
    t.equal(await granted(gone, true, 3), 3)
    await gone.close()
    const quota = quotaOver(t, link(), { perMinute: 4 }, options)
    t.teardown(() => quota.close())
    await until(async () => await client.hlen('k:members') === 1)
    await beats(1) // the reply has arrived
    await client.flushall()
    let calls = await granted(quota, true)
    if (pauses) quota.hold('rate_limited', 500)
    await beats(4)
    calls += await granted(quota, true)
    await beats(2)
    calls += await granted(quota, true)
    t.ok(3 + calls <= 4, `3 + ${calls} calls of 4`)
    t.strictSame(shares, ['redis_count_lost'])
  })
}
