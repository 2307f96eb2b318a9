// One process of a fleet: an application with the plugin, told over its channel which addresses ask.
import Fastify from 'fastify'
import ipRisk from '../../lib/index.ts'
import { askServer } from './counting-provider.ts'

const { redis, provider } = JSON.parse(process.argv[2]!) as { readonly redis: string, readonly provider: string }
const app = Fastify()
await app.register(ipRisk, { redis, provider: askServer(provider), cache: { redisTimeoutMs: 2000 }, timeoutMs: 20_000 })
app.get('/', { config: { ipRisk: true } }, request => request.ipRisk)
await app.ready()

process.on('message', async (ips: readonly string[]) => {
  const responses = await Promise.all(ips.map(remoteAddress => app.inject({ url: '/', remoteAddress })))
  process.send!(responses.map(response => {
    const { verdict, reason, info } = response.json()
    return { status: response.statusCode, verdict, reason, org: info?.org }
  }))
})
process.on('disconnect', () => process.exit())
process.send!('ready')
