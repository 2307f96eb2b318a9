// What a verdict from Redis costs beside a bare route that does one GET of the same key: throughput and CPU time of the server, in turn.
// `npm run build && cd bench && npm install && node redis-hit.js [rounds]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'
import { createIpRisk } from '../dist/lib/index.js'
import { startRedis } from './start-redis.js'
import { answer } from './stored-answer.js'

const rounds = Number(process.argv[2] ?? 9)
const REQUESTS = 10_000
const CONNECTIONS = 50
const names = ['bare route, one GET', 'bare route, one GET, parsed', 'fastify-ip-risk, Redis hit']
const ips = Array.from({ length: 500 }, (_, i) => `203.0.${113 + (i >> 8)}.${i & 255}`)

const { redis, port: redisPort } = await startRedis()
const url = `redis://127.0.0.1:${redisPort}`

const writer = createIpRisk({ provider: { name: 'made-up', maxConcurrent: 1000, lookup: async () => answer }, redis: url, cache: { ttlSeconds: 21_600, redisTimeoutMs: 5000 } })
await Promise.all(ips.map(ip => writer.lookup(ip)))
while (await redis.exists(ips) < ips.length) await new Promise(resolve => setTimeout(resolve, 10))
await writer.close()

async function start (name) {
  const child = fork(new URL('./redis-hit-server.js', import.meta.url), [name, url])
  const [{ port }] = await once(child, 'message')
  return { name, child, url: `http://127.0.0.1:${port}/`, microseconds: [], perSecond: [] }
}

async function ask (server) {
  server.child.send('cpu')
  return (await once(server.child, 'message'))[0]
}

async function load (server) {
  let clients = 0
  const before = await ask(server)
  const result = await autocannon({
    url: server.url,
    connections: CONNECTIONS,
    amount: REQUESTS,
    // Each connection goes round from a place of its own, so that hardly two ask for one address at once.
    setupClient (client) {
      const from = ips.length / CONNECTIONS * clients++
      client.setRequests([...ips.slice(from), ...ips.slice(0, from)].map(ip => ({ headers: { 'x-forwarded-for': ip } })))
    }
  })
  const after = await ask(server)
  const others = result.non2xx + result.errors + after.misses - before.misses
  if (others > REQUESTS / 100) throw new Error(`${server.name}: ${others} requests were no hit in Redis`)
  return { microseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / REQUESTS, perSecond: REQUESTS / result.duration }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const servers = []
for (const name of names) servers.push(await start(name))
for (const server of servers) await load(server)
for (let round = 0; round < rounds; round++) {
  for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
    const { microseconds, perSecond } = await load(server)
    server.microseconds.push(microseconds)
    server.perSecond.push(perSecond)
  }
}
for (const { child } of servers) child.disconnect()
redis.disconnect()

const ratio = (server, to, key) => median(server[key].map((value, i) => value / to[key][i])).toFixed(2)
const [bare, parsed] = servers
console.log(`${rounds} rounds of ${REQUESTS} requests over 50 connections, variants in turn; ratios are medians of pairs by round`)
console.table(servers.map(server => ({
  variant: server.name,
  'CPU, one GET = 1': ratio(server, bare, 'microseconds'),
  'CPU, one GET, parsed = 1': ratio(server, parsed, 'microseconds'),
  'CPU us a request (median)': median(server.microseconds).toFixed(1),
  'requests a second (median)': Math.round(median(server.perSecond)),
  'throughput, one GET = 1': ratio(server, bare, 'perSecond')
})))
