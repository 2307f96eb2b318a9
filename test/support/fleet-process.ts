// One process of a fleet: an application with the plugin, told over its channel which addresses ask.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import ipRisk from '../../lib/index.ts'
import { askServer } from './counting-provider.ts'

const { redis, provider } = JSON.parse(process.argv[2]!) as { readonly redis: string, readonly provider: string }
const app = Fastify()
await app.register(ipRisk, { redis, provider: askServer(provider), cache: { redisTimeoutMs: 5000 }, timeoutMs: 20_000 })
app.get('/', { config: { ipRisk: true } }, request => request.ipRisk)
await app.ready()
// A busy machine may have taken longer to connect than a boot waits for.
while (app.ipRisk.stats().redis !== 'up') await sleep(20)

const delay = monitorEventLoopDelay()
delay.enable()
process.on('message', async (ips: readonly string[]) => {
  delay.reset()
  const responses = await Promise.all(ips.map(remoteAddress => app.inject({ url: '/', remoteAddress })))
  const answers = responses.map(response => {
    const { verdict, reason, info } = response.json()
    return { status: response.statusCode, verdict, reason, org: info?.org }
  })
  process.send!({ answers, longestTurnMs: delay.max / 1e6 })
})
process.on('disconnect', () => process.exit())
process.send!('ready')
