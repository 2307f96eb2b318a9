import t, { type Test } from 'tap'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import Fastify from 'fastify'
import ipRisk from '../../lib/index.ts'
import {
  type Proxy, type Running, freePort, startCaddy, startHaproxy, startNginx, visitor
} from '../support/proxies.ts'
import { needs } from '../support/services.ts'
import { tableProvider } from '../support/table-provider.ts'
import { shapes } from './shapes.ts'

// Every party has an address of its own in 127.0.0.0/8.
const VISITOR = '127.0.0.66'
const WITNESS = '127.0.0.67'
const NGINX = '127.0.0.11'
const HAPROXY = '127.0.0.12'
const CADDY = '127.0.0.1'
const AT_ONCE = 12
/** Long enough for any answer; a proxy that waits for the rest of a request says nothing. */
const SILENT_MS = 500
/** Our own status for a client that is gone: its handler did not run. */
const GONE = 499

interface Judged { readonly ip: string | null | undefined, readonly url: string }

/** Remembers whom it judged. */
async function application (): Promise<{ readonly port: number, readonly judged: Judged[], close (): Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true })
  const judged: Judged[] = []
  await app.register(ipRisk, { provider: tableProvider({}), clientIp: { trusted: [NGINX, HAPROXY, CADDY] } })
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== GONE) judged.push({ ip: request.ipRisk?.ip, url: request.url })
  })
  app.all('/*', { config: { ipRisk: 'signup' } }, async request => ({ ip: request.ipRisk!.ip }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, judged, close: async () => { await app.close() } }
}

/** Writes the bytes, and leaves when the other side has closed or has nothing more to say. */
async function send (port: number, bytes: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: VISITOR })
  socket.setEncoding('latin1').setTimeout(SILENT_MS, () => { socket.destroy() })
  let received = ''
  socket.on('data', chunk => { received += chunk }).on('error', () => {}) // a reset is an answer too
  socket.write(bytes, 'latin1')
  await new Promise(resolve => socket.once('close', resolve)) // `events.once` would reject after a reset
  return received
}

interface Chain {
  readonly what: string
  readonly proxies: readonly Proxy[]
  /** Starts it in front of `to`; the visitor connects to the first of the ports. */
  start (to: string, ports: readonly [number, number]): Promise<readonly Running[]>
}

/** The visitor's `Connection` would let Caddy remove X-Forwarded-For. */
const connectionOfItsOwn = [
  'http-request set-header Connection upgrade if { req.hdr(Upgrade) -m found }',
  'http-request del-header Connection unless { req.hdr(Upgrade) -m found }'
]

const chains: readonly Chain[] = [
  { what: 'nginx', proxies: ['nginx'], start: async (to, [port]) => [await startNginx([{ port, to, from: NGINX }])] },
  { what: 'HAProxy', proxies: ['haproxy'], start: async (to, [port]) => [await startHaproxy([{ port, to, from: HAPROXY }])] },
  { what: 'Caddy', proxies: ['caddy'], start: async (to, [port]) => [await startCaddy([{ port, to }])] },
  {
    what: 'nginx, then HAProxy',
    proxies: ['nginx', 'haproxy'],
    start: async (to, [port, between]) => [
      await startHaproxy([{ port: between, to, from: HAPROXY }]),
      await startNginx([{ port, to: `127.0.0.1:${between}`, from: NGINX }])
    ]
  },
  {
    what: 'HAProxy as docs/client-address.md has it, then Caddy',
    proxies: ['haproxy', 'caddy'],
    start: async (to, [port, between]) => [
      await startCaddy([{ port: between, to, lines: [`trusted_proxies ${HAPROXY}`] }]),
      await startHaproxy([{ port, to: `127.0.0.1:${between}`, from: HAPROXY, lines: connectionOfItsOwn }])
    ]
  }
]

t.test('through no proxy, nobody is judged by an address that they chose', async t => {
  const app = await application()
  t.teardown(() => app.close())
  await attack(t, app.port, app.judged)
})

for (const { what, proxies, start } of chains) {
  const skip = needs(...proxies)
  t.test(`through ${what}, nobody is judged by an address that they chose`, { skip }, async t => {
    const app = await application()
    const ports = [await freePort(), await freePort()] as const
    const running = await start(`127.0.0.1:${app.port}`, ports)
    t.teardown(async () => {
      await Promise.all(running.map(proxy => proxy.stop()))
      await app.close()
    })
    await attack(t, ports[0], app.judged)
  })
}

async function attack (t: Test, port: number, judged: readonly Judged[]): Promise<void> {
  const left = [...shapes]
  let answered = 0
  const attacker = async (): Promise<void> => {
    for (let shape = left.shift(); shape !== undefined; shape = left.shift()) {
      if ((await send(port, shape.bytes)).startsWith('HTTP/1.')) answered++
    }
  }
  // Meanwhile somebody else asks, over upstream connections that the proxy shares, and must get their own answers.
  const strangers: unknown[] = []
  const over = new AbortController()
  const witness = async (): Promise<void> => {
    const { ask, close } = await visitor(port, WITNESS)
    while (!over.signal.aborted) {
      await pause(2) // nginx ends a connection after 1,000 requests
      const answer = await ask('/witness') as Judged
      if (answer.ip !== WITNESS) strangers.push(answer)
    }
    close()
  }
  const witnessed = witness()
  await Promise.all(Array.from({ length: AT_ONCE }, attacker))
  over.abort()
  await witnessed

  t.strictSame(strangers, [], 'no other visitor got an answer that was not theirs')
  const own = ({ url }: Judged): string => url === '/witness' ? WITNESS : VISITOR
  t.strictSame(judged.filter(request => request.ip !== own(request)), [])
  const reached = judged.filter(({ url }) => url !== '/witness').length
  t.ok(reached > shapes.length / 2, `${reached} requests reached the application`)
  t.ok(answered > shapes.length * 0.9, `${answered} of ${shapes.length} shapes were answered`)
}
