// How long a lookup of a cold address takes in every state of Redis: 100 lookups a second from the first moment on,
// provider 5 ms, `redisTimeoutMs` 100.
// `ready()` is not awaited where Redis is broken at boot. The target: p99 at most 140 ms above that of a healthy
// Redis, none refused.
// `npm run build && node bench/redis-states.js [seconds] [part of a state's name]`
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from '../node_modules/ioredis/built/index.js'
import { createIpRisk } from '../dist/lib/index.js'

const seconds = Number(process.argv[2] ?? 10)
const only = process.argv[3] ?? ''
const EVERY_MS = 10
const PROVIDER_MS = 5
/** Of the other process, whose leases ours waits for. */
const HOLDER_MS = 50
const servers = new Set()
process.on('exit', () => { for (const server of servers) server.kill('SIGKILL') })

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

async function startRedis (...args) {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-bench-'))
  const server = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...args], { stdio: 'ignore' })
  servers.add(server)
  const client = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  await client.ping()
  const stop = async () => {
    client.disconnect()
    servers.delete(server)
    server.kill('SIGKILL')
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, url: `redis://127.0.0.1:${port}`, client, server, stop }
}

async function startCluster () {
  const nodes = await Promise.all([1, 2, 3].map(async () => await startRedis(
    '--cluster-enabled', 'yes', '--cluster-port', await freePort(), '--cluster-require-full-coverage', 'no', '--cluster-node-timeout', '1000'
  )))
  for (const [i, { client }] of nodes.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', ...[[0, 5460], [5461, 10922], [10923, 16383]][i])
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
  }
  const bus = Number((await nodes[0].client.config('GET', 'cluster-port'))[1])
  for (const { client } of nodes.slice(1)) await client.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0].port, bus)
  for (const { client } of nodes) {
    while (!/cluster_state:ok[^]*cluster_slots_ok:16384[^]*cluster_known_nodes:3/.test(await client.call('CLUSTER', 'INFO'))) await sleep(50)
  }
  const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  client.on('error', () => {})
  return { nodes, client, async stop () { client.disconnect(); for (const node of nodes) await node.stop() } }
}

/** Everything takes so long, in each direction. */
async function delayingProxy (port, delayMs) {
  const sockets = new Set()
  const server = createServer(down => {
    const up = createConnection(port, '127.0.0.1')
    for (const [from, to] of [[down, up], [up, down]]) {
      sockets.add(from)
      from.on('data', data => setTimeout(() => to.write(data), delayMs)).on('error', () => {}).on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `redis://127.0.0.1:${server.address().port}`, stop () { server.close(); for (const socket of sockets) socket.destroy() } }
}

const HOLDER = 'healthy, another process holds the leases'
const CLUSTER = 'healthy cluster'
let network = 0
/** Never seen before, in blocks of 65,536. */
const address = i => `11.${network}.${i >> 8}.${i & 255}`

const states = {
  async healthy () {
    const redis = await startRedis()
    return { redis: redis.url, ready: true, stop: redis.stop }
  },
  async [HOLDER] () {
    const redis = await startRedis()
    return { redis: redis.url, ready: true, holder: true, stop: redis.stop }
  },
  async [CLUSTER] () {
    const cluster = await startCluster()
    return { redis: cluster.client, ready: true, stop: cluster.stop }
  },
  async 'down at boot' () { return { redis: `redis://127.0.0.1:${await freePort()}` } },
  async 'unresolvable host' () { return { redis: 'redis://redis.invalid:6379' } },
  async 'wrong password' () {
    const redis = await startRedis()
    await redis.client.config('SET', 'requirepass', 'right')
    return { redis: `redis://:wrong@127.0.0.1:${redis.port}`, stop: redis.stop }
  },
  async 'dead cluster at boot' () {
    const client = new Cluster([{ host: '127.0.0.1', port: await freePort() }])
    client.on('error', () => {})
    return { redis: client, stop: () => client.disconnect() }
  },
  async 'dead sentinel at boot' () { return { redis: { sentinels: [{ host: '127.0.0.1', port: await freePort() }], name: 'master' } } },
  async 'frozen at boot' () {
    const redis = await startRedis()
    redis.server.kill('SIGSTOP')
    return { redis: redis.url, stop: redis.stop }
  },
  async 'silent at boot' () {
    const sockets = new Set()
    const server = createServer(socket => sockets.add(socket.on('error', () => {}).resume())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { redis: `redis://127.0.0.1:${server.address().port}`, stop () { server.close(); for (const socket of sockets) socket.destroy() } }
  },
  async 'slow by 70 ms each way' () {
    const redis = await startRedis()
    const proxy = await delayingProxy(redis.port, 70)
    return { redis: proxy.url, async stop () { proxy.stop(); await redis.stop() } }
  },
  async 'slow by 20 ms each way' () {
    const redis = await startRedis()
    const proxy = await delayingProxy(redis.port, 20)
    return { redis: proxy.url, async stop () { proxy.stop(); await redis.stop() } }
  },
  async 'killed under load' () {
    const redis = await startRedis()
    return { redis: redis.url, ready: true, halfway: () => redis.server.kill('SIGKILL'), stop: redis.stop }
  },
  async 'frozen under load' () {
    const redis = await startRedis()
    return { redis: redis.url, ready: true, halfway: () => redis.server.kill('SIGSTOP'), stop: redis.stop }
  },
  async 'frozen while another process holds the leases' () {
    const redis = await startRedis()
    return { redis: redis.url, ready: true, holder: true, halfway: () => redis.server.kill('SIGSTOP'), stop: redis.stop, baseline: HOLDER }
  },
  async 'cluster, one node killed' () {
    const cluster = await startCluster()
    cluster.nodes[2].server.kill('SIGKILL')
    await sleep(2000)
    return { redis: cluster.client, ready: true, stop: cluster.stop, baseline: CLUSTER }
  },
  async 'cluster, one node frozen under load' () {
    const cluster = await startCluster()
    return { redis: cluster.client, ready: true, halfway: () => cluster.nodes[2].server.kill('SIGSTOP'), stop: cluster.stop, baseline: CLUSTER }
  }
}

const log = { debug () {}, info () {}, warn () {}, error () {} }
const provider = answerMs => ({
  name: 'bench',
  maxConcurrent: 50,
  limits: { perMinute: 1_000_000 },
  async lookup () {
    await sleep(answerMs)
    return { verdict: 'clean', score: 0, isVpn: false, confidence: 1, signals: [], info: {}, categories: [] }
  }
})

async function measure (name) {
  const { redis, ready, holder, halfway, stop, baseline = 'healthy' } = await states[name]()
  network++
  const risk = createIpRisk({ provider: provider(PROVIDER_MS), redis, log })
  const other = holder && createIpRisk({ provider: provider(HOLDER_MS), redis, log })
  if (ready) await risk.ready()
  await other?.ready()
  const total = seconds * 1000 / EVERY_MS
  const took = []
  const unknown = {}
  const lookups = []
  const begun = performance.now()
  for (let i = 0; i < total; i++) {
    const waitMs = begun + i * EVERY_MS - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    if (i === total >> 1) halfway?.()
    const ip = address(i)
    if (holder) {
      other.lookup(ip)
      await sleep(2)
    }
    const startMs = performance.now()
    lookups.push(risk.lookup(ip).then(({ verdict, reason }) => {
      took.push(performance.now() - startMs)
      if (verdict === 'unknown') unknown[reason] = (unknown[reason] ?? 0) + 1
    }))
  }
  await Promise.all(lookups)
  const closing = performance.now()
  await risk.close()
  const closeMs = performance.now() - closing
  await other?.close()
  await stop?.()
  took.sort((a, b) => a - b)
  return { name, baseline, p50: took[took.length >> 1], p99: took[Math.floor(took.length * 0.99)], worst: took.at(-1), unknown, closeMs }
}

const rows = new Map()
for (const name of Object.keys(states)) {
  if (!name.includes(only) && !name.startsWith('healthy')) continue
  rows.set(name, await measure(name))
  process.stderr.write(`${name}\n`)
}
console.log(`${seconds * 1000 / EVERY_MS} lookups of cold addresses in ${seconds} s, provider ${PROVIDER_MS} ms, redisTimeoutMs 100; all in ms`)
console.table([...rows.values()].map(({ name, baseline, p50, p99, worst, unknown, closeMs }) => ({
  state: name,
  'p99 over healthy': (p99 - rows.get(baseline).p99).toFixed(0),
  worst: worst.toFixed(0),
  unknown: Object.entries(unknown).map(([reason, count]) => `${count} ${reason}`).join(', ') || '0',
  p99: p99.toFixed(0),
  p50: p50.toFixed(0),
  'close()': closeMs.toFixed(0)
})))
process.exit()
