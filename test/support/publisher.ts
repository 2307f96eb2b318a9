import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Handler = (request: IncomingMessage, response: ServerResponse, calls: number) => unknown

export interface Publisher { readonly url: string, readonly requests: Map<string, number>, readonly routes: Record<string, Handler> }

/** A publisher of its own on loopback: what is in `routes` is asked each time; `requests` counts by path. */
export async function publisher (t: { teardown (end: () => void): void }, routes: Record<string, Handler>): Promise<Publisher> {
  const requests = new Map<string, number>()
  const server = createServer((request, response) => {
    const calls = (requests.get(request.url!) ?? 0) + 1
    requests.set(request.url!, calls)
    const handler = routes[request.url!]
    if (handler === undefined) response.writeHead(404).end('no such list')
    else handler(request, response, calls)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, routes }
}
