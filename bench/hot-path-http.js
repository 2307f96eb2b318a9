// bench/hot-path over real sockets: CPU time of the server a request. Noisy where cores are shared: read it on a machine of your own.
// `npm run build && cd bench && npm install && node hot-path-http.js [rounds]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'

const rounds = Number(process.argv[2] ?? 25)
const REQUESTS = 10_000

const server = fork(new URL('./hot-path-http-server.js', import.meta.url))
const [{ ports }] = await once(server, 'message')

async function ask () {
  server.send('figures')
  const [figures] = await once(server, 'message')
  return figures
}

async function load (name) {
  const before = await ask()
  const result = await autocannon({
    url: `http://127.0.0.1:${ports[name]}/`, connections: 20, pipelining: 4, amount: REQUESTS, headers: { 'x-forwarded-for': '203.0.113.9' }
  })
  const after = await ask()
  if (result.non2xx + result.errors > 0) throw new Error(`${name}: ${result.non2xx} refusals, ${result.errors} errors`)
  return { microseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / REQUESTS, misses: after.provider - before.provider }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const figures = new Map(Object.keys(ports).map(name => [name, []]))
for (let i = 0; i < 3; i++) for (const name of figures.keys()) await load(name)
for (let round = 0; round < rounds; round++) {
  for (const [name, microseconds] of figures) {
    const measured = await load(name)
    if (measured.misses > 0) throw new Error(`${measured.misses} requests were no memory hit`)
    microseconds.push(measured.microseconds)
  }
}
server.disconnect()

const bare = figures.get('bare')
console.log(`CPU time of the server a request, ${rounds} rounds of ${REQUESTS} requests, variants in turn; differences are paired by round`)
console.table([...figures].map(([name, microseconds]) => ({
  'before the handler': name,
  'us a request (median)': median(microseconds).toFixed(2),
  'added to bare (median of pairs)': median(microseconds.map((value, i) => value - bare[i])).toFixed(2)
})))
