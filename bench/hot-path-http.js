// What a memory hit costs over sockets: CPU time of the server a request, the kernel's part included. Each variant has a process, as in
// production; 200 addresses.
// `npm run build && cd bench && npm install && node hot-path-http.js [pattern] [--against FOLDER] [--launches 5]`
// The client sends the same requests over the same connections to each, and waits for all answers before it sends the next: with a client
// that runs freely, how many requests a server reads at once depends on which of the two is faster, and so does the time of each.
import { against, answerOf, inTurn, launches } from './hot-path-processes.js'
import { connectAll } from './hot-path-client.js'
import { checkHits, ratiosOf, tableOf } from './hot-path-variants.js'

const ROUNDS = 20
const REQUESTS = 3_200
/** Once, and before each round: another process has used the caches of the CPU meanwhile. */
const WARM = 24_000
const WARM_AGAIN = 800

async function figuresOf (child) {
  child.send('figures')
  return await answerOf(child)
}

/**
 * By default the young generation of some processes stays at 2 MB and that of others grows to 7 (`--trace-gc` shows it). Of two servers
 * that do the same, one may so take 1 to 3 us more than the other, which is what an empty hook seems to cost. With one size for all, it
 * costs next to nothing. So both are printed.
 */
const starts = [
  ['as Node.js starts by default', []],
  ['with a young generation of 16 MiB', ['--min-semi-space-size=16', '--max-semi-space-size=16']]
]

async function measureAll (execArgv) {
  const clients = new WeakMap()
  return await inTurn('hot-path-http-server.js', ROUNDS, async (child, name, { port, method }) => {
    let client = clients.get(child)
    if (client === undefined) {
      clients.set(child, client = await connectAll(port, method))
      await client.send(WARM)
    }
    await client.send(WARM_AGAIN)
    const before = await figuresOf(child)
    await client.send(REQUESTS)
    const after = await figuresOf(child)
    checkHits(name, before.lookups, after.lookups, REQUESTS)
    return (after.cpuMicroseconds - before.cpuMicroseconds) / REQUESTS
  }, execArgv)
}

for (const [how, execArgv] of starts) {
  const measured = await measureAll(execArgv)
  console.log(`CPU time a request ${how}; ${launches} processes for each variant, ${ROUNDS} rounds of ${REQUESTS} requests each, in turn; ` +
    'median of the differences to bare')
  console.table(tableOf(measured))
  if (against !== undefined) console.log(ratiosOf(measured))
}
