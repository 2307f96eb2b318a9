import t, { type Test } from 'tap'
import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import Fastify from 'fastify'
import ipRisk, { createIpRisk } from '../../lib/index.ts'
import expressIpRisk from '../../lib/frameworks/express.ts'
import type { EngineOptions } from '../../types/contract.ts'
import { memoryLog } from '../support/log.ts'
import { tableProvider } from '../support/table-provider.ts'

const CLIENT = '203.0.113.9'
/** Node reads 16 KB by default, which is too little for ten thousand addresses. */
const maxHeaderSize = 1 << 20
const clientIp = { trusted: ['loopback'] }
const provider = () => tableProvider({ [CLIENT]: 'clean' })

interface Started {
  readonly server: Server
  /** Handlers that ran. */
  readonly handled: string[]
}
type Start = (t: Test, options: EngineOptions) => Promise<Started>

const handledBy = (handled: string[], method: string | undefined) => {
  handled.push(method ?? '')
  return 'through'
}

const integrations: Readonly<Record<string, Start>> = {
  async Fastify (t, options) {
    const app = Fastify({ forceCloseConnections: true, http: { maxHeaderSize } })
    const handled: string[] = []
    await app.register(ipRisk, { clientIp, ...options })
    app.all('/', { config: { ipRisk: true } }, async request => handledBy(handled, request.method))
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => app.close())
    return { server: app.server, handled }
  },
  async Express (t, options) {
    const app = express()
    const handled: string[] = []
    const risk = expressIpRisk({ clientIp, log: memoryLog(), ...options })
    app.set('env', 'test')
    app.all('/', risk.route(true), (req, res) => { res.send(handledBy(handled, req.method)) })
    return { server: await listening(t, createServer({ maxHeaderSize }, app), risk), handled }
  },
  async 'node:http' (t, options) {
    const handled: string[] = []
    const engine = createIpRisk({ clientIp, log: memoryLog(), ...options })
    const server = createServer({ maxHeaderSize }, async (request, response) => {
      const rejection = await engine.enforce(request, await engine.assess(request, true))
      response.writeHead(rejection?.statusCode ?? 200).end(rejection === null ? handledBy(handled, request.method) : '')
    })
    return { server: await listening(t, server, engine), handled }
  }
}

async function listening (t: Test, server: Server, engine: { close (): Promise<void> }): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await Promise.all([engine.close(), new Promise(resolve => server.close(resolve))])
  })
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const head = (method: string, ...lines: readonly string[]): string =>
  [`${method} / HTTP/1.1`, 'Host: app.example', `X-Forwarded-For: ${CLIENT}`, ...lines, '', ''].join('\r\n')

async function opened (t: Test, server: Server): Promise<Socket> {
  const socket = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  t.teardown(() => { socket.destroy() })
  await once(socket, 'connect')
  return socket
}

async function textOf (socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket.setEncoding('latin1')) text += chunk
  return text
}

for (const [name, start] of Object.entries(integrations)) {
  t.test(`${name}: a client that has said all and closed its half still gets the answer`, async t => {
    const { server, handled } = await start(t, { provider: provider() })
    // Without it Node itself destroys the socket of a half-closed connection as soon as nothing is left to write.
    Object.assign(server, { httpAllowHalfOpen: true })
    const socket = await opened(t, server)
    socket.end(head('POST', 'Connection: close', 'Content-Length: 0'))
    t.match(await textOf(socket), /^HTTP\/1\.1 200 .*through/s)
    t.strictSame(handled, ['POST'])
  })

  t.test(`${name}: a hundred clients that drip hold nobody up, and cost no call before their request is there`, async t => {
    const table = provider()
    const { server, handled } = await start(t, { provider: table })
    const sockets = await Promise.all(Array.from({ length: 100 }, () => opened(t, server)))
    const dripping = new AbortController()
    const drips = sockets.map(async socket => {
      for (const byte of head('POST', 'Content-Length: 5').slice(0, -2)) {
        if (dripping.signal.aborted) break
        socket.write(byte)
        await pause(2)
      }
    })
    for (let i = 0; i < 20; i++) {
      const socket = await opened(t, server)
      socket.write(head('GET', 'Connection: close'))
      t.match(await textOf(socket), /^HTTP\/1\.1 200 .*through/s)
    }
    t.strictSame(table.calls, [CLIENT])
    t.equal(handled.length, 20)
    dripping.abort()
    await Promise.all(drips)
  })

  t.test(`${name}: a write whose body never comes is judged once and holds nobody up`, async t => {
    const table = provider()
    const { server } = await start(t, { provider: table })
    const stuck = await Promise.all(Array.from({ length: 60 }, () => opened(t, server)))
    for (const socket of stuck) socket.write(head('POST', 'Content-Type: text/plain', 'Content-Length: 5') + 'h')
    const socket = await opened(t, server)
    socket.write(head('POST', 'Connection: close', 'Content-Length: 0'))
    t.match(await textOf(socket), /^HTTP\/1\.1 200 .*through/s)
    t.strictSame(table.calls, [CLIENT])
  })

  t.test(`${name}: ten thousand addresses in front of it hide nobody`, async t => {
    const table = tableProvider({ [CLIENT]: 'vpn_detected' })
    const { server, handled } = await start(t, { provider: table })
    const addresses = Array.from({ length: 10_000 }, (_, i) => `6.6.${i >> 8}.${i & 255}`)
    const inLines = Array.from({ length: 100 }, (_, i) => `X-Forwarded-For: ${addresses.slice(i * 100, i * 100 + 100).join(', ')}`)
    for (const lines of [[`X-Forwarded-For: ${addresses.join(',')}`], inLines]) {
      const socket = await opened(t, server)
      const request = head('POST', 'Connection: close', 'Content-Length: 0')
      socket.write(request.replace('X-Forwarded-For', `${lines.join('\r\n')}\r\nX-Forwarded-For`))
      t.match(await textOf(socket), /^HTTP\/1\.1 403 /)
    }
    t.strictSame([table.calls, handled], [[CLIENT], []])
  })

  t.test(`${name}: ten thousand addresses of the operator's own end the walk, and not the process`, async t => {
    const { server, handled } = await start(t, { provider: provider() })
    const socket = await opened(t, server)
    socket.write(head('GET', 'Connection: close').replace(CLIENT, '127.0.0.1,'.repeat(10_000)))
    t.match(await textOf(socket), /^HTTP\/1\.1 200 /)
    t.strictSame(handled, ['GET'])
  })
}
