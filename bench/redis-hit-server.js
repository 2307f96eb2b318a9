// One server of bench/redis-hit, in a process of its own: tells its port, and its CPU time when asked.
import Fastify from 'fastify'
import { Redis } from '../node_modules/ioredis/built/index.js'

const [variant, redis] = process.argv.slice(2)
let misses = 0

const variants = {
  'bare route, one GET' (app) {
    const client = new Redis(redis)
    app.get('/', async request => {
      if (await client.get(request.headers['x-forwarded-for']) === null) misses++
      return 'ok'
    })
  },
  'bare route, one GET, parsed' (app) {
    const client = new Redis(redis)
    app.get('/', async request => {
      if (JSON.parse(await client.get(request.headers['x-forwarded-for'])) === null) misses++
      return 'ok'
    })
  },
  async 'fastify-ip-risk, Redis hit' (app) {
    const { default: ipRisk } = await import('../dist/lib/index.js')
    await app.register(ipRisk, {
      provider: { name: 'made-up', lookup: async () => ({ verdict: 'unknown', reason: 'no_data' }) },
      redis,
      clientIp: { trusted: ['loopback'] },
      cache: { ttlSeconds: 21_600, maxEntries: 1, redisTimeoutMs: 5000 }
    })
    app.get('/', { config: { ipRisk: true } }, async request => {
      if (request.ipRisk.cache !== 'redis') misses++
      return 'ok'
    })
  }
}
const app = Fastify()
await variants[variant](app)
await app.listen({ port: 0, host: '127.0.0.1' })
process.send({ port: app.server.address().port })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ cpuMicroseconds: user + system, misses })
})
process.on('disconnect', () => process.exit())
