import fc from 'fast-check'
import t from 'tap'
import { holdScript, quotaScript } from '../lib/rate-limit/quota-script.ts'
import * as scripts from '../lib/redis/scripts.ts'
import { createRedisModel, sha1 } from './simulation/redis-model.ts'
import { models } from './simulation/script-models.ts'
import { startRedis } from './support/redis.ts'

/** One script, or a key that ends: TTLs of the real Redis cannot be waited for. */
type Op =
  | { readonly text: string, readonly keys: readonly string[], readonly args: readonly (string | number)[] }
  | { readonly ends: string }
  | { readonly key: string, readonly value: string, readonly ttlMs: number }

/** Remaining milliseconds differ by the time that the comparison takes. */
const TOLERANCE_MS = 5000
const LONG_MS = 1_000_000

const keys = ['verdict', 'lease', 'waiters', 'failed']
const token = fc.constantFrom('a', 'b', 'c')
const call = (text: string, keys: readonly string[], args: fc.Arbitrary<readonly (string | number)[]>): fc.Arbitrary<Op> =>
  args.map(args => ({ text, keys, args }))

const leaseOps: fc.Arbitrary<Op> = fc.oneof(
  call(scripts.READ, ['verdict', 'lease', 'waiters', 'nothing'], fc.constant([])),
  call(scripts.CLAIM, keys, fc.tuple(token, fc.constant(LONG_MS), fc.constantFrom('inbox 1', 'inbox 2'), fc.constantFrom(0, 2 * LONG_MS),
    fc.constantFrom('', 'bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f'))), // SHA-1 of {}
  call(scripts.RENEW, ['lease'], fc.tuple(token, fc.constant(LONG_MS))),
  call(scripts.FILL, [...keys, 'forgotten'], fc.tuple(token, fc.constantFrom('held', 'soft', 'blind'), fc.constantFrom('{}', '{"verdict":"clean"}'),
    fc.constant(LONG_MS / 1000), fc.constant('filled'), fc.constant('retry'), fc.constantFrom('', sha1('{}'), sha1('{"verdict":"clean"}')))),
  call(scripts.FAIL, ['lease', 'waiters', 'failed'], fc.tuple(token, fc.constantFrom('timeout', ''), fc.constantFrom(0, LONG_MS), fc.constant('failed'))),
  call(scripts.FORGET, [...keys, 'forgotten'], fc.constant(['gone', LONG_MS])),
  call(scripts.SEND, [], fc.tuple(fc.constant('inbox 1'), fc.constant('check'))),
  call(scripts.PROBE, ['lease'], fc.constant([])),
  call(holdScript, ['hold'], fc.tuple(fc.constantFrom('rate_limited', 'rejected'), fc.constantFrom(LONG_MS, 2 * LONG_MS))),
  fc.constantFrom('verdict', 'lease', 'failed', 'forgotten', 'hold').map(ends => ({ ends })),
  fc.record({
    key: fc.constantFrom('verdict', 'lease', 'failed'),
    value: fc.constantFrom('{}', ' {"a":1}', '{broken', 'text', ''),
    ttlMs: fc.constantFrom(LONG_MS, 3 * LONG_MS, Infinity)
  })
)

const ids = fc.constantFrom('192.0.2.1', '192.0.2.2')
const statementOps: fc.Arbitrary<Op & { readonly passes?: number }> = fc.tuple(fc.nat(5000), fc.oneof(
  fc.record({ kind: fc.constantFrom('allow', 'forget'), id: ids, issued: fc.nat(20_000), keepMs: fc.integer({ min: 1000, max: 30_000 }) })
    .map(({ kind, id, issued, keepMs }): Op => ({
      text: scripts.PUBLISH_STATEMENT,
      keys: ['allowed', 'forgotten', 'statements'],
      args: [kind, id, 1_000_000 + issued, keepMs, `${kind}\n${id}\n${1_000_000 + issued}\n0\n`, 'all', 31_536_000_000, 108_000_000]
    })),
  fc.record({ back: fc.nat(120_000_000), skip: fc.nat(1), count: fc.integer({ min: 1, max: 3 }) })
    .map(({ back, skip, count }): Op => ({
      text: scripts.CATCH_UP, keys: ['allowed', 'forgotten', 'statements'], args: [108_000_000, back, skip, count]
    }))
)).map(([passes, op]) => ({ ...op, passes }))

const clockSetBack = fc.integer({ min: -100_000, max: 0 })
const quotaKeys = ['calls', 'reads', 'members', 'state', 'hold']
const quotaOps: fc.Arbitrary<Op & { readonly passes?: number }> = fc.tuple(fc.oneof(fc.nat(20_000), fc.nat(500), clockSetBack), fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      op: fc.constantFrom('read', 'write', 'beat', 'leave'),
      me: token,
      known: fc.constantFrom('', 'e', 'e', 'other'),
      callId: fc.nat(1e6),
      believed: fc.nat(3),
      believedReads: fc.nat(2),
      reporting: fc.nat(2),
      seen: fc.constantFrom(0, 1_000_000, 1_050_000),
      ago: fc.nat(60_000),
      reported: fc.array(fc.tuple(fc.nat(70_000), fc.nat(6), fc.nat(1)), { maxLength: 3 }),
      max: fc.constantFrom(-1, 0, 6),
      burst: fc.constantFrom(-1, 2)
    }).map(({ op, me, known, callId, believed, believedReads, reporting, seen, ago, reported, max, burst }): Op => ({
      text: quotaScript,
      keys: quotaKeys,
      args: op === 'leave'
        ? [op, me]
        : [op, me, known, 'e', `${me}:${callId}`, 62_000, max, Math.ceil(max / 2), 86_402_000, max < 0 ? -1 : 20, max < 0 ? -1 : 10, 1250, burst,
            25_833, max < 0 ? 0 : 86_402_000, 2000, believed, believedReads, reporting, seen, ago, ...reported.flat()]
    }))
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Op>(
      { key: 'hold', value: 'rate_limited', ttlMs: 1000 * LONG_MS },
      { key: 'hold', value: `rejected ${900 * LONG_MS}`, ttlMs: 1000 * LONG_MS },
      { ends: 'hold' },
      { ends: 'state' }
    )
  }
)).map(([passes, op]) => ({ ...op, passes }))

const redis = await startRedis()
t.teardown(() => redis.stop())
const runId = /run_id:(\w+)/.exec(await redis.client.info('server'))![1]!

/** The script by a given clock, with its messages in a list. */
function rewritten (text: string, nowMs: number): string {
  return text
    .replaceAll("redis.call('TIME')", `{ ${Math.floor(nowMs / 1000)}, ${nowMs % 1000 * 1000} }`)
    .replace(/redis\.call\('PUBLISH', ([\w[\]]+), ([\w[\]]+)\)/g, "redis.call('RPUSH', 'published', $1 .. ' ' .. $2)")
}

async function compare (ops: readonly (Op & { readonly passes?: number })[]): Promise<void> {
  let nowMs = 1_000_000
  const model = createRedisModel(() => nowMs)
  model.runId = runId
  await redis.client.flushall()
  for (const [i, op] of ops.entries()) {
    nowMs += op.passes ?? 0
    if ('ends' in op) {
      model.del(op.ends)
      await redis.client.del(op.ends)
    } else if ('key' in op) {
      model.set(op.key, op.value, op.ttlMs)
      if (op.ttlMs === Infinity) await redis.client.set(op.key, op.value)
      else await redis.client.set(op.key, op.value, 'PX', op.ttlMs)
    } else {
      // What expired by the given clock is still in Redis, whose own clock expires keys.
      for (const key of op.keys) if (model.pttl(key) === -2) await redis.client.del(key)
      const expected = await redis.client.eval(rewritten(op.text, nowMs), op.keys.length, ...op.keys, ...op.args)
      const found = models.get(op.text)!(model, op.keys, op.args.map(String))
      if (op.text !== scripts.SEND && !isSame(found, expected)) {
        throw new Error(`step ${i}: the model answers ${JSON.stringify(found)}, Redis ${JSON.stringify(expected)}`)
      }
    }
  }
  // A set of Redis has no order, so neither have the messages to its members.
  const messages = model.published.map(({ channel, message }) => `${channel} ${message}`).sort()
  const published = (await redis.client.lrange('published', 0, -1)).sort()
  if (messages.join() !== published.join()) throw new Error(`messages: ${messages} and ${published}`)
  await checkSums()
}

/** Of the quota: what its script keeps of the members is what a walk over them would find. */
async function checkSums (): Promise<void> {
  const { walked, ...state } = await redis.client.hgetall('state')
  if (walked === undefined) return // no process has called since the last one left
  const members = Object.values(await redis.client.hgetall('members')).map(member => member.split(':').map(Number))
  const sum = (i: number): number => members.reduce((sum, parts) => sum + parts[i]!, 0)
  const sums = `${sum(1)} and ${sum(2)} reads of ${members.length}`
  if (`${state['reserved']} and ${state['reservedReads']} reads of ${state['count']}` !== sums) throw new Error(`the members have ${sums}, not ${JSON.stringify(state)}`)
}

/** Large numbers are remaining times. */
function isSame (found: unknown, expected: unknown): boolean {
  if (Array.isArray(found) && Array.isArray(expected)) {
    return found.length === expected.length && found.every((value, i) => isSame(value, expected[i]))
  }
  if (typeof found === 'number' && typeof expected === 'number' && found > LONG_MS / 2) return Math.abs(found - expected) < TOLERANCE_MS || expected > LONG_MS * 500
  return found === expected || (found === undefined && expected === null)
}

for (const [what, ops] of [['leases', leaseOps], ['statements', statementOps], ['the quota', quotaOps]] as const) {
  t.test(`the models of the scripts of ${what} do what the scripts do in Redis`, async t => {
    const sequences = fc.asyncProperty(fc.array(ops, { maxLength: 40 }), compare)
    const result = await fc.check(sequences, { numRuns: 60, endOnFailure: false })
    t.equal(result.failed, false, `${String(result.errorInstance)} ${JSON.stringify(result.counterexample)}`)
  })
}

t.test('every script has a model', async t => {
  const texts = [...Object.values(scripts), quotaScript, holdScript].filter(text => typeof text === 'string')
  for (const text of texts) t.ok(models.has(text))
})
