// The client of bench/hot-path-http: keeps connections open, and sends pipelined requests in steps.
import { connect } from 'node:net'
import { once } from 'node:events'

const CONNECTIONS = 20
const PIPELINED = 4
const ADDRESSES = 200
const ANSWER = /^HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\nok/

/** `send(count)` resolves when all are answered, and rejects where an answer is not 200. */
export async function connectAll (port, method) {
  const sockets = Array.from({ length: CONNECTIONS }, () => connect({ port, host: '127.0.0.1', noDelay: true }))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  for (const socket of sockets) socket.on('error', () => {}) // the server ends first; `once` rejects where an answer is awaited
  let next = 0

  function text () {
    return `${method} / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.${next++ % ADDRESSES}\r\n` +
      `${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`
  }

  async function exchange (socket) {
    socket.write(Array.from({ length: PIPELINED }, text).join(''))
    let received = ''
    for (let answered = 0; answered < PIPELINED;) {
      const [data] = await once(socket, 'data')
      received += data.toString('latin1')
      for (let answer; (answer = ANSWER.exec(received)) !== null; answered++) received = received.slice(answer[0].length)
      if (received !== '' && !'HTTP/1.1 200 OK'.startsWith(received.slice(0, 15))) throw new Error(`not 200: ${received.slice(0, 200)}`)
    }
  }

  return {
    async send (count) {
      for (let sent = 0; sent < count; sent += CONNECTIONS * PIPELINED) await Promise.all(sockets.map(exchange))
    }
  }
}
