// The servers of bench/hot-path-http, all in one process (two differ by more than a hook costs), one of them under load at a time.
import Fastify from 'fastify'
import rateLimit from '@fastify/rate-limit'
import ipRisk from '../dist/lib/index.js'

const answer = {
  verdict: 'clean', score: 0.1, isVpn: false, confidence: 0.9, signals: [], info: { asn: 'AS64496', country: 'Exampleland' }, categories: []
}
const variants = {
  bare () {},
  'empty hook' (app) {
    app.addHook('onRequest', (request, reply, done) => done())
  },
  'a hook that reads one header' (app) {
    app.addHook('onRequest', (request, reply, done) => {
      if (request.raw.headers['x-forwarded-for'] === '') throw new Error('the load sends an address')
      done()
    })
  },
  async 'fastify-ip-risk, memory hit' (app) {
    await app.register(ipRisk, {
      provider: { name: 'fixed', lookup: async () => answer }, clientIp: { trusted: ['loopback'] }, cache: { ttlSeconds: 21_600 }
    })
  },
  async '@fastify/rate-limit, local store' (app) {
    await app.register(rateLimit, { max: 1e9, timeWindow: 3_600_000 })
  }
}

const apps = {}
const ports = {}
for (const [name, prepare] of Object.entries(variants)) {
  const app = apps[name] = Fastify()
  await prepare(app)
  app.get('/', { config: { ipRisk: true } }, (request, reply) => { reply.send('ok') })
  await app.listen({ port: 0, host: '127.0.0.1' })
  ports[name] = app.server.address().port
}
process.send({ ports })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const { memory, provider } = apps['fastify-ip-risk, memory hit'].ipRisk.stats().lookups
  process.send({ cpuMicroseconds: user + system, memory, provider })
})
process.on('disconnect', () => process.exit())
