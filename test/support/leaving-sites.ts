import { once } from 'node:events'
import { type IncomingMessage, ServerResponse, createServer } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import express from 'express'
import Fastify, { type FastifyInstance, type FastifyListenOptions, type FastifyServerOptions } from 'fastify'
import ipRiskExpress from '../../lib/frameworks/express.ts'
import ipRisk, { createIpRisk } from '../../lib/index.ts'
import type { EngineOptions, IpRisk, RouteIpRiskOption } from '../../types/contract.ts'
import type { StepUp } from '../../types/fastify.ts'
import { type Kind, psk, pskOptions } from './leaving.ts'
import { pinoLog } from './log.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly reqId?: string
  readonly code?: string
  readonly err?: { readonly code?: string }
}

/** An application with one marked route `POST /`, and what its own hooks, handler and error handler saw. */
export interface Site {
  readonly server: Server
  /** Requests that reached the application's own hook ahead of ours. */
  arrived: number
  /** Of these, requests whose client has stopped sending; HTTP/1.1 only. */
  halfClosed: number
  /** Of these, requests whose socket or stream has closed. */
  closed: number
  handled: number
  /** Error codes, as the application's error handling saw them. */
  readonly codes: (string | undefined)[]
  /** Statuses in the `onResponse` hook; Fastify only. */
  readonly statuses: number[]
  readonly risks: (IpRisk | null | undefined)[]
  /** Levels and messages of the log. */
  readonly lines: Line[]
}

export interface SiteOptions {
  readonly engine: EngineOptions
  /** The hook ahead of ours awaits this. */
  readonly ahead?: Promise<void> | undefined
  /** The hook behind ours awaits this, as authentication may. */
  readonly behind?: Promise<void> | undefined
  readonly stepUp?: StepUp<unknown> | undefined
  readonly route?: Exclude<RouteIpRiskOption, false> | undefined
  readonly listen?: FastifyListenOptions | undefined
  readonly fastify?: FastifyServerOptions | undefined
  /** Before the route is declared; Fastify only. */
  readonly prepare?: ((app: FastifyInstance) => void) | undefined
}
type Ended = { teardown (close: () => unknown): unknown }
export type Build = (t: Ended, kind: Kind, options: SiteOptions) => Promise<Site>

function watched (server: Server): Site & { see (request: IncomingMessage): void } {
  return {
    server,
    arrived: 0,
    halfClosed: 0,
    closed: 0,
    handled: 0,
    codes: [],
    statuses: [],
    risks: [],
    lines: [],
    see (request) {
      this.arrived++
      const { stream, socket } = request as IncomingMessage & { readonly stream?: Socket }
      ;(stream ?? socket).once('close', () => { this.closed++ })
      if (stream === undefined) socket.once('end', () => { this.halfClosed++ })
    }
  }
}

export const fastifySite: Build = async (t, kind, options) => {
  const { engine, ahead, behind, stepUp, route = true, listen = loopback, fastify, prepare } = options
  const { lines, logger } = pinoLog<Line>('debug')
  const app = (Fastify as (options: unknown) => unknown)({
    ...kind === 'http2' && { http2: true },
    ...kind === 'tls' && { https: { ...pskOptions, pskCallback: () => psk.psk } },
    logger,
    forceCloseConnections: true,
    ...fastify
  }) as FastifyInstance
  const site = Object.assign(watched(app.server), { lines })
  app.addHook('onRequest', async request => {
    site.see(request.raw)
    await ahead
  })
  app.addHook('onError', async (request, _reply, error) => {
    site.codes.push(error.code)
    site.risks.push(request.ipRisk)
  })
  app.addHook('onResponse', async (_request, reply) => { site.statuses.push(reply.statusCode) })
  await app.register(ipRisk, { ...engine, ...stepUp !== undefined && { stepUp: stepUp as StepUp } })
  prepare?.(app)
  app.route({
    method: kind === 'upgrade' ? 'GET' : 'POST',
    url: '/',
    config: { ipRisk: route },
    ...behind !== undefined && { preHandler: async () => { await behind } },
    handler: async () => {
      site.handled++
      return 'handled'
    }
  })
  if (kind === 'upgrade') {
    app.server.on('upgrade', (request: IncomingMessage, socket: Socket) => { // as @fastify/websocket does
      socket.on('error', () => {})
      const response = new ServerResponse(request)
      response.assignSocket(socket)
      app.routing(request, response)
    })
  }
  await app.listen(listen)
  t.teardown(() => app.close())
  return site
}

export const expressSite: Build = async (t, _kind, { engine, ahead, behind, stepUp, route }) => {
  const app = express()
  app.set('env', 'test') // Express prints every error otherwise
  const risk = ipRiskExpress({ ...engine, ...stepUp !== undefined && { stepUp } })
  const site = watched(createServer(app))
  app.use((request, _response, next) => {
    site.see(request)
    if (ahead === undefined) next()
    else ahead.then(() => next())
  })
  if (behind !== undefined) app.use((_request, _response, next) => { behind.then(() => next()) })
  app.post('/', risk.route(route), (_request, response) => {
    site.handled++
    response.end('handled')
  })
  app.use((error: { code?: string }, request: express.Request, _response: unknown, next: express.NextFunction) => {
    site.codes.push(error.code)
    site.risks.push(request.ipRisk)
    next(error)
  })
  return await listening(t, site, risk.close)
}

export const nodeSite: Build = async (t, _kind, { engine, ahead, behind, stepUp, route }) => {
  const risk = createIpRisk({ ...engine, ...stepUp !== undefined && { stepUp } })
  const site = watched(createServer((request, response) => {
    site.see(request)
    ;(async () => {
      await ahead
      const judged = await risk.assess(request, route)
      await behind
      const rejection = await risk.enforce(request, judged)
      site.risks.push(judged)
      if (rejection === null) site.handled++
      else site.codes.push(rejection.code)
      response.writeHead(rejection?.statusCode ?? 200, rejection?.headers).end()
    })()
  }))
  return await listening(t, site, risk.close)
}

const loopback = { port: 0, host: '127.0.0.1' } as const

async function listening (t: Ended, site: Site, close: () => Promise<void>): Promise<Site> {
  const server = site.server as ReturnType<typeof createServer>
  server.listen(loopback)
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await close()
  })
  return site
}

export function portOf ({ server }: Site): { readonly port: number, readonly host: string } {
  return { port: (server.address() as AddressInfo).port, host: '127.0.0.1' }
}
