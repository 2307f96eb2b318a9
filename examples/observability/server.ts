// An application with metrics, a page for operators and a readiness probe. In a clone, after `npm ci && npm run build`:
//   OPERATOR_TOKEN=secret node --import tsx examples/observability/server.ts
//   curl -X POST -H 'x-forwarded-for: 198.51.100.50' http://127.0.0.1:3000/signup   # a visitor of visitors.ts
//   curl http://127.0.0.1:3000/metrics
//   curl http://127.0.0.1:3000/ready
// The page is http://127.0.0.1:3000/ip-risk: the browser asks for the name `operator` and the token. PORT=0 takes a free port.
import underPressure from '@fastify/under-pressure'
import Fastify from 'fastify'
import ipRisk from 'fastify-ip-risk'
import { ipRiskDashboard } from 'fastify-ip-risk/dashboard'
import { ipRiskMetrics } from 'fastify-ip-risk/prometheus'
import { exampleLists } from '../visitors.ts'

const { PORT = '3000', OPERATOR_TOKEN, REDIS_URL } = process.env

if (!OPERATOR_TOKEN) throw new Error('OPERATOR_TOKEN is not set')
const login = `Basic ${Buffer.from(`operator:${OPERATOR_TOKEN}`).toString('base64')}`

const app = Fastify({ logger: { level: 'info' } })

await app.register(ipRisk, {
  provider: exampleLists(),
  ...REDIS_URL !== undefined && { redis: REDIS_URL },
  clientIp: { trusted: ['loopback'], cloudflare: false },
  mode: 'monitor'
})
await app.register(ipRiskDashboard, {
  prefix: '/ip-risk',
  authorize (request, reply) {
    if (request.headers.authorization === login) return true
    reply.code(401).header('www-authenticate', 'Basic realm="ip-risk"').send()
    return false
  }
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
