// An application with metrics, a page for operators and a readiness probe: `node --import tsx examples/observability/server.ts`.
// PORT=0 takes a free port. OPERATOR_TOKEN is what the page asks for: curl -H 'authorization: Bearer …' …/ip-risk
import underPressure from '@fastify/under-pressure'
import Fastify from 'fastify'
import ipRisk from 'fastify-ip-risk'
import { ipRiskDashboard } from 'fastify-ip-risk/dashboard'
import { ipRiskMetrics } from 'fastify-ip-risk/prometheus'
import { exampleLists } from '../visitors.ts'

const { PORT = '3000', OPERATOR_TOKEN, REDIS_URL } = process.env

const app = Fastify({ logger: { level: 'info' } })

await app.register(ipRisk, {
  provider: exampleLists(),
  ...REDIS_URL !== undefined && { redis: REDIS_URL },
  clientIp: { trusted: ['loopback'], cloudflare: false },
  mode: 'monitor'
})
await app.register(ipRiskDashboard, {
  prefix: '/ip-risk',
  authorize: request => Boolean(OPERATOR_TOKEN) && request.headers.authorization === `Bearer ${OPERATOR_TOKEN}`
})
await app.register(underPressure, {
  exposeStatusRoute: {
    url: '/ready',
    routeOpts: { config: { ipRisk: false } },
    routeResponseSchemaOpts: { ipRisk: { type: 'string' } }
  },
  // A provider that fails stops no request: the probe shows it, and passes.
  healthCheck: async () => ({ ipRisk: app.ipRisk.health().status })
})

const metrics = ipRiskMetrics(app.ipRisk)
app.addHook('onClose', async () => metrics.close())
app.get('/metrics', { config: { ipRisk: false } }, async (_, reply) =>
  await reply.type('text/plain; version=0.0.4').send(await metrics.text()))
app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({ done: true }))

console.log(`Listening on ${await app.listen({ port: Number(PORT), host: '127.0.0.1' })}`)
