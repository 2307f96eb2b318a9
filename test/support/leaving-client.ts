import { writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { type NetConnectOpts, type Socket, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, type Kind, type Leave, psk, pskOptions } from './leaving.ts'

// The clients of `leaving.ts`, in a process of their own: they send requests and leave while the server waits.

const upgrade = [
  'GET /', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
]

interface Client { readonly raw: Socket, send (lines: readonly string[]): void, leave (how: Leave): void }
let clients: Client[] = []

async function openOne (kind: Kind, to: NetConnectOpts): Promise<Client> {
  const raw = connect({ ...to, allowHalfOpen: true } as NetConnectOpts)
  raw.on('error', () => {})
  await new Promise(resolve => raw.once('connect', resolve))
  if (kind === 'http2') return await openHttp2(raw)
  const socket = kind === 'tls'
    ? connectTls({ ...pskOptions, socket: raw, pskCallback: () => psk, checkServerIdentity: () => undefined })
    : raw
  if (kind === 'tls') {
    socket.on('error', () => {})
    await new Promise(resolve => socket.once('secureConnect', resolve))
  }
  socket.resume()
  return {
    raw,
    send (lines) {
      const first = kind === 'upgrade' ? upgrade : ['POST /', 'Content-Length: 0']
      const [start, ...headers] = [...first, ...lines]
      socket.write(`${start} HTTP/1.1\r\nHost: app.example\r\n${headers.map(line => `${line}\r\n`).join('')}\r\n`)
    },
    leave (how) {
      if (how === 'reset') raw.resetAndDestroy()
      else if (how === 'close') socket.destroy()
      else socket.end()
    }
  }
}

async function openHttp2 (raw: Socket): Promise<Client> {
  const session: ClientHttp2Session = connectHttp2('http://app.example', { createConnection: () => raw })
  session.on('error', () => {})
  await new Promise(resolve => session.once('remoteSettings', resolve))
  const send = (lines: readonly string[]): ReturnType<ClientHttp2Session['request']> => {
    const headers = Object.fromEntries(lines.map(line => line.toLowerCase().split(': ')))
    const stream = session.request({ ':method': 'POST', ':path': '/', ...headers }, { endStream: lines.length > 0 })
    stream.on('error', () => {})
    return stream
  }
  let stream: ReturnType<typeof send>
  return {
    raw,
    send (lines) { stream = send(lines) },
    leave (how) {
      if (how === 'stream' || how === 'stream-no-error') stream.close(how === 'stream' ? 8 : 0)
      else if (how === 'reset') raw.resetAndDestroy()
      else raw.destroy()
    }
  }
}

process.on('message', async ({ open, send, leave, marker }: Command) => {
  if (open !== undefined) {
    for (const { raw } of clients) raw.destroy()
    clients = await Promise.all(Array.from({ length: open.count }, () => openOne(open.kind, open.to)))
  }
  if (send !== undefined) {
    for (const client of clients) client.send(send.lines)
    await delay(50) // the bytes leave this process; how long that takes decides nothing
  }
  if (leave !== undefined) for (const client of clients) client.leave(leave)
  if (marker !== undefined) {
    await delay(50)
    writeFileSync(marker, '')
  }
  process.send!('done')
})
process.on('disconnect', () => process.exit())
process.send!('started')
