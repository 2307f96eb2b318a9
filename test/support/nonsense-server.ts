import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface NonsenseServer {
  readonly url: string
  /** Commands that were answered. */
  readonly answered: number
  /** What every command is answered with from now on, byte for byte. */
  say (reply: string): void
  close (): Promise<void>
}

/** Speaks the framing of Redis, and says the same to every command. */
export async function nonsenseServer (): Promise<NonsenseServer> {
  const sockets = new Set<Socket>()
  let reply = ''
  let answered = 0
  const server = createServer(socket => {
    let text = ''
    sockets.add(socket)
    socket.on('error', () => {}) // the client gives up a connection on which it understands nothing
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', data => {
      text += data.toString('latin1')
      for (let end = commandEnd(text); end > 0; end = commandEnd(text)) {
        text = text.slice(end)
        answered++
        socket.write(reply)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get answered () { return answered },
    say (text) { reply = text },
    async close () {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

/** Where the first command ends; 0: it is not all there. */
function commandEnd (text: string): number {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return 0
  let end = head[0].length
  for (let left = Number(head[1]); left > 0; left--) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(end, end + 20))
    if (size === null) return 0
    end += size[0].length + Number(size[1]) + 2
  }
  return end <= text.length ? end : 0
}
