// What a memory hit costs over sockets: CPU time of the server a request, the kernel's part included. Each variant has a process, as in
// production; 200 addresses. `npm run build && cd bench && npm install && node hot-path-http.js [pattern] [--against FOLDER]`
import autocannon from 'autocannon'
import { against, answerOf, inTurn } from './hot-path-processes.js'
import { checkHits, ratioOf, tableOf } from './hot-path-variants.js'

const LAUNCHES = 5
const ROUNDS = 6
const REQUESTS = 8_000
const requests = Array.from({ length: 200 }, (_, i) => ({ headers: { 'x-forwarded-for': `203.0.113.${i}` } }))

async function figuresOf (child) {
  child.send('figures')
  return await answerOf(child)
}

async function load ({ port, method }) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/`, method, connections: 20, pipelining: 4, amount: REQUESTS, requests
  })
  if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx} refusals, ${result.errors} errors`)
}

const warm = new WeakSet()
const measured = await inTurn('hot-path-http-server.js', LAUNCHES, ROUNDS, async (child, name, server) => {
  if (!warm.has(child)) for (let i = 0; i < 4; i++) await load(server)
  warm.add(child)
  const before = await figuresOf(child)
  await load(server)
  const after = await figuresOf(child)
  checkHits(name, before.lookups, after.lookups, REQUESTS)
  return (after.cpuMicroseconds - before.cpuMicroseconds) / REQUESTS
})
console.log(`CPU time a request, ${LAUNCHES} processes for each variant, ${ROUNDS} rounds of ${REQUESTS} requests each, in turn; median of the ` +
  'differences to bare')
console.table(tableOf(measured))
if (against !== undefined) console.log(`a memory hit adds ${ratioOf(measured)} times what it adds in the other build`)
