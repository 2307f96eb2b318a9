// One server of bench/hot-path-http, in a process of its own: says its port, and its CPU time when asked.
import Fastify from 'fastify'
import { prepareVariant } from './hot-path-variants.js'

const [name, against] = process.argv.slice(2)
const app = Fastify()
const route = { url: '/', handler: (request, reply) => { reply.send('ok') }, ...await prepareVariant(name, app, against) }
app.route(route)
await app.listen({ port: 0, host: '127.0.0.1' })
process.send({ port: app.server.address().port, method: route.method })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ cpuMicroseconds: user + system, lookups: app.ipRisk?.stats().lookups })
})
process.on('disconnect', () => process.exit())
