import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'

/**
 * Lets Node keep every header line of the application's requests, so that none that a proxy wrote is dropped;
 * `maxHeaderSize` still bounds them. A limit that the operator has set stays. Where this cannot be done, the resolver sees
 * that lines may be missing.
 */
export function keepAllHeaderLines (app: FastifyInstance): void {
  keepAll(app.server)
  app.addHook('onListen', async () => { secondaryServers(app).forEach(keepAll) })
}

/** Only before the first connection: each keeps the limit it was opened under, and its requests are measured by the server's. */
function keepAll (server: Server): void {
  if (typeof server.getConnections !== 'function') return
  server.getConnections((err, connections) => {
    if (err === null && connections === 0 && typeof server.maxHeadersCount !== 'number') server.maxHeadersCount = 0
  })
}

/** The servers that Fastify opens beside `app.server` where a host name has several addresses: no public API has them. */
function secondaryServers (app: object): readonly Server[] {
  for (let owner: object | null = app; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const symbol = Object.getOwnPropertySymbols(owner).find(({ description }) => description === 'fastify.serverBindings')
    if (symbol !== undefined) return (owner as { [symbol]: readonly Server[] })[symbol]!
  }
  return []
}
