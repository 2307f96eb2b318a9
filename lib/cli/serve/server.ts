import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { Problem, problemBody, type ProblemCode, problems } from './problem.ts'
import type { PeerRate } from './access.ts'
import { BULK_TIMEOUT_MS, type Reply } from './verdicts.ts'
import type { Route } from './routes.ts'

interface ServiceOptions {
  readonly routes: readonly Route[]
  readonly rate: PeerRate
  readonly isAuthorized: (authorization: string | undefined) => boolean
  /** The host that the Host header must name, besides addresses and localhost; undefined: any. */
  readonly onlyHost: string | undefined
  /** An error that is our own. It may hold an address, and never a token. */
  onError (error: unknown): void
}

export interface Service {
  readonly server: Server
  /** Replies by route and status; a path that does not exist counts as `other`. */
  readonly replies: ReadonlyMap<string, number>
  /** No new connections and requests. Resolves when all requests are answered. */
  stop (): Promise<void>
  /** Ends what is left: bulk calls answer with what they have. */
  hurry (): void
}

/** A client has so long for all of its request. */
const REQUEST_MS = 5_000
const CONNECTIONS_MAX = 1_024

/**
 * node:http instead of Fastify: that is an optional peer, which `npx -p fastify-ip-risk ip-risk` would not install,
 * and five fixed routes need no router.
 */
export function createService (options: ServiceOptions): Service {
  const replies = new Map<string, number>()
  const inFlight = new Set<AbortController>()
  let stopping = false

  function count (path: string, status: number): void {
    const route = options.routes.some(route => route.path === path) ? path : 'other'
    const key = `route="${route}",status="${status}"`
    replies.set(key, (replies.get(key) ?? 0) + 1)
  }

  const server = createServer({
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 5_000,
    maxHeaderSize: 8_192,
    requireHostHeader: false // checked below, with an error as JSON
  }, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const gone = new AbortController()
    inFlight.add(gone)
    response.once('close', () => {
      inFlight.delete(gone)
      gone.abort()
      if (stopping) closeUnused()
    })
    response.on('error', () => {}) // its client is gone
    answer(request, path, gone.signal).catch(problemOf).then(reply => {
      count(path, reply.status)
      send(request, response, reply, stopping)
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  server.timeout = BULK_TIMEOUT_MS + REQUEST_MS
  server.on('clientError', rejectRaw)

  /** `close()` of the server alone would wait for connections that never send a request. */
  function closeUnused (): void {
    if (inFlight.size === 0) server.closeAllConnections()
  }

  function problemOf (error: unknown): Reply {
    const problem = error instanceof Problem ? error : new Problem('internal_error')
    if (problem !== error) options.onError(error)
    return { status: problems[problem.code][0], body: problemBody(problem.code), headers: problem.headers }
  }

  async function answer (request: IncomingMessage, path: string, gone: AbortSignal): Promise<Reply> {
    if (stopping) throw new Problem('stopping')
    const authorized = options.isAuthorized(request.headers.authorization)
    const spend = (addresses: number): void => {
      // Apart, because behind a proxy everybody has one address: who has no token must not use up what others have.
      const bucket = authorized ? 'authorized' : 'unauthorized'
      const seconds = options.rate.take(bucket, request.socket.remoteAddress, addresses)
      if (seconds > 0) throw new Problem('rate_limited', { 'retry-after': String(seconds) })
    }
    spend(1)
    if (!namesHost(request.headers.host, options.onlyHost)) throw new Problem('wrong_host')
    const here = options.routes.filter(route => route.path === path)
    if (!authorized && here.every(({ open }) => open !== true)) {
      throw new Problem('unauthorized', { 'www-authenticate': 'Bearer' })
    }
    if (here.length === 0) throw new Problem('not_found')
    const route = here.find(({ method }) => method === request.method)
    if (route === undefined) throw new Problem('method_not_allowed', { allow: here.map(({ method }) => method).join() })
    return await route.handle({ request, authorized, gone, spend })
  }

  return {
    server,
    replies,
    async stop () {
      stopping = true
      const closed = new Promise(resolve => server.close(resolve))
      closeUnused()
      await closed
    },
    hurry () { for (const one of inFlight) one.abort() }
  }
}

/** A page whose own name leads to our address could otherwise ask us through the browser of somebody here. */
function namesHost (header: string | undefined, only: string | undefined): boolean {
  if (only === undefined) return true
  const name = (header ?? '').replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return name === 'localhost' || name === only.toLowerCase() || isIP(name) !== 0
}

function send (
  request: IncomingMessage, response: ServerResponse, reply: Reply, stopping: boolean
): void {
  if (response.destroyed) return
  const isText = typeof reply.body === 'string'
  const text = isText ? reply.body as string : JSON.stringify(reply.body)
  // The rest of a body that nobody reads must not be taken for the next request.
  if (stopping || !request.complete) response.shouldKeepAlive = false
  response.writeHead(reply.status, {
    'content-type': isText ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...reply.headers
  })
  response.end(text)
}

const rawCodes: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout', HPE_HEADER_OVERFLOW: 'headers_too_large'
}

/** What is no HTTP, or does not arrive. */
function rejectRaw (error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const code = rawCodes[error.code ?? ''] ?? 'malformed_request'
  const text = JSON.stringify(problemBody(code))
  socket.end(`HTTP/1.1 ${problems[code][0]} ${code}\r\nContent-Type: application/json; charset=utf-8\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`)
  // Who sends nothing more must not hold the connection, either.
  setTimeout(() => socket.destroy(), 1_000).unref()
}
