// The servers of bench/hot-path-http, all in one process (two differ by more than a hook costs), one of them under load at a time.
import Fastify from 'fastify'
import { variants } from './hot-path-variants.js'

const apps = {}
const ports = {}
for (const [name, prepare] of Object.entries(variants).filter(([name]) => !name.endsWith('write'))) {
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
