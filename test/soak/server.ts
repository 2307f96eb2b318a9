// One process of the soak: an application behind nginx that blocks payments from VPNs and counts what must never happen.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Fastify from 'fastify'
import ipRisk, { iplogs } from '../../lib/index.ts'
import { sendEvent } from './child.ts'
import { type Memory, memoryOf } from './memory.ts'
import { truthOf } from './truth.ts'

export interface ServerOptions {
  readonly port: number
  readonly provider: string
  readonly redis: { readonly sentinels: readonly { readonly host: string, readonly port: number }[], readonly name: string }
}

/**
 * What a process sees, sent the moment it does, so that none is lost when the process is killed. Two must never happen: a handler
 * that ran although the decision, or what is true of an address with a verdict, was to block (`pastRefusal`); a verdict, `unknown`
 * aside, that is not true (`falseVerdict`). `failedOpen` is a payment from an address to block that was let in because nothing was known.
 */
export type Seen = 'pastRefusal' | 'falseVerdict' | 'failedOpen' | 'unknown'

export interface ServerSample {
  /** After a full garbage collection. */
  readonly memory: Memory
  /** By `process.getActiveResourcesInfo()`. */
  readonly handles: Readonly<Record<string, number>>
  /** p99 and maximum since the last sample, in ms. */
  readonly loopDelayMs: readonly [p99: number, max: number]
}

/** What the application reports of the parts that it uses. */
export interface ServerState { readonly redis: string, readonly breakers: readonly string[] }

const { port, provider, redis } = JSON.parse(process.argv[2]!) as ServerOptions
const see = (seen: Seen): void => sendEvent(seen)

const app = Fastify()
await app.register(ipRisk, {
  provider: iplogs({ baseUrl: provider, timeoutMs: 2000 }),
  redis: { sentinels: [...redis.sentinels], name: redis.name },
  clientIp: { trusted: ['127.0.0.1/32'], cloudflare: false },
  timeoutMs: 2500,
  cache: { maxEntries: 10_000 },
  policy: { write: { clean: 'allow', suspicious: 'allow', vpn_likely: 'elevate_risk', vpn_detected: 'block', unknown: 'allow' } }
})
app.addHook('preHandler', async ({ ipRisk: risk }) => {
  if (risk!.reason !== undefined) see('unknown')
  else if (risk!.verdict !== truthOf(risk!.ip!)) see('falseVerdict')
})
app.get('/read', { config: { ipRisk: true } }, async () => ({ ok: true }))
app.post('/pay', { config: { ipRisk: 'payment' } }, async ({ ipRisk: risk }) => {
  const toBlock = truthOf(risk!.ip!) === 'vpn_detected'
  if (risk!.decision === 'block' || (toBlock && risk!.verdict !== 'unknown')) see('pastRefusal')
  else if (toBlock) see('failedOpen')
  return { ok: true }
})
await app.listen({ port, host: '127.0.0.1' })

const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()

function sample (): ServerSample {
  for (let i = 0; i < 2; i++) global.gc!()
  const handles: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1
  const loopDelayMs = [loop.percentile(99) / 1e6, loop.max / 1e6] as const
  loop.reset()
  return { memory: memoryOf(), handles, loopDelayMs }
}

function state (): ServerState {
  const { redis, providers } = app.ipRisk.stats()
  return { redis, breakers: Object.values(providers).map(({ breaker }) => breaker) }
}

process.on('message', (asked: 'sample' | 'state') => process.send!(asked === 'sample' ? sample() : state()))
process.on('disconnect', () => process.exit())
process.send!('ready')
