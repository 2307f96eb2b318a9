// What a fleet costs Redis and the provider as it grows: 4, 16 and 32 processes that all ask for the same cold addresses at once.
// Redis may take 5 s here, so that 32 processes on two cores measure the protocol and not the waiting for a core.
// `npm run build && cd bench && npm install && node fleet-scale.js [processes …]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { startRedis } from './start-redis.js'

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [4, 16, 32]
const ADDRESSES = 50
const PROVIDER_MS = 100

let calls = 0
const body = JSON.stringify({
  verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
})
const provider = createServer((request, response) => {
  calls++
  setTimeout(() => response.end(body), PROVIDER_MS)
})
provider.listen(0, '127.0.0.1')
await once(provider, 'listening')

const { redis, port: redisPort } = await startRedis()

async function figures () {
  const text = await redis.info('everything')
  const number = pattern => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    scripts: number(/cmdstat_evalsha:calls=(\d+)/) + number(/cmdstat_eval:calls=(\d+)/),
    messages: number(/cmdstat_publish:calls=(\d+)/),
    bytesIn: number(/total_net_input_bytes:(\d+)/),
    bytesOut: number(/total_net_output_bytes:(\d+)/)
  }
}

const rows = []
let subnet = 0
for (const size of sizes) {
  const processes = []
  for (let i = 0; i < size; i += 4) { // a few at a time: all at once would wait for each other's start
    processes.push(...await Promise.all([0, 1, 2, 3].map(async () => {
      const child = fork(new URL('./fleet-worker.js', import.meta.url),
        ['fastify-ip-risk', `redis://127.0.0.1:${redisPort}`, `http://127.0.0.1:${provider.address().port}`, '5000'])
      await once(child, 'message')
      return child
    })))
  }
  for (const measured of [false, true]) {
    await redis.flushall()
    await new Promise(resolve => setTimeout(resolve, 300))
    subnet++
    const ips = Array.from({ length: ADDRESSES }, (_, i) => `203.0.${subnet}.${i + 1}`)
    calls = 0
    const before = await figures()
    const took = (await Promise.all(processes.map(async child => {
      child.send(ips)
      return (await once(child, 'message'))[0]
    }))).flat().sort((a, b) => a - b)
    await new Promise(resolve => setTimeout(resolve, 300))
    const after = await figures()
    if (!measured) continue
    const per = name => ((after[name] - before[name]) / ADDRESSES).toFixed(1)
    rows.push({
      processes: size,
      'provider calls (ideal 50)': calls,
      'scripts an address': per('scripts'),
      'messages an address': per('messages'),
      'bytes to Redis an address': per('bytesIn'),
      'bytes from Redis an address': per('bytesOut'),
      'bytes an entry in Redis': await redis.memory('USAGE', ips[0]),
      'p50 ms': took[Math.floor(took.length / 2)].toFixed(0),
      'p99 ms': took[Math.floor(took.length * 0.99)].toFixed(0)
    })
  }
  for (const child of processes) child.disconnect()
}
console.log(`${ADDRESSES} cold addresses, asked for by every process at once; provider ${PROVIDER_MS} ms`)
console.table(rows)
redis.disconnect()
provider.close()
provider.closeAllConnections()
