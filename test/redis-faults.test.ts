import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { createEngine } from '../lib/core/engine.ts'
import { freePort, type RedisServer, startRedis } from './support/redis.ts'
import type { EngineOptions } from '../types/contract.ts'
import { allow } from './support/engine.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { nonsenseServer } from './support/nonsense-server.ts'
import { startCluster, startSentinel } from './support/redis-topologies.ts'
import { type SteadyLoad, steadyLoad, truthfulProvider } from './support/steady-load.ts'

/** The bound on every wait: far above what Redis may take (100 ms), far below what a client waits by itself. */
const BOUND_MS = 2000

// Each test has servers of its own, and waits most of the time.
t.jobs = 3
const buffered = true

function underLoad (t: Test, redis: NonNullable<EngineOptions['redis']>) {
  const log = memoryLog()
  const provider = truthfulProvider()
  const engine = createEngine({ provider, redis, cache: { maxEntries: 10 } }, log)
  const load: SteadyLoad = steadyLoad(engine, BOUND_MS)
  t.teardown(async () => {
    await load.stop()
    await engine.close()
  })
  const served = (count: number): Promise<void> => {
    const goal = load.answered + count
    return until(() => load.answered >= goal)
  }
  return {
    engine,
    load,
    log,
    provider,
    served,
    is: (state: 'up' | 'down') => until(() => engine.stats().redis === state),
    /** Verdicts come from Redis again. */
    async shares () {
      const before = engine.stats().lookups.redis
      await until(() => engine.stats().lookups.redis > before)
    },
    async ends () {
      await load.stop()
      t.strictSame(load.wrong, [])
      t.ok(load.answered >= 50)
    }
  }
}

t.test('a Redis that is down at boot, comes, is killed, comes back empty, freezes and thaws', { buffered }, async t => {
  const port = await freePort()
  const { engine, log, served, is, shares, ends } = underLoad(t, `redis://127.0.0.1:${port}`)
  await engine.ready()
  await is('down')
  await served(50)
  let server = await startRedis({ port })
  await shares()
  await server.stop()
  await is('down')
  await served(50)
  server = await startRedis({ port })
  t.teardown(() => server.stop())
  await shares()
  server.process.kill('SIGSTOP')
  await is('down')
  await served(50)
  server.process.kill('SIGCONT')
  await shares()
  await ends()
  const states = log.messages.filter(line => /Redis (does not answer|answers again)/.test(line)).map(line => line.slice(0, 4))
  t.strictSame(states, ['warn', 'info', 'warn', 'info', 'warn', 'info'])
  t.equal(log.messages.filter(line => !line.startsWith('debug')).length, states.length)
})

t.test('a Redis that is slow now and then', { buffered }, async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const { served, shares, ends } = underLoad(t, server.url)
  await shares()
  for (const ms of [50, 90, 150, 300]) {
    await server.client.call('CLIENT', 'PAUSE', ms, 'ALL')
    await served(50)
  }
  await shares()
  await ends()
})

t.test('a client of the application, with settings that wait for ever', { buffered }, async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const client = new Redis({ port: server.port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 50 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  const { served, is, shares, ends } = underLoad(t, client)
  await shares()
  server.process.kill('SIGSTOP')
  await is('down')
  await served(50)
  server.process.kill('SIGCONT')
  await shares()
  await server.stop()
  await is('down')
  await served(50)
  const again = await startRedis({ port: server.port })
  t.teardown(() => again.stop())
  await shares()
  await ends()
})

t.test('a Redis that answers and refuses: full, read-only, without the password', { buffered }, async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const { client } = server
  const { log, served, shares, ends, engine } = underLoad(t, server.url)
  await shares()
  await client.config('SET', 'maxmemory', '1')
  await served(50)
  t.equal(engine.stats().redis, 'up')
  await client.config('SET', 'maxmemory', '0')
  await client.flushall()
  await shares()
  await client.replicaof('127.0.0.1', await freePort())
  await client.config('SET', 'replica-serve-stale-data', 'yes')
  await served(50)
  await client.replicaof('NO', 'ONE')
  await client.flushall()
  await shares()
  await client.config('SET', 'requirepass', 'secret of the server')
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(() => engine.stats().redis === 'down')
  await served(50)
  await ends()
  t.equal(log.messages.filter(line => /Redis refuses/.test(line)).length, 1)
  t.notMatch(log.text(), /203\.0\.|198\.51/)
})

t.test('a wrong password is no more than a Redis that is down, and is in no log', { buffered }, async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.client.config('SET', 'requirepass', 'right one')
  const { log, served, is, ends } = underLoad(t, { host: '127.0.0.1', port: server.port, password: 'wrong one' })
  await is('down')
  await served(50)
  await ends()
  t.match(log.text(), /WRONGPASS/)
  t.notMatch(log.text(), /wrong one|203\.0\.|198\.51/)
})

t.test('garbage under keys, leases, marks and in messages', { buffered }, async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const { client } = server
  const { served, shares, ends } = underLoad(t, server.url)
  await shares()
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 50; i++) {
      const key = `198.51.100.${i}`
      const garbage = ['42', 'null', '[]', '{', '{"verdict":"clean"}', '{"verdict":"clean","score":"NaN","provider":"truthful"}', '"clean"'][i % 7]!
      const emptied = client.multi().del(key) // in one step, or the load writes between
      await (i % 5 === 0 ? emptied.lpush(key, garbage) : emptied.set(key, garbage, 'EX', 100)).exec()
      if (i % 4 === 0) await client.set(`ip-risk:lease:{${key}}`, garbage, 'PX', 100)
      if (i % 6 === 0) await client.set(`ip-risk:waiters:{${key}}`, garbage, 'PX', 100)
      for (const channel of await client.pubsub('CHANNELS', 'ip-risk:*') as string[]) await client.publish(channel, `verdict\n${key}\n-1\n${garbage}`)
    }
    await served(20)
  }
  await ends()
})

t.test('a server that is no Redis, or has lost its mind', { buffered }, async t => {
  const nonsense = [
    '$-1\r\n', '*-1\r\n', ':7\r\n', '+OK\r\n', '*0\r\n', '*1\r\n$1\r\nx\r\n', '*2\r\n*0\r\n$-1\r\n', '*2\r\n$4\r\nheld\r\n$4\r\nlong\r\n',
    '*2\r\n$5\r\nvalue\r\n:5\r\n', '*2\r\n$2\r\n{}\r\n$1\r\nx\r\n', '*2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n:1\r\n', `*8\r\n${':1\r\n'.repeat(8)}`,
    'HTTP/1.1 400 Bad Request\r\n\r\n', '\0\u0001\u0002', '$99999999\r\n'
  ]
  await Promise.all(nonsense.map(async reply => {
    const server = await nonsenseServer()
    t.teardown(() => server.close())
    server.say(reply)
    const log = memoryLog()
    const provider = { ...truthfulProvider(), limits: { perMinute: 100_000 } }
    const engine = createEngine({ provider, redis: server.url, cache: { redisTimeoutMs: 20 } }, log)
    const load = steadyLoad(engine, BOUND_MS)
    await allow(engine, '192.0.2.1', 60)
    await engine.invalidate('192.0.2.2')
    await until(() => load.answered >= 20)
    await load.stop()
    t.strictSame(load.wrong, [], JSON.stringify(reply))
    t.ok(server.answered > 0)
    t.strictSame(log.messages.filter(line => line.startsWith('error')), [])
    await engine.close()
  }))
})

t.test('Sentinel: the master is killed, then the next one is frozen', { buffered }, async t => {
  const master = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
  await until(async () => (await replica.client.info('replication')).includes('master_link_status:up'))
  const sentinel = await startSentinel(master)
  const stop = { master: true }
  t.teardown(async () => {
    await sentinel.stop()
    await replica.stop()
    if (stop.master) await master.stop()
  })
  const { served, shares, ends } = underLoad(t, { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: sentinel.name })
  await shares()
  stop.master = false
  await master.stop()
  await until(async () => (await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinel.name) as string[])[1] === String(replica.port))
  await shares()
  replica.process.kill('SIGSTOP')
  await served(50)
  replica.process.kill('SIGCONT')
  await shares()
  await ends()
})

t.test('a Cluster of three: leases work, and a node that is frozen or killed takes no request with it', { buffered }, async t => {
  const nodes: RedisServer[] = await startCluster()
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  cluster.on('error', () => {})
  t.teardown(() => cluster.disconnect())
  const { engine, served, shares, ends } = underLoad(t, cluster)
  await shares()
  const other = createEngine({ provider: truthfulProvider(), redis: cluster, cache: { redisTimeoutMs: 2000 } }, memoryLog())
  t.teardown(() => other.close())
  await other.ready()
  await allow(engine, '192.0.2.1', 60)
  await until(() => other.exceptions.isAllowed('192.0.2.1'))
  const answers = await Promise.all([engine, other].map(engine => engine.lookup('192.0.2.77', { mode: 'wait', write: false, timeoutMs: BOUND_MS })))
  t.strictSame(answers.map(({ answer }) => answer.verdict), ['vpn_detected', 'vpn_detected'])
  const prefixed = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })), { keyPrefix: 'app:' })
  prefixed.on('error', () => {})
  t.teardown(() => prefixed.disconnect())
  const log = memoryLog()
  const own = createEngine({ provider: truthfulProvider(), redis: prefixed, cache: { redisTimeoutMs: 2000 } }, log)
  t.teardown(() => own.close())
  await own.ready()
  for (let i = 1; i < 10; i++) {
    const ip = `192.0.2.${i}`
    await own.lookup(ip, { mode: 'wait', write: false, timeoutMs: BOUND_MS })
    await until(async () => await cluster.exists(`app:${ip}`) === 1)
  }
  t.strictSame(log.messages.filter(line => !line.includes('"keyPrefix"')), [])
  nodes[1]!.process.kill('SIGSTOP')
  await served(100)
  nodes[1]!.process.kill('SIGCONT')
  await shares()
  await nodes.pop()!.stop()
  await served(100)
  await shares()
  await ends()
})
