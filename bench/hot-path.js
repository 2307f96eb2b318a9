// What the plugin adds to a bare Fastify route on a memory hit: CPU time of the server a request, all variants in turn in one run.
// `npm run build && cd bench && npm install && node hot-path.js [rounds]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'

const rounds = Number(process.argv[2] ?? 15)
const REQUESTS = 20_000
const names = ['bare', 'empty hook', 'fastify-ip-risk, memory hit', '@fastify/rate-limit, local store']

async function start (name) {
  const child = fork(new URL('./hot-path-server.js', import.meta.url), [name])
  const [{ port }] = await once(child, 'message')
  return { name, child, url: `http://127.0.0.1:${port}/`, microseconds: [] }
}

async function ask (server) {
  server.child.send('cpu')
  const [reply] = await once(server.child, 'message')
  return reply
}

async function load (server, amount) {
  const before = await ask(server)
  const result = await autocannon({
    url: server.url, connections: 20, pipelining: 4, amount, headers: { 'x-forwarded-for': '203.0.113.9' }
  })
  const after = await ask(server)
  if (result.non2xx + result.errors > 0) throw new Error(`${server.name}: ${result.non2xx} refusals, ${result.errors} errors`)
  return { microseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / amount, misses: after.misses - before.misses }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const servers = await Promise.all(names.map(start))
for (const server of servers) await load(server, REQUESTS)
for (let round = 0; round < rounds; round++) {
  for (const server of servers) {
    const { microseconds, misses } = await load(server, REQUESTS)
    if (misses > 0) throw new Error(`${misses} requests were no memory hit`)
    server.microseconds.push(microseconds)
  }
}
for (const server of servers) server.child.disconnect()

const bare = servers[0].microseconds
console.log(`CPU time of the server a request, ${rounds} rounds of ${REQUESTS} requests, variants in turn; differences are paired by round`)
console.table(servers.map(({ name, microseconds }) => ({
  'before the handler': name,
  'us a request (median)': median(microseconds).toFixed(2),
  'added to bare (median of pairs)': median(microseconds.map((value, i) => value - bare[i])).toFixed(2)
})))
