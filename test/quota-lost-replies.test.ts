import t, { type Test } from 'tap'
import type { Quota } from '../lib/rate-limit/quota.ts'
import { quotaLimits, realWindows } from '../lib/rate-limit/quota.ts'
import { redisQuota } from '../lib/rate-limit/redis-quota.ts'
import type { RedisBudget } from '../lib/util/async.ts'
import { createRedisModel } from './simulation/redis-model.ts'
import { models } from './simulation/script-models.ts'
import { clock } from './support/guard.ts'

const PER_MINUTE = 12
const nothingLeft: RedisBudget = { leftMs: () => 0, wait: async pending => await pending, useUp () {} }

/** A process on a Redis whose next commands a test may hold up or lose. */
async function member (t: Test): Promise<{ readonly quota: Quota, lose (count: number): void, hold (): () => void }> {
  const { now } = clock()
  const model = createRedisModel(now)
  let toLose = 0
  let held: Promise<void> | undefined
  const quota = redisQuota({
    redis: {
      async run (script, keys, args) {
        if (toLose-- > 0) throw new Error('lost on the way')
        const reply = models.get(script)!(model, keys, args.map(String))
        await held
        return reply
      }
    },
    key: 'k',
    limits: quotaLimits({ perMinute: PER_MINUTE }, 0, realWindows),
    reserveForWrites: 0,
    windows: realWindows,
    timeoutMs: 100,
    now,
    onHold: () => t.fail(),
    onShare () {}
  })
  t.teardown(() => quota.close())
  await new Promise(resolve => setImmediate(resolve)) // the first contact
  return {
    quota,
    lose (count) { toLose = count },
    hold () {
      let release = (): void => {}
      held = new Promise(resolve => { release = resolve })
      return () => release()
    }
  }
}

async function granted (quota: Quota, count: number, budget?: RedisBudget): Promise<number> {
  const answers = await Promise.all(Array.from({ length: count }, async () => await quota.take(true, budget)))
  return answers.filter(answer => answer === null).length
}

t.test('a call that was made without Redis counts also while the command that reports it is lost', async t => {
  const { quota, lose } = await member(t)
  lose(4)
  let made = await granted(quota, 4)
  t.equal(made, 4, 'without Redis')
  lose(1)
  made += await granted(quota, 20)
  t.equal(made, PER_MINUTE)
  t.equal(await granted(quota, 20), 0)
})

t.test('a grant that arrives after calls were made without Redis counts them, too', async t => {
  const { quota, hold } = await member(t)
  const release = hold()
  const late = granted(quota, PER_MINUTE)
  const made = await granted(quota, PER_MINUTE, nothingLeft)
  t.ok(made > 0, `${made} calls without Redis`)
  release()
  const all = made + await late
  t.ok(all <= PER_MINUTE, `${all} calls`)
})
