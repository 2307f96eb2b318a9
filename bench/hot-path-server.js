// One server of bench/hot-path, in a process of its own: tells its port, and its CPU time when asked.
import Fastify from 'fastify'

const variants = {
  bare () {},
  async 'empty hook' (app) {
    app.addHook('onRequest', (request, reply, done) => done())
  },
  async 'fastify-ip-risk, memory hit' (app) {
    const { default: ipRisk } = await import('../dist/lib/index.js')
    const answer = {
      verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
    }
    await app.register(ipRisk, {
      provider: { name: 'fixed', lookup: async () => answer },
      clientIp: { trusted: ['loopback'] },
      cache: { ttlSeconds: 21_600 }
    })
    app.addHook('onRoute', route => { route.config = { ...route.config, ipRisk: true } })
    app.addHook('preHandler', (request, reply, done) => {
      if (request.ipRisk.cache !== 'memory') misses++
      done()
    })
  },
  async '@fastify/rate-limit, local store' (app) {
    const { default: rateLimit } = await import('@fastify/rate-limit')
    await app.register(rateLimit, { max: 1e9, timeWindow: 3_600_000 })
  }
}
let misses = 0
const app = Fastify()
await variants[process.argv[2]](app)
app.get('/', (request, reply) => { reply.send('ok') })
await app.listen({ port: 0, host: '127.0.0.1' })
process.send({ port: app.server.address().port })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ cpuMicroseconds: user + system, misses })
})
process.on('disconnect', () => process.exit())
