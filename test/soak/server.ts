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
 * What must never happen, sent the moment it does: a handler that ran although the decision, or what is true of an address
 * with a verdict, was to block; a verdict, `unknown` aside, that is not true.
 */
export interface Violation { readonly kind: 'pastRefusal' | 'falseVerdict', readonly ip: string }

export interface Counts {
  /** Payments from addresses to block that were let in because nothing was known. */
  readonly failedOpen: number
  /** Requests whose verdict was `unknown`. */
  readonly unknown: number
}

export interface ServerSample extends Counts {
  /** After a full garbage collection. */
  readonly memory: Memory
  /** By `process.getActiveResourcesInfo()`. */
  readonly handles: Readonly<Record<string, number>>
  /** p99 and maximum since the last sample, in ms. */
  readonly loopDelayMs: readonly [p99: number, max: number]
}

const { port, provider, redis } = JSON.parse(process.argv[2]!) as ServerOptions
const counts = { failedOpen: 0, unknown: 0 }
const violated = (violation: Violation): void => sendEvent(violation)

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
  const ip = risk!.ip!
  if (risk!.reason !== undefined) counts.unknown++
  else if (risk!.verdict !== truthOf(ip)) violated({ kind: 'falseVerdict', ip })
})
app.get('/read', { config: { ipRisk: true } }, async () => ({ ok: true }))
app.post('/pay', { config: { ipRisk: 'payment' } }, async ({ ipRisk: risk }) => {
  const ip = risk!.ip!
  const toBlock = truthOf(ip) === 'vpn_detected'
  if (risk!.decision === 'block' || (toBlock && risk!.verdict !== 'unknown')) violated({ kind: 'pastRefusal', ip })
  else if (toBlock) counts.failedOpen++
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
  return { ...counts, memory: memoryOf(), handles, loopDelayMs }
}

process.on('message', (asked: 'counts' | 'sample') => process.send!(asked === 'sample' ? sample() : counts))
process.on('disconnect', () => process.exit())
process.send!('ready')
