// An application that closes while its provider does not answer and its Redis is frozen; says when it has closed, and
// then has nothing left to do.
import Fastify from 'fastify'
import ipRisk from '../../lib/index.ts'
import type { Provider } from '../../types/contract.ts'
import { until } from './until.ts'

const { redis } = JSON.parse(process.argv[2]!) as { readonly redis: string }
let asked = 0
const provider: Provider = {
  name: 'mute',
  timeoutMs: 60_000,
  maxConcurrent: 100,
  limits: { perMinute: 1000 },
  lookup () {
    asked++
    return new Promise(() => {})
  }
}
const app = Fastify()
await app.register(ipRisk, { redis, provider, timeoutMs: 60_000 })
app.get('/', { config: { ipRisk: true } }, request => request.ipRisk)
await app.ready()

const ask = async (i: number): Promise<string> => {
  const { verdict, reason } = (await app.inject({ url: '/', remoteAddress: `203.0.113.${i}` })).json()
  return reason ?? verdict
}
const first = Array.from({ length: 20 }, (_, i) => ask(i + 1))
await until(() => asked === 20)
process.once('message', async () => {
  const late = Array.from({ length: 20 }, (_, i) => ask(i + 101))
  await new Promise(resolve => setTimeout(resolve, 20)) // they wait for Redis
  await app.close()
  process.send!([...new Set(await Promise.all([...first, ...late]))])
  process.disconnect()
})
process.send!('frozen, please')
