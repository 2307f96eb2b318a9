import t from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { consensus } from '../lib/providers/composite/consensus.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import type { Provider } from '../types/contract.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { emptied, type RedisServer, startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.9'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** Connections to the server but the test's own. */
async function connections (): Promise<number> {
  return (await redis.client.client('LIST') as string).trim().split('\n').length - 1
}

t.test('a process that closes hands its calls to the others, and tells them of no failure', async t => {
  // As a client over HTTP does, it gives up its calls when it is closed.
  let abort = (): void => {}
  const aborted = new Promise<void>(resolve => { abort = resolve })
  const leaving = heldProvider(async () => answer('clean'), {
    name: 'table',
    async lookup (ip) {
      leaving.calls.push(ip)
      await aborted
      return { verdict: 'unknown', reason: 'unavailable' }
    },
    close: async () => abort()
  })
  const staying = tableProvider({ [ip]: 'vpn_detected' })
  const first = await testEngine(t, { provider: leaving, redis: redis.url })
  const second = await testEngine(t, { provider: staying, redis: redis.url })
  const lost = first.ask(ip)
  await until(() => leaving.calls.length === 1)
  const waiting = second.ask(ip)
  await until(async () => await redis.client.exists(`ip-risk:waiters:{${ip}}`) === 1)
  await first.engine.close()
  t.match(await lost, { answer: { reason: 'unavailable' } })
  t.match(await waiting, { answer: { verdict: 'vpn_detected' }, cache: 'miss' })
  t.strictSame(staying.calls, [ip])
  t.equal(await redis.client.exists(`ip-risk:failed:{${ip}}`), 0)
})

t.test('a provider that fails to close does not keep Redis open', async t => {
  const provider = tableProvider({}, { close: async () => { throw new Error('cannot close') } })
  const engine = createEngine({ provider, redis: redis.url }, memoryLog())
  await engine.ready()
  t.ok(await connections() > 0)
  await t.rejects(engine.close(), { message: 'cannot close' })
  await until(async () => await connections() === 0)
})

t.test('a boot that fails leaves no connection and no claim on the key space', async t => {
  const closed: string[] = []
  const failing: Provider = tableProvider({}, {
    name: 'failing', start () { throw new Error('no such file') }, close: async () => { closed.push('failing') }
  })
  t.throws(() => createEngine({ provider: failing, redis: redis.url }, memoryLog()), { message: 'no such file' })
  t.throws(() => createEngine({ provider: consensus([iplogs(), iplogs()]), redis: redis.url }, memoryLog()), { code: 'FST_IP_RISK_BAD_OPTION' })
  const dying = tableProvider({}, { name: 'dying', start () { throw new Error('first') }, close: async () => { throw new Error('second') } })
  t.throws(() => createEngine({ provider: dying, redis: redis.url }, memoryLog()), { message: 'first' })
  t.strictSame(closed, ['failing'])
  await until(async () => await connections() === 0)
  await testEngine(t, { provider: tableProvider({}), redis: redis.url })
})
