// What the plugin adds to a bare Fastify route on a memory hit: requests routed in this process, variants in turn in one run.
// No sockets, so that the figures hold on a noisy machine; hot-path-http.js is the same over real ones.
// `npm run build && cd bench && npm install && node hot-path.js [rounds] [pattern]`: the pattern selects variants beside the bare one.
import { setImmediate as turn } from 'node:timers/promises'
import Fastify from 'fastify'
import { variants } from './hot-path-variants.js'

const rounds = Number(process.argv[2] ?? 40)
const pattern = new RegExp(process.argv[3] ?? '')
const REQUESTS = 20_000

/** As much of Node's response as Fastify asks for. */
class Response {
  statusCode = 200
  headersSent = false
  writableEnded = false
  setHeader () {}
  getHeader () {}
  removeHeader () {}
  hasHeader () { return false }
  writeHead () { return this }
  on () { return this }
  once () { return this }
  removeListener () { return this }
  listenerCount () { return 0 }
  end () { answered++ }
}
let answered = 0

function route (app, method) {
  const startedAt = process.hrtime.bigint()
  for (let i = 0; i < REQUESTS; i++) {
    app.routing({
      method,
      url: '/',
      httpVersion: '1.1',
      headers: { host: 'localhost', 'x-forwarded-for': '203.0.113.9' },
      rawHeaders: [],
      socket: { remoteAddress: '127.0.0.1' },
      on () {},
      once () {}
    }, new Response())
  }
  return Number(process.hrtime.bigint() - startedAt) / REQUESTS / 1000
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const apps = []
for (const [name, prepare] of Object.entries(variants).filter(([name]) => name === 'bare' || pattern.test(name))) {
  const app = Fastify()
  const method = name.endsWith('write') ? 'POST' : 'GET'
  await prepare(app)
  app.all('/', { config: { ipRisk: true } }, (request, reply) => { reply.send('ok') })
  await app.ready()
  for (let i = 0; i < 5; i++) {
    route(app, method)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  apps.push({ name, app, method, microseconds: [] })
}
answered = 0
for (let round = 0; round < rounds; round++) {
  for (const { app, method, microseconds } of apps) {
    microseconds.push(route(app, method))
    await turn()
  }
}
// Who answers later than in the same turn (a store with promises) has done so by now.
await new Promise(resolve => setTimeout(resolve, 100))
if (answered !== rounds * REQUESTS * apps.length) throw new Error(`${answered} answers`)
for (const { name, app } of apps) {
  const { memory, provider } = app.ipRisk?.stats().lookups ?? { memory: Infinity }
  if (memory < rounds * REQUESTS) throw new Error(`${name}: ${memory} memory hits, ${provider} calls`)
}

const bare = apps[0].microseconds
console.log(`us a request, ${rounds} rounds of ${REQUESTS}, variants in turn; differences are paired by round`)
console.table(apps.map(({ name, microseconds }) => ({
  'before the handler': name,
  least: Math.min(...microseconds).toFixed(2),
  median: median(microseconds).toFixed(2),
  'added to bare, least': (Math.min(...microseconds) - Math.min(...bare)).toFixed(2),
  'added to bare, median of pairs': median(microseconds.map((value, i) => value - bare[i])).toFixed(2)
})))

const byName = new Map(apps.map(({ name, microseconds }) => [name, microseconds]))
const [off, on] = ['the same again, telemetry off', 'the same again, telemetry on'].map(name => byName.get(name))
if (off !== undefined && on !== undefined) {
  const percent = (median(on.map((value, i) => value / off[i])) - 1) * 100
  console.log(`telemetry on takes ${percent.toFixed(1)} % of the routed request over telemetry off (median of pairs)`)
}
