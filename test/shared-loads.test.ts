// Lookups of one process that share a load: what they get, and how many calls that takes.
import { Redis } from 'ioredis'
import t from 'tap'
import { escalate } from '../lib/providers/composite/index.ts'
import { CLAIM, PROBE, sha1 } from '../lib/redis/scripts.ts'
import { deferred } from '../lib/util/async.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import type { ProviderAnswer } from '../types/contract.ts'
import { testEngine, type TestEngine } from './support/engine.ts'
import { aroundScripts, emptied, startRedis } from './support/redis.ts'
import { tableProvider } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.7'
const server = await startRedis()
t.teardown(() => server.stop())
t.beforeEach(emptied(server))

type State = 'up' | 'no reply' | 'rejects' | 'no reply from the next claim on' | 'rejects after the next probe'

interface Cut extends TestEngine {
  readonly calls: readonly string[]
  readonly invalidate: () => Promise<void>
  /** Starts a lookup, and waits until it waits for the lease of another process. */
  waits (write: boolean): Promise<{ readonly found: Promise<unknown> }>
  state: State
}

/** A process whose connection to Redis can be cut, while another process always has the lease of the address. */
async function cut (t: Parameters<typeof testEngine>[0]): Promise<Cut> {
  const client = new Redis({ port: server.port, host: '127.0.0.1' })
  t.teardown(() => client.disconnect())
  let claims = 0
  let state: State = 'up'
  aroundScripts(client, async (script, run) => {
    const isClaim = script === CLAIM || script === sha1(CLAIM)
    if (state === 'no reply from the next claim on' && isClaim) state = 'no reply'
    if (state === 'no reply') return await new Promise(() => {})
    if (state === 'rejects') throw new Error('Connection is closed.')
    if (isClaim) await server.client.set(`ip-risk:lease:{${ip}}`, 'theirs', 'PX', 2000)
    const reply = await run()
    if (isClaim) claims++
    if (state === 'rejects after the next probe' && (script === PROBE || script === sha1(PROBE))) state = 'rejects'
    return reply
  })
  const provider = tableProvider({ [ip]: 'clean' })
  const engine = await testEngine(t, { provider, redis: client, cache: { redisTimeoutMs: 200 } })
  const other = await testEngine(t, { provider: tableProvider({ [ip]: 'clean' }), redis: server.url })
  let waiting = 0
  return {
    ...engine,
    calls: provider.calls,
    get state () { return state },
    set state (next) { state = next },
    async invalidate () {
      const before = claims
      await other.engine.invalidate(ip)
      if (state === 'up') await until(() => claims === before + waiting)
      await new Promise(resolve => setTimeout(resolve, 30)) // the broadcast has arrived
    },
    async waits (write) {
      const before = claims
      const found = engine.ask(ip, 'wait', { write })
      waiting++
      await until(() => claims === before + 1)
      await new Promise(resolve => setTimeout(resolve, 5))
      return { found }
    }
  }
}

const grey = knownAnswer('suspicious', { score: 0.3 })

/** Reads get the answers that the test gives to those in `asked`; writes escalate where these are grey. */
async function escalating (t: Parameters<typeof testEngine>[0]): Promise<TestEngine & {
  readonly asked: readonly ReturnType<typeof deferred<ProviderAnswer>>[]
  readonly expensive: ReturnType<typeof tableProvider>
}> {
  const asked: ReturnType<typeof deferred<ProviderAnswer>>[] = []
  const cheap = {
    name: 'cheap',
    async lookup () {
      const answer = deferred<ProviderAnswer>()
      asked.push(answer)
      return await answer.promise
    }
  }
  const expensive = tableProvider({ [ip]: 'vpn_detected' }, { name: 'expensive' })
  return { ...await testEngine(t, { provider: escalate(cheap, expensive, { writesOnly: true }) }), asked, expensive }
}

t.test('a write whose time is over follows no other read, and calls no more', async t => {
  const { engine, ask, asked, expensive } = await escalating(t)
  const reads = [ask(ip)]
  t.match(await ask(ip, 'wait', { write: true, timeoutMs: 50 }), { answer: { reason: 'timeout' } })
  for (let i = 0; i < 3; i++) {
    await engine.invalidate(ip)
    reads.push(ask(ip))
    await until(() => asked.length === i + 2)
    asked[i]!.resolve(grey)
    await reads[i]
  }
  asked[3]!.resolve(grey)
  await reads[3]
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(asked.length, 4)
  t.strictSame(expensive.calls, [])
})

t.test('a write that shared the load of a read which is not enough for it does not accept that of another read', async t => {
  const { engine, ask, asked } = await escalating(t)
  const read = ask(ip)
  const write = ask(ip, 'wait', { write: true })
  await until(() => asked.length === 1)
  await engine.invalidate(ip)
  const laterRead = ask(ip)
  await until(() => asked.length === 2)
  asked[0]!.resolve(grey)
  await read
  await new Promise(resolve => setTimeout(resolve, 20))
  asked[1]!.resolve(grey)
  await laterRead
  await new Promise(resolve => setTimeout(resolve, 20))
  asked[2]?.resolve(grey)
  t.match(await write, { provider: 'expensive', answer: { verdict: 'vpn_detected' } })
})

/** Lookups that wait, with an invalidation after each but the last one. */
async function waiting (it: Cut, ...writes: readonly boolean[]): Promise<{ readonly found: Promise<unknown> }[]> {
  const founds = []
  for (const write of writes) {
    if (founds.length > 0) await it.invalidate()
    founds.push(await it.waits(write))
  }
  return founds
}

t.test('a lookup from before an invalidation takes what one from after it has found, when the connection to Redis is lost', async t => {
  const it = await cut(t)
  const { found: before } = await it.waits(false)
  await it.invalidate()
  it.state = 'rejects after the next probe'
  await until(() => it.state === 'rejects')
  const after = await it.ask(ip)
  t.match(after, { answer: { verdict: 'clean' } })
  t.match(await before, { answer: { verdict: 'clean' } })
  t.strictSame(it.calls, [ip], 'one call')
})

t.test('lookups from before two invalidations and one after them make one call or two', async t => {
  const it = await cut(t)
  const founds = await waiting(it, true, true, false)
  it.state = 'no reply'
  for (const { found } of founds) t.match(await found, { answer: { verdict: 'clean' } })
  t.ok(it.calls.length <= 2, `${it.calls.length} calls`)
})

t.test('two lookups, before and after an invalidation, whose claims get no reply make one call', async t => {
  const it = await cut(t)
  const founds = await waiting(it, false, false)
  it.state = 'no reply from the next claim on'
  await it.invalidate()
  for (const { found } of founds) t.match(await found, { answer: { verdict: 'clean' } })
  t.equal(it.calls.length, 1)
})

t.test('three lookups, with invalidations between, whose claims get no reply make two calls at most', async t => {
  const it = await cut(t)
  const founds = await waiting(it, false, false, false)
  it.state = 'no reply from the next claim on'
  await it.invalidate()
  for (const { found } of founds) t.match(await found, { answer: { verdict: 'clean' } })
  t.ok(it.calls.length <= 2, `${it.calls.length} calls`)
})

t.test('a lookup that shares the call of a later one is counted as shared', async t => {
  const it = await cut(t)
  const founds = await waiting(it, false, false)
  it.state = 'no reply'
  for (const { found } of founds) t.match(await found, { answer: { verdict: 'clean' } })
  t.strictSame(it.calls, [ip])
  t.match(it.engine.stats().lookups, { provider: 1, shared: 1 })
})
