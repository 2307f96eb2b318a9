// One process of the soak: an application behind nginx that blocks payments from VPNs and counts what must never happen.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Fastify from 'fastify'
import ipRisk, { iplogs } from '../../lib/index.ts'
import { truthOf } from './truth.ts'

export interface ServerOptions {
  readonly port: number
  readonly provider: string
  readonly redis: { readonly sentinels: readonly { readonly host: string, readonly port: number }[], readonly name: string }
}

export interface ServerSample {
  /** Handlers that ran although the decision, or what is true of an address with a verdict, was to block. */
  readonly pastRefusal: number
  /** Verdicts, `unknown` aside, that are not true. */
  readonly falseVerdicts: number
  /** Payments from addresses to block that were let in because nothing was known. */
  readonly failedOpen: number
  readonly unknown: Readonly<Record<string, number>>
  /** Bytes after a full garbage collection. */
  readonly heap: number
  readonly rss: number
  /** By `process.getActiveResourcesInfo()`. */
  readonly handles: Readonly<Record<string, number>>
  /** p99 and maximum since the last sample, in ms. */
  readonly loopDelayMs: readonly [p99: number, max: number]
}

const { port, provider, redis } = JSON.parse(process.argv[2]!) as ServerOptions
const unknown: Record<string, number> = {}
let pastRefusal = 0
let falseVerdicts = 0
let failedOpen = 0

const app = Fastify()
await app.register(ipRisk, {
  provider: iplogs({ baseUrl: provider, timeoutMs: 1000 }),
  redis: { sentinels: [...redis.sentinels], name: redis.name },
  clientIp: { trusted: ['127.0.0.1/32'], cloudflare: false },
  timeoutMs: 1500,
  cache: { maxEntries: 10_000 },
  policy: { write: { clean: 'allow', suspicious: 'allow', vpn_likely: 'elevate_risk', vpn_detected: 'block', unknown: 'allow' } }
})
app.addHook('preHandler', async ({ ipRisk: risk }) => {
  if (risk!.reason !== undefined) unknown[risk!.reason] = (unknown[risk!.reason] ?? 0) + 1
  else if (risk!.verdict !== truthOf(risk!.ip!)) falseVerdicts++
})
app.get('/read', { config: { ipRisk: true } }, async () => ({ ok: true }))
app.post('/pay', { config: { ipRisk: 'payment' } }, async ({ ipRisk: risk }) => {
  const toBlock = truthOf(risk!.ip!) === 'vpn_detected'
  if (risk!.decision === 'block' || (toBlock && risk!.verdict !== 'unknown')) pastRefusal++
  else if (toBlock) failedOpen++
  return { ok: true }
})
await app.listen({ port, host: '127.0.0.1' })

const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()

function sample (): ServerSample {
  for (let i = 0; i < 2; i++) global.gc!()
  const { heapUsed, rss } = process.memoryUsage()
  const handles: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1
  const loopDelayMs = [loop.percentile(99) / 1e6, loop.max / 1e6] as const
  loop.reset()
  return { pastRefusal, falseVerdicts, failedOpen, unknown, heap: heapUsed, rss, handles, loopDelayMs }
}

process.on('message', () => process.send!(sample()))
process.on('disconnect', () => process.exit())
process.send!('ready')
