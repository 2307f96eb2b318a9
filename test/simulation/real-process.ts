// One process of a real fleet: an engine whose provider and clock are as its parent says. Tells its parent what happens, and when.
import { createMember, TIMEOUT_MS } from './record.ts'

export interface ProcessOptions {
  readonly port: number
  readonly skewMs: number
  readonly perMinute: number | undefined
}
export type Order =
  | { readonly kind: 'lookup', readonly id: number, readonly ip: string, readonly write: boolean }
  | { readonly kind: 'invalidate', readonly ip: string }
  | { readonly kind: 'provider', readonly latencyMs: number, readonly failures: number }
  | { readonly kind: 'close' }
/** All times are those of the machine. */
export type Report = { readonly atMs: number } & (
  | { readonly kind: 'ready' | 'closed' }
  | { readonly kind: 'began', readonly id: number }
  | {
    readonly kind: 'answered'
    readonly id: number
    readonly verdict: string
    readonly reason?: string
    readonly org?: string | undefined
    readonly ageMs: number
  }
  | { readonly kind: 'rejected', readonly id: number, readonly message: string }
  | { readonly kind: 'call', readonly call: number, readonly ip: string }
  | { readonly kind: 'called', readonly call: number, readonly known: boolean }
  /** It got no processor for so long. */
  | { readonly kind: 'stalled', readonly forMs: number }
)

const { port, skewMs, perMinute } = JSON.parse(process.argv[2]!) as ProcessOptions
const realNow = Date.now
Date.now = () => realNow() + skewMs
type UntimedReport = Report extends infer One ? One extends Report ? Omit<One, 'atMs'> : never : never
const send = (event: UntimedReport): void => { if (process.connected) process.send!({ ...event, atMs: realNow() }) }
let provider = { latencyMs: 20, failures: 0 }
/** No two processes count the same. */
let calls = process.pid * 10_000

const engine = createMember(`redis://127.0.0.1:${port}`, perMinute, async ip => {
  const call = ++calls
  send({ kind: 'call', call, ip })
  const { latencyMs, failures } = provider
  await new Promise<void>(resolve => setTimeout(resolve, latencyMs * (0.5 + Math.random())))
  const known = Math.random() >= failures
  send({ kind: 'called', call, known })
  return known ? call : undefined
})
await engine.ready()

async function lookup (id: number, ip: string, write: boolean): Promise<void> {
  send({ kind: 'began', id })
  try {
    const { answer, checkedAtMs } = await engine.lookup(ip, { mode: 'wait', write, timeoutMs: TIMEOUT_MS })
    const { verdict } = answer
    const what = verdict === 'unknown' ? { reason: answer.reason } : { org: answer.info.org }
    send({ kind: 'answered', id, verdict, ...what, ageMs: Date.now() - checkedAtMs })
  } catch (err) {
    send({ kind: 'rejected', id, message: String(err) })
  }
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'lookup':
      lookup(order.id, order.ip, order.write)
      return
    case 'invalidate':
      engine.invalidate(order.ip)
      return
    case 'provider':
      provider = order
      return
    case 'close':
      engine.close().then(() => send({ kind: 'closed' }))
  }
})
process.on('disconnect', () => process.exit())

const TICK_MS = 20
const STALL_MS = 150
let last = performance.now()
setInterval(() => {
  const lateMs = performance.now() - last - TICK_MS
  last += lateMs + TICK_MS
  if (lateMs > STALL_MS) send({ kind: 'stalled', forMs: lateMs })
}, TICK_MS)
send({ kind: 'ready' })
