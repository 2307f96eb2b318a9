import { createServer, type Socket } from 'node:net'
import { Cluster } from 'ioredis'
import t, { type Test } from 'tap'
import { circuitBreaker } from '../lib/util/circuit-breaker.ts'
import { redisBudget } from '../lib/util/async.ts'
import { createEngine, type Engine } from '../lib/core/engine.ts'
import type { EngineOptions } from '../types/contract.ts'
import { until } from './support/until.ts'
import { clock } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { freePort, startRedis } from './support/redis.ts'
import { startCluster } from './support/redis-topologies.ts'
import { truthfulProvider } from './support/steady-load.ts'

/** Far below what a command may take by default, and far above what a lookup takes without Redis. */
const BOUND_MS = 400

function engineOn (t: Test, redis: EngineOptions['redis'], redisTimeoutMs = 20): { readonly engine: Engine, readonly calls: () => number } {
  const provider = { ...truthfulProvider(), maxConcurrent: 20, limits: { perMinute: 100_000 } }
  let calls = 0
  const counting: typeof provider = { ...provider, lookup (...args) { calls++; return provider.lookup(...args) } }
  const engine = createEngine({ provider: counting, redis, cache: { redisTimeoutMs } }, memoryLog())
  t.teardown(() => engine.close())
  return { engine, calls: () => calls }
}

/** Every answer, or `timeout` when it took longer than the bound. */
async function answers (engine: Engine, count: number, timeoutMs = BOUND_MS, subnet = 1): Promise<string[]> {
  const found = await Promise.all(Array.from({ length: count }, async (_, i) =>
    (await engine.lookup(`203.0.${subnet}.${i + 1}`, { mode: 'wait', write: true, timeoutMs })).answer))
  return found.map(answer => answer.verdict === 'unknown' ? answer.reason : 'known')
}

t.test('the budget of a lookup counts the waits for Redis, at the same time only once, and nothing else', async t => {
  const { now, pass } = clock()
  const budget = redisBudget(100, now)
  const during = async (ms: number, inside: () => void = () => {}): Promise<void> => {
    let end = (): void => {}
    const waited = budget.wait(new Promise<void>(resolve => { end = resolve }))
    pass(ms)
    inside()
    end()
    await waited
  }
  await during(30)
  pass(5_000) // the provider's
  t.equal(budget.leftMs(), 70)
  let inner: Promise<void> | undefined
  await during(20, () => { inner = during(10) })
  await inner
  t.equal(budget.leftMs(), 40)
  await during(10, () => t.equal(budget.leftMs(), 30, 'a wait counts while it lasts'))
  await during(31)
  t.equal(budget.leftMs(), 0)
  budget.renew()
  t.equal(budget.leftMs(), 100)
  const other = redisBudget(100, now)
  other.useUp()
  other.renew()
  t.equal(other.leftMs(), 0)
})

t.test('a circuit opens after failures in a row, and its probe alone decides when it closes', async t => {
  const { now, pass } = clock()
  const changes: unknown[] = []
  const circuit = circuitBreaker({ failures: 2, openMs: 100, now, onChange: (state, cause) => changes.push([state, cause]) })
  const [old, probe, other] = [{}, {}, {}]
  circuit.failed(old, 'first')
  circuit.succeeded(old)
  circuit.failed(old, 'second')
  t.ok(circuit.admit(other), 'a success between them')
  circuit.failed(old, 'third')
  circuit.succeeded(other)
  t.strictSame([circuit.state, circuit.admits, circuit.admit(probe)], ['open', false, false], 'what was sent before says nothing new')
  pass(100)
  t.strictSame([circuit.admit(probe), circuit.state, circuit.admit(other)], [true, 'half_open', false], 'one call')
  circuit.succeeded(other)
  circuit.settle(other)
  t.equal(circuit.state, 'half_open')
  circuit.failed(probe, 'again')
  t.equal(circuit.admit(probe), false)
  circuit.retryNow()
  t.ok(circuit.admit(probe), 'sooner, when there is a reason')
  circuit.settle(probe)
  t.ok(circuit.admit(other), 'a probe without an outcome leaves it to the next call')
  circuit.succeeded(other)
  t.strictSame(changes, [['open', 'third'], ['closed', undefined]])
})

t.test('a Redis that is down, frozen or silent at boot holds up no lookup, and takes no place in the bulkhead', async t => {
  const silent = createServer(socket => { sockets.push(socket.on('error', () => {}).resume()) })
  const sockets: Socket[] = []
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const frozen = await startRedis()
  frozen.process.kill('SIGSTOP')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    silent.close()
    await frozen.stop()
  })
  const dead = await freePort()
  const client = new Cluster([{ host: '127.0.0.1', port: dead }])
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  for (const [name, redis] of Object.entries({
    down: `redis://127.0.0.1:${dead}`,
    'a sentinel that is down': { sentinels: [{ host: '127.0.0.1', port: dead }], name: 'verdicts' },
    'a cluster that is down': client,
    silent: `redis://127.0.0.1:${(silent.address() as { port: number }).port}`,
    frozen: frozen.url
  })) {
    const { engine } = engineOn(t, redis)
    for (let i = 0; i < 4; i++) t.strictSame(new Set(await answers(engine, 20, BOUND_MS, i)), new Set(['known']), name)
  }
})

t.test('a wait for another process\'s lease ends when Redis freezes: each asks for itself', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { engine, calls } = engineOn(t, redis.url, 200)
  await engine.ready()
  for (let i = 1; i <= 3; i++) await redis.client.set(`ip-risk:lease:{203.0.1.${i}}`, 'of another process', 'PX', 2_000)
  const waiting = answers(engine, 3, 1_500) // a lease is waited for two seconds
  await until(async () => await redis.client.exists('ip-risk:waiters:{203.0.1.3}') === 1)
  t.equal(calls(), 0)
  redis.process.kill('SIGSTOP')
  t.strictSame(await waiting, ['known', 'known', 'known'])
})

t.test('a dead node of a Cluster costs the keys that live there, and no request waits for it', async t => {
  const nodes = await startCluster()
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  cluster.on('error', () => {})
  t.teardown(() => cluster.disconnect())
  const { engine } = engineOn(t, cluster, 200)
  await engine.ready()
  t.equal(engine.stats().redis, 'up')
  nodes[1]!.process.kill('SIGSTOP')
  for (let i = 0; engine.stats().redis === 'up'; i++) await answers(engine, 10, 2_000, i)
  t.equal(engine.stats().redis, 'degraded')
  // Shorter than what a command may take.
  for (let i = 100; i < 130; i++) t.strictSame(await answers(engine, 1, 190, i), ['known'])
  t.equal(engine.stats().redis, 'degraded', 'the other nodes answered all the time')
  nodes[1]!.process.kill('SIGCONT')
  await until(() => engine.stats().redis === 'up')
})

t.test('no lookup makes a second round trip for a script that Redis does not know, unless somebody removed it', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { engine } = engineOn(t, redis.url, 1000)
  await engine.ready()
  const refused = async (): Promise<number> =>
    Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(await redis.client.info('errorstats'))?.[1] ?? 0)
  const stored = async (ip: string): Promise<boolean> => {
    await engine.lookup(ip, { mode: 'wait', write: true, timeoutMs: 2000 })
    return await redis.client.exists(ip) === 1
  }
  await until(async () => await stored('203.0.1.1'))
  t.equal(await refused(), 0, 'a new Redis')

  await redis.client.script('FLUSH')
  await until(async () => await stored('203.0.1.2'))
  const removed = await refused()
  t.ok(removed > 0, 'scripts that were removed are sent again')

  await redis.client.script('FLUSH')
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal')
  let ip = 0
  await until(async () => await stored(`203.0.2.${++ip}`))
  t.equal(await refused(), removed, 'a new connection')
})
