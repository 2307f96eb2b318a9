// What may bring a verdict back that was invalidated, found by an attacker.
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { Redis } from 'ioredis'
import { createKeys } from '../lib/redis/keys.ts'
import { messageText } from '../lib/redis/subscriber.ts'
import type { ProviderAnswer, SettlingProvider, VerdictName } from '../types/contract.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { emptied, startRedis } from './support/redis.ts'
import { answer } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** Answers in this order, then always with the last one. */
const inTurn = (...verdicts: VerdictName[]) =>
  ({ name: 'in turn', lookup: async () => answer(verdicts.length > 1 ? verdicts.shift()! : verdicts[0]!) })

/** A client that receives no messages. */
async function deafClient (t: Test): Promise<Redis> {
  await redis.client.call('ACL', 'SETUSER', 'deaf', 'on', '>x', '~*', '+@all', 'resetchannels')
  const client = new Redis({ port: redis.port, username: 'deaf', password: 'x' })
  t.teardown(() => client.disconnect())
  return client
}

t.test('a message about an earlier lease does not answer a request that waits for a later one', async t => {
  const { lease, waiters } = createKeys('', undefined).of(ip)
  const { ask } = await testEngine(t, { provider: inTurn('suspicious'), redis: redis.url })
  await redis.client.set(lease, 'later', 'PX', 2000)
  const asked = ask(ip)
  await until(async () => await redis.client.exists(waiters) === 1)
  const [inbox] = await redis.client.smembers(waiters)
  const send = async (token: string, verdict: VerdictName): Promise<unknown> => {
    const lease = createHash('sha1').update(token).digest('hex')
    return await redis.client.publish(inbox!, messageText('verdict', ip, lease, 60_000, JSON.stringify({ verdict, provider: 'in turn' })))
  }
  await send('earlier', 'clean')
  await send('later', 'vpn_detected')
  t.match(await asked, { answer: { verdict: 'vpn_detected' }, cache: 'miss' })
})

t.test('an invalidation counts although the clock of an earlier one was ahead', async t => {
  const ahead = await testEngine(t, { provider: inTurn('clean'), redis: redis.url })
  ahead.wait(5)
  const asked = await testEngine(t, { provider: inTurn('suspicious', 'vpn_detected'), redis: redis.url })
  await ahead.engine.invalidate(ip)
  t.match(await asked.ask(ip), { answer: { verdict: 'suspicious' } })
  const started = await testEngine(t, { provider: inTurn('clean'), redis: redis.url })
  await started.engine.invalidate(ip)
  await until(async () => (await asked.ask(ip)).answer.verdict === 'vpn_detected')
})

t.test('a lookup after invalidate() was called does not overtake it, where Redis has forgotten the scripts', async t => {
  const { ask, engine } = await testEngine(t, { provider: inTurn('clean', 'clean', 'clean', 'vpn_detected'), redis: redis.url })
  await engine.invalidate('203.0.113.1')
  await ask(ip)
  await until(async () => await redis.client.exists(ip) === 1)
  await redis.client.script('FLUSH')
  await ask('203.0.113.2')
  await ask('203.0.113.3')
  const invalidated = engine.invalidate(ip)
  t.match(await ask(ip), { answer: { verdict: 'vpn_detected' }, cache: 'miss' })
  await invalidated
})

t.test('a deferred answer to a question from before an invalidation does not replace the verdict from after it', async t => {
  const begun: ((answer: ProviderAnswer) => void)[] = []
  const firsts: VerdictName[] = ['suspicious', 'vpn_detected']
  const provider: SettlingProvider = {
    name: 'settling',
    settlesAfterMs: 1,
    async lookup (_ip, { later }) {
      later?.(1, async () => await new Promise(resolve => begun.push(resolve)))
      return answer(firsts.shift()!)
    }
  }
  const { ask, engine } = await testEngine(t, { provider })
  await ask(ip)
  await until(() => begun.length === 1)
  await new Promise(resolve => setTimeout(resolve, 5)) // the two verdicts are of another millisecond
  await engine.invalidate(ip)
  await ask(ip)
  await until(() => begun.length === 2)
  begun[0]!(answer('clean'))
  await new Promise(resolve => setImmediate(resolve))
  t.match(await ask(ip), { answer: { verdict: 'vpn_detected' }, cache: 'memory' })
  begun[1]!(answer('vpn_likely'))
  await until(async () => (await ask(ip)).answer.verdict === 'vpn_likely')
})

for (const [name, invalidatedBy, expected] of [
  ['is shared', 'nobody', 'clean'],
  ['is shared where the address was invalidated before the first one', 'itself', 'clean'],
  ['does not replace the verdict from after an invalidation that its process does not know of', 'another', 'vpn_detected']
] as const) {
  t.test(`a second answer ${name}`, async t => {
    const begun: ((answer: ProviderAnswer) => void)[] = []
    const settling = (first: VerdictName): SettlingProvider => ({
      name: 'settling',
      settlesAfterMs: 1,
      async lookup (_ip, { later }) {
        later?.(1, async () => await new Promise(resolve => begun.push(resolve)))
        return answer(first)
      }
    })
    const first = await testEngine(t, { provider: settling('suspicious'), redis: await deafClient(t) })
    const other = await testEngine(t, { provider: settling('vpn_detected'), redis: redis.url })
    const isStored = async (address: string): Promise<void> => await until(async () => await redis.client.exists(address) === 1)
    if (invalidatedBy === 'itself') await first.engine.invalidate(ip)
    await first.ask(ip)
    await isStored(ip)
    await until(() => begun.length === 1)
    if (invalidatedBy === 'another') {
      await other.engine.invalidate(ip)
      await other.ask(ip)
      await isStored(ip)
    }
    begun[0]!(answer('clean'))
    await until(async () => (await first.ask(ip)).answer.verdict === 'clean')
    await first.ask('203.0.113.77') // is stored after it
    await isStored('203.0.113.77')
    t.equal(JSON.parse(await redis.client.get(ip) ?? '{}').verdict, expected)
  })
}

for (const reason of ['unavailable', 'no_data'] as const) {
  t.test(`"${reason}" in answer to a call from before an invalidation is not remembered after it`, async t => {
    const provider = heldProvider(async () => ({ verdict: 'unknown', reason }))
    const { ask, engine } = await testEngine(t, { provider })
    const first = ask(ip)
    await until(() => provider.calls.length === 1)
    await engine.invalidate(ip)
    provider.release()
    t.match(await first, { answer: { verdict: 'unknown', reason } })
    const second = ask(ip)
    await until(() => provider.calls.length === 2)
    provider.release()
    await second
  })
}

t.test('a process that receives no messages does not go on claiming when no request waits', async t => {
  const client = await deafClient(t)
  const { lease, waiters } = createKeys('', undefined).of(ip)
  const hold = async (): Promise<unknown> => await redis.client.set(lease, 'of another process', 'PX', 2000)
  await hold()
  const holding = setInterval(hold, 200)
  t.teardown(() => clearInterval(holding))
  const { ask } = await testEngine(t, { provider: inTurn('clean'), redis: client })
  t.match(await ask(ip, 'wait', { timeoutMs: 200 }), { answer: { verdict: 'unknown', reason: 'timeout' } })
  await until(async () => await redis.client.del(waiters) === 1) // its last claim
  await new Promise(resolve => setTimeout(resolve, 300))
  t.equal(await redis.client.exists(waiters), 0)
})
