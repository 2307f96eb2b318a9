// What may bring a verdict back that was invalidated, found by an attacker.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Redis } from 'ioredis'
import { createEngine } from '../lib/core/engine.ts'
import { createKeys } from '../lib/redis/keys.ts'
import { sha1 } from '../lib/redis/scripts.ts'
import { messageText } from '../lib/redis/subscriber.ts'
import type { Provider, ProviderAnswer, VerdictName } from '../types/contract.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { memoryLog } from './support/log.ts'
import { emptied, startRedis } from './support/redis.ts'
import { settlingProvider } from './support/settling.ts'
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
    return await redis.client.publish(inbox!, messageText('verdict', ip, sha1(token), 60_000, JSON.stringify({ verdict, provider: 'in turn' })))
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
  const { ask, engine } = await testEngine(t, { provider: settlingProvider(begun, 'suspicious', 'vpn_detected') })
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
  ['is shared', 'none', 'clean'],
  ['is shared where the address was invalidated before the first one', 'itself', 'clean'],
  ['does not replace the verdict from after an invalidation that its process does not know of', 'another', 'vpn_detected']
] as const) {
  t.test(`a second answer ${name}`, async t => {
    const begun: ((answer: ProviderAnswer) => void)[] = []
    const first = await testEngine(t, { provider: settlingProvider(begun, 'suspicious'), redis: await deafClient(t) })
    const other = await testEngine(t, { provider: settlingProvider(begun, 'vpn_detected'), redis: redis.url })
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

const half = 'x\ud83d'
for (const [name, provider] of [
  ['a provider', inTurnWith(half)],
  ['a provider that escapes it', inTurnWith(`${half} \\ud83d`)]
] as const) {
  t.test(`an entry with half a surrogate pair of ${name} can be invalidated and replaced`, async t => {
    const { ask, engine } = await testEngine(t, { provider, redis: redis.url })
    await ask(ip)
    await until(async () => await redis.client.exists(ip) === 1)
    t.match(await redis.client.get(ip), /x\ufffd/)
    await engine.invalidate(ip)
    await until(async () => await redis.client.exists(ip) === 0)
    await redis.client.set(ip, `{"verdict":"clean","provider":"in turn","ip_info":{"org":${JSON.stringify(`${half} \\ud83d`)}}}`, 'EX', 300)
    await engine.invalidate(ip)
    await until(async () => await redis.client.exists(ip) === 0)
  })
}

function inTurnWith (org: string): Provider {
  return { name: 'in turn', lookup: async () => ({ ...answer('suspicious'), info: { org } }) }
}

t.test('an invalidation that Redis did not take in time is published when the process closes', async t => {
  const provider = inTurn('vpn_detected', 'clean')
  const other = await testEngine(t, { provider, redis: redis.url })
  const log = memoryLog()
  for (const isBack of [true, false]) {
    const script = createEngine({ provider, redis: redis.url }, log)
    await script.ready()
    await other.ask(ip)
    redis.process.kill('SIGSTOP')
    await script.invalidate(ip)
    if (isBack) redis.process.kill('SIGCONT')
    await script.close()
    redis.process.kill('SIGCONT')
    if (isBack) await until(async () => (await other.ask(ip)).answer.verdict === 'clean')
    t.equal(log.messages.some(line => line.includes('does not try again')), !isBack)
  }
})

t.test('a process reads the invalidations that it missed while its machine slept', async t => {
  let isAsleep = false
  const sockets = new Set<Socket>()
  const cable = createServer(socket => {
    if (isAsleep) return socket.destroy()
    const server = connect(redis.port, '127.0.0.1')
    for (const end of [socket, server]) {
      sockets.add(end.on('error', () => {}).on('close', () => {
        socket.destroy()
        server.destroy()
      }))
    }
    socket.pipe(server).pipe(socket)
  })
  await new Promise<void>(resolve => cable.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { cable.close() })
  const provider = inTurn('vpn_detected', 'clean')
  const { ask } = await testEngine(t, { provider, redis: `redis://127.0.0.1:${(cable.address() as AddressInfo).port}` })
  const other = await testEngine(t, { provider, redis: redis.url })
  await ask(ip)
  const { now } = performance
  const sleepsAt = now.call(performance)
  const SLEEP_MS = 2500
  performance.now = () => Math.max(sleepsAt, now.call(performance) - SLEEP_MS) // does not count while a machine sleeps
  t.teardown(() => { performance.now = now })
  isAsleep = true
  for (const socket of sockets) socket.destroy()
  await other.engine.invalidate(ip)
  await new Promise(resolve => setTimeout(resolve, SLEEP_MS))
  isAsleep = false
  await until(async () => (await ask(ip)).answer.verdict === 'clean')
})
