import t from 'tap'
import fc from 'fast-check'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import type { CompositeProvider } from '../types/contract.ts'
import type { IpRiskLogger, Provider } from '../types/contract.ts'
import { fakeGetipintel, fakeProvider, type FakeProvider } from '../lib/testing/index.ts'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { localQuota, type Quota, quotaLimits, readsOf, realWindows } from '../lib/rate-limit/quota.ts'
import type { ScriptRunner } from '../lib/redis/client.ts'
import { slidingWindow } from '../lib/rate-limit/quota.ts'
import { ask, clock } from './support/guard.ts'
import { quotaOver } from './support/quota.ts'
import { memoryLog } from './support/log.ts'
import { portOf, redisPort, redisServer } from './support/redis-server.ts'
import { until } from './support/until.ts'

const minuteMs = 60_000 + realWindows.slackMs
const limited = (limits: Provider['limits'], more: Partial<Provider> = {}): FakeProvider => ({ ...fakeProvider(), limits: limits!, ...more })

interface MemberOptions { runs?: string[], windows?: typeof realWindows, log?: IpRiskLogger }

/** So many questions at once; how many were answered. */
async function answered (guarded: ProviderPipelines, count: number, write: boolean): Promise<number> {
  const all = await Promise.all(Array.from({ length: count }, (_, i) => ask(guarded, `203.0.113.${i}`, write)))
  t.ok(all.every(said => said === 'clean' || said === 'quota_exhausted'), all.join())
  return all.filter(said => said === 'clean').length
}

t.test('a window slides: whatever the times of the calls, none holds more than the limit', async () => {
  fc.assert(fc.property(fc.array(fc.record({ afterMs: fc.nat(400), write: fc.boolean() }), { maxLength: 200 }), steps => {
    const log = slidingWindow(5_000)
    const limits = [{ windowMs: 1_000, max: 5, maxReads: 2 }, { windowMs: 5_000, max: 12, maxReads: 6 }]
    const made: { at: number, write: boolean }[] = []
    let at = 0
    for (const { afterMs, write } of steps) {
      at += afterMs
      const wait = log.waitMs(at, write, limits)
      if (wait > 0) continue
      log.add(at, write)
      made.push({ at, write })
      for (const { windowMs, max, maxReads } of limits) {
        const inside = made.filter(call => call.at > at - windowMs)
        if (inside.length > max || inside.filter(call => !call.write).length > maxReads) return false
      }
    }
    return true
  }))
})

t.test('half of a budget is kept for writes, and never less', async t => {
  t.same([15, 1, 2, 60, 10].map(max => readsOf(max, 0.5)), [7, 0, 1, 30, 5])
  t.same([readsOf(10, 0), readsOf(10, 1), readsOf(10, 0.9)], [10, 0, 1])
  const { now, pass } = clock()
  const guarded = createPipelines(limited({ perMinute: 15 }), { log: memoryLog(), now })
  t.equal(await answered(guarded, 20, false), 7)
  t.equal(guarded.stats()['fake']!.minuteLeft, 8)
  t.equal(await answered(guarded, 20, true), 8)
  t.equal(await answered(guarded, 20, true), 0)
  pass(minuteMs)
  t.equal(await answered(guarded, 20, true), 15)
  await guarded.close()
})

t.test('minute, day and burst hold together, and a call that one refuses counts for none', async t => {
  const { now, pass } = clock()
  const quota = localQuota(quotaLimits({ perMinute: 5, perDay: 12, burst: 2 }, 0.5, realWindows), now)
  const refusals: unknown[] = []
  const taken = async (): Promise<number> => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => quota.take(true)))
    refusals.push(answers.at(-1))
    return answers.filter(answer => answer === null).length
  }
  const counts: number[] = []
  for (let i = 0; i < 110; i++) {
    counts.push(await taken())
    pass(realWindows.burstMs)
  }
  t.same(counts.slice(0, 4), [2, 2, 1, 0])
  t.equal(counts.reduce((sum, count) => sum + count), 12, 'the day is over')
  t.match(quota.left(), { dayLeft: 0 })
  t.match(refusals[0], { reason: 'quota_exhausted', cause: 'burst', retryAfterSeconds: 1.25 }, 'a burst only waits')
  t.match(refusals[2], { reason: 'quota_exhausted', cause: undefined, retryAfterSeconds: 59.5 })
  pass(realWindows.dayMs + realWindows.slackMs)
  t.equal(await taken(), 2)
  t.equal(await localQuota(quotaLimits({}, 0.5, realWindows), now).take(false), null, 'no limits, no bound')
})

t.test('on a real Redis', async t => {
  const server = await redisServer()
  const ports: { close (): void }[] = []
  const guards: ProviderPipelines[] = []
  t.teardown(async () => {
    await Promise.all(guards.map(guarded => guarded.close()))
    for (const port of ports) port.close()
    await server.close()
  })

  function member (provider: Provider, options: MemberOptions = {}): ProviderPipelines {
    const port = redisPort(server.port)
    ports.push(port)
    const redis: ScriptRunner = {
      run (script, keys, args) {
        options.runs?.push(String(args[0]))
        // Patient: this machine may be busy.
        return port.run(script, keys, args, 1_000)
      }
    }
    const guarded = createPipelines(provider, { log: options.log ?? memoryLog(), redis, windows: options.windows })
    guards.push(guarded)
    return guarded
  }

  /** What another process keeps for an outage is free a moment later. */
  async function all (guarded: ProviderPipelines, count: number, write: boolean): Promise<void> {
    for (let made = 0; made < count;) made += await answered(guarded, count - made, write)
  }

  t.test('processes share one budget, and a refusal is local', async t => {
    const runs: string[] = []
    const windows = { ...realWindows, minuteMs: 6_000 }
    const one = member(limited({ perMinute: 15, perDay: 20 }, { name: 'shared' }), { windows })
    const two = member(limited({ perMinute: 15, perDay: 20 }, { name: 'shared' }), { windows, runs })
    const asked = (): number => runs.filter(op => op !== 'beat').length
    await all(one, 7, false)
    t.equal(await answered(one, 3, false), 0)
    t.equal(await answered(two, 3, false), 0, 'the reads\' half is spent, whoever spent it')
    await all(two, 3, true)
    await all(one, 3, true)
    await all(two, 2, true)
    await answered(two, 1, true)
    const before = asked()
    t.equal(await answered(two, 500, true), 0)
    t.equal(asked(), before, 'no round trip for a refusal')
    t.match(two.stats()['shared'], { minuteLeft: 0, dayLeft: 5, calls: 5 })
  })

  t.test('a 429 stops every process', async t => {
    const refusing = limited({ perMinute: 15 }, { name: 'held', lookup: async () => ({ verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 30 }) })
    const one = member(refusing)
    const fake = limited({ perMinute: 15 }, { name: 'held' })
    const two = member(fake)
    t.equal(await ask(one, '203.0.113.1'), 'rate_limited')
    await until(async () => await ask(two, '203.0.113.2') === 'rate_limited')
    t.match(await two.ask('203.0.113.3', { write: true }), { reason: 'rate_limited', retryAfterSeconds: Number })
    t.ok(fake.asked.length <= 2)
  })

  t.test('after a loss, a full window passes before anybody calls at the full rate', async t => {
    const windows = { minuteMs: 1_200, dayMs: 60_000, burstMs: 50, slackMs: 100 }
    const one = member(limited({ perMinute: 8 }, { name: 'lost' }), { windows })
    const two = member(limited({ perMinute: 8 }, { name: 'lost' }), { windows })
    t.equal(await answered(one, 4, true), 4)
    await all(two, 4, true)
    const port = redisPort(server.port)
    ports.push(port)
    await until(() => port.client.status === 'ready')
    await port.client.flushall()
    t.equal(await answered(one, 4, true), 0, 'the empty log is not believed')
    const newcomer = member(limited({ perMinute: 8 }, { name: 'lost' }), { windows })
    t.equal(await answered(newcomer, 4, true), 0, 'nor by those who come new')
    while (await ask(two, '203.0.113.1') !== 'clean') await sleep(50)
    t.ok(true, 'until the window is over')

    await port.client.hset('ip-risk:quota:{lost}:state', 'run', 'of-another-server')
    t.ok(await answered(newcomer, 8, true) < 8, 'a Redis that was restarted may have lost the last calls, even if it kept the others')
  })

  t.test('keys have one hash tag, expire, and hold no address', async t => {
    const guarded = member(limited({ perMinute: 15 }, { name: 'kept' }))
    await ask(guarded, '203.0.113.77', false)
    const port = redisPort(server.port)
    ports.push(port)
    await until(() => port.client.status === 'ready')
    const keys = await port.client.keys('*{kept}*')
    t.same(keys.sort(), ['calls', 'members', 'reads', 'state'].map(key => `ip-risk:quota:{kept}:${key}`))
    for (const key of keys) t.ok(await port.client.pttl(key) > 0, key)
    for (const key of keys) t.notMatch(String(await port.client.dumpBuffer(key)), /203\.0\.113/)
  })

  t.test('no contact, key or address reaches Redis', async t => {
    const fake = await fakeGetipintel({ '203.0.113.66': -5 })
    t.teardown(() => fake.close())
    const guarded = member(getipintel({ contact: 'hush@example.org', baseUrl: fake.url }))
    t.equal(await ask(guarded, '203.0.113.65'), 'clean')
    t.equal(await ask(guarded, '203.0.113.66'), 'rejected')
    const port = redisPort(server.port)
    ports.push(port)
    await until(() => port.client.status === 'ready')
    await until(async () => await port.client.exists('ip-risk:quota:{getipintel}:hold') === 1)
    const everything = await Promise.all((await port.client.keys('*{getipintel}*')).map(async key => key + String(await port.client.dumpBuffer(key))))
    t.equal(everything.length, 4)
    t.notMatch(everything.join(), /hush|example\.org|203\.0\.113/)
    t.match(await port.client.get('ip-risk:quota:{getipintel}:hold'), 'rejected')
  })

  t.test('a provider without limits asks Redis for pauses only', async t => {
    const guarded = member(fakeProvider({}, { name: 'free' }))
    t.equal(await answered(guarded, 50, false), 50)
    const { minuteLeft, dayLeft } = guarded.stats()['free']!
    t.same([minuteLeft, dayLeft], [undefined, undefined])
  })

  t.test('a process that loses Redis goes on with what it knows, and reports it later', async t => {
    const log = memoryLog()
    const windows = { minuteMs: 1_500, dayMs: 60_000, burstMs: 50, slackMs: 500 }
    const guarded = member(limited({ perMinute: 10 }, { name: 'alone' }), { log, windows })
    t.equal(await answered(guarded, 4, true), 4)
    await server.kill()
    t.equal(await answered(guarded, 20, true), 6)
    const never = member(limited({ perMinute: 20 }, { name: 'never' }))
    t.equal(await answered(never, 20, true), 5, 'a quarter, when Redis was away from the start')
    while (!log.text().includes('redis_unreachable')) await sleep(20)
    await server.start()
    while (!log.text().includes('share one quota again')) await sleep(20)
    const codes = log.lines.map(({ fields }) => (fields as { code: string, cause?: string }))
    t.strictSame(codes.filter(({ code }) => code === 'IP_RISK_QUOTA_OFFLINE_SHARE').map(({ cause }) => cause),
      ['redis_unreachable', 'redis_count_lost'], 'one line for each change')
  })
})

t.test('a permit that comes too late is not used, and a Redis that talks nonsense is no Redis', async t => {
  const { now, pass } = clock()
  let reply: unknown = ['ok', 'epoch', '', 0, 0, 1, 0, 0, 1, 1, 0, 0, 1]
  let lateMs = 0
  const redis: ScriptRunner = {
    async run () {
      pass(lateMs)
      return reply
    }
  }
  const limits = { perMinute: 8 }
  const causes: unknown[] = []
  const make = (): Quota => {
    const quota = quotaOver(t, redis, limits, { now, onShare: cause => causes.push(cause) })
    made.push(quota)
    return quota
  }
  const made: Quota[] = []
  const quota = make()
  t.same(quota.left(), { quota: 'shared', minuteLeft: 8 }, 'before anything is known')
  t.equal(await quota.take(true), null)
  lateMs = realWindows.slackMs + 1
  t.match(await quota.take(true), { reason: 'quota_exhausted' })
  lateMs = 0
  reply = ['full', 'epoch', '', 5_000, 0, 1, 0, 0, 8, 8, 0, 0, 1]
  t.match(await quota.take(true), { reason: 'quota_exhausted', retryAfterSeconds: 5 })
  reply = ['ok', 'epoch', '', 0, 0, 1, 0, 0, 1, 1, 0, 0, 1]
  pass(1_000)
  t.match(await quota.take(true), { reason: 'quota_exhausted', retryAfterSeconds: 4 })
  t.match(await quota.take(false), { reason: 'quota_exhausted', retryAfterSeconds: 4 })
  for (const nonsense of [42, null, [], 'ok', ['fine', 'epoch', '', 0, 0, 1, 0, 0, 1, 1, 0, 0, 1], ['ok', 'epoch', '', 0, 0, 'some', 0, 0, 1, 1, 0, 0, 1]]) {
    reply = nonsense
    const other = make()
    t.equal(await other.take(true), null)
    t.equal(await other.take(true), null)
    t.match(await other.take(true), { reason: 'quota_exhausted' }, 'a quarter, as when Redis is away')
    t.same(other.left(), { quota: 'offline_share', minuteLeft: 0 })
    pass(5_000)
    await other.take(true)
    await other.take(true)
  }
  t.same(causes, Array(6).fill('redis_unreachable'), 'said once')
  await Promise.all(made.map(async quota => await quota.close()))
  reply = ['held', 'epoch', 'nonsense', 5_000, 0, 1, 0, 0, 1, 1, 0, 0, 1]
  const received: unknown[] = []
  const back = quotaOver(t, redis, limits, { now, onHold: (...held) => received.push(held), onShare: () => t.fail() })
  t.match(await back.take(true), { reason: 'rate_limited', retryAfterSeconds: 5 }, 'another reason in Redis is not believed')
  t.same(received[0], ['rate_limited', 5_000])
  await back.close()
})

for (const answers of [true, false]) {
  t.test(`a process that closes ${answers ? 'reports the calls that it made without Redis' : 'stays a member if it cannot report them'}`, async t => {
    const sent: [op: string, reported: number][] = []
    let isUp = false
    const redis: ScriptRunner = {
      async run (_script, _keys, args) {
        sent.push([String(args[0]), Math.max(0, args.length - 21) / 3])
        if (!isUp) throw new Error('no reply')
        return ['ok', 'epoch', '', 0, 0, 1, 0, 0, 2, 2, 0, 0, 1]
      }
    }
    const quota = quotaOver(t, redis, { perDay: 8 })
    t.equal(await quota.take(true), null)
    t.equal(await quota.take(true), null)
    isUp = answers
    sent.length = 0
    await quota.close()
    t.strictSame(sent, answers ? [['beat', 2], ['leave', 0]] : [['beat', 2]])
  })
}

t.test('a call that is reported again, because the reply came too late, counts once', async t => {
  const server = await redisServer()
  const port = redisPort(server.port)
  t.teardown(async () => {
    port.close()
    await server.close()
  })
  let answers: 'not' | 'late' | 'in time' = 'not'
  const redis: ScriptRunner = {
    async run (...args) {
      const reply = answers === 'not' ? undefined : await port.run(...args)
      if (answers !== 'in time') throw new Error('no reply in time')
      return reply
    }
  }
  const quota = quotaOver(t, redis, { perDay: 8 }, { timeoutMs: 1000 })
  t.equal(await quota.take(true), null)
  t.equal(await quota.take(true), null)
  answers = 'late'
  for (let i = 0; i < 3; i++) await quota.close()
  answers = 'in time'
  await quota.close()
  t.equal(await port.run("return redis.call('ZCARD', KEYS[1])", ['k:calls'], [], 5_000), 2)
})

t.test('works in a Cluster, where keys of one script must live together', async t => {
  const server = await redisServer('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1')
  const admin = redisPort(server.port)
  while (admin.client.status !== 'ready') await sleep(5)
  await admin.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  while (!String(await admin.client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(20)
  const cluster = new Cluster([{ port: server.port, host: '127.0.0.1' }])
  await new Promise(resolve => cluster.once('ready', resolve))
  const guarded = createPipelines(limited({ perMinute: 4 }), { log: memoryLog(), redis: portOf(cluster), redisTimeoutMs: 2_000 })
  t.equal(await answered(guarded, 9, true), 4)
  t.match(guarded.stats()['fake'], { minuteLeft: 0 })
  await guarded.close()
  cluster.disconnect()
  admin.close()
  await server.close()
})

t.test('members on one budget share it, and must agree on it', async t => {
  const one = limited({ perMinute: 3 }, { name: 'one', quotaName: 'account' })
  const two = limited({ perMinute: 3 }, { name: 'two', quotaName: 'account' })
  const of = (members: readonly Provider[]): CompositeProvider =>
    ({ name: 'both', members, lookup: (ip, context) => context.ask(members[ip.endsWith('1') ? 0 : 1]!, ip) })
  const both = createPipelines(of([one, two]), { log: memoryLog() })
  t.same(await Promise.all(['192.0.2.1', '192.0.2.2', '192.0.2.11', '192.0.2.12'].map(ip => ask(both, ip))), ['clean', 'clean', 'clean', 'quota_exhausted'])
  await both.close()
  const other = limited({ perMinute: 4 }, { name: 'two', quotaName: 'account' })
  t.throws(() => createPipelines(of([one, other]), { log: memoryLog() }), { code: 'FST_IP_RISK_BAD_OPTION' })
})
