// Four processes, 200 requests each, the same 50 cold addresses, a provider of 100 ms: how often is it called, how long do requests take,
// and what is Redis told? All methods in one run, in turn, every round with new addresses.
// `npm run build && cd bench && npm install && node fleet.js [rounds] [--against FOLDER]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { otherNames } from './against.js'
import { startRedis } from './start-redis.js'

const rounds = Number(process.argv[2] ?? 5)
const PROVIDER_MS = 100
const names = ['fastify-ip-risk', ...otherNames, 'bentocache', 'layered-loader', 'async-cache-dedupe']

let calls = 0
let failing = false
const answer = {
  verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
}
const provider = createServer((request, response) => {
  calls++
  setTimeout(() => {
    response.statusCode = failing ? 503 : 200
    response.end(JSON.stringify(answer))
  }, PROVIDER_MS)
})
provider.listen(0, '127.0.0.1')
await once(provider, 'listening')
const providerUrl = `http://127.0.0.1:${provider.address().port}`

const { redis, port: redisPort } = await startRedis()
let commands = 0
const monitor = await redis.monitor()
monitor.on('monitor', (_time, _args, source) => { if (source !== 'lua') commands++ })

async function start (name) {
  const processes = await Promise.all([1, 2, 3, 4].map(async () => {
    const child = fork(new URL('./fleet-worker.js', import.meta.url), [name, `redis://127.0.0.1:${redisPort}`, providerUrl])
    await once(child, 'message')
    return child
  }))
  return { name, processes, rounds: [] }
}

let subnet = 0
async function round ({ name, processes, rounds }) {
  await redis.flushall()
  await new Promise(resolve => setTimeout(resolve, 200))
  subnet++
  const ips = Array.from({ length: 200 }, (_, i) => `203.${subnet >> 8}.${subnet & 255}.${i % 50 + 1}`)
  calls = commands = 0
  const took = (await Promise.all(processes.map(async child => {
    child.send(ips)
    return (await once(child, 'message'))[0]
  }))).flat().sort((a, b) => a - b)
  await new Promise(resolve => setTimeout(resolve, 200))
  rounds.push({ calls, commands, p50: took[400], p99: took[792] })
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

for (const mode of ['answers', 'fails']) {
  failing = false
  const methods = []
  for (const name of names) methods.push(await start(name))
  for (const method of methods) await round(method)
  for (const method of methods) method.rounds.length = 0
  failing = mode === 'fails'
  // A second failing round would meet an open breaker, and ask nobody.
  for (let i = 0; i < (failing ? 1 : rounds); i++) for (const method of methods) await round(method)
  console.log(failing ? 'the same when the provider fails' : `4 processes, 200 requests each, 50 cold addresses, provider ${PROVIDER_MS} ms; medians of ${rounds} rounds`)
  console.table(methods.map(({ name, rounds }) => ({
    method: name,
    'provider calls': median(rounds.map(({ calls }) => calls)),
    'p50 ms': median(rounds.map(({ p50 }) => p50)).toFixed(0),
    'p99 ms': median(rounds.map(({ p99 }) => p99)).toFixed(0),
    'Redis commands': median(rounds.map(({ commands }) => commands))
  })))
  for (const { processes } of methods) for (const child of processes) child.disconnect()
}
monitor.disconnect()
redis.disconnect()
provider.close()
provider.closeAllConnections()
