import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import Fastify from 'fastify'
import { ipRisk as expressIpRisk } from '../../lib/frameworks/express.ts'
import ipRisk, { createIpRisk, type IpRiskError } from '../../lib/index.ts'
import type { EngineOptions, IpRisk, RouteIpRiskOption } from '../../types/contract.ts'

/** One way in: a request in, what the visitor and the handler saw out. */
export interface Rim {
  ask (method: string, url: string, visitor: string, headers?: Record<string, string>): Promise<Reply>
  close (): Promise<unknown>
}
export interface Reply {
  readonly status: number
  readonly headers: { readonly [name: string]: string | undefined }
  /** As it went over the wire. */
  readonly body: string
  /** What the handler saw, where the request came so far. */
  readonly risk: IpRisk | null
}
/** Routes by their paths; each answers to GET and POST. `undefined` is an unmarked route. */
export type Routes = Readonly<Record<string, RouteIpRiskOption | undefined>>
export type RimOptions = EngineOptions & { readonly satisfied?: boolean | 'by header' }

interface AnyStepUp { isSatisfied (request: object): boolean, acrValues: string[] }
const rimOptions = ({ satisfied, ...options }: RimOptions): EngineOptions & { stepUp?: AnyStepUp } => ({
  clientIp: { trusted: ['loopback'], cloudflare: false },
  ...options,
  ...satisfied !== undefined && {
    stepUp: {
      isSatisfied: request => satisfied === 'by header' ? 'headers' in request && hasCode(request.headers) : satisfied,
      acrValues: ['mfa']
    }
  }
})

const hasCode = (headers: unknown): boolean => (headers as Record<string, unknown>)['x-code'] === '123456'

/** All four rims, with the same options and routes. */
export const rims: Readonly<Record<string, (options: RimOptions, routes: Routes) => Promise<Rim>>> = {
  async 'Fastify, injected' (options, routes) {
    const app = await fastify(options, routes)
    return {
      async ask (method, url, visitor, headers = {}) {
        const reply = await app.inject({ method: method as 'GET', url, remoteAddress: '127.0.0.1', headers: { ...headers, 'x-forwarded-for': visitor } })
        return seen(reply.statusCode, reply.headers as Reply['headers'], reply.body)
      },
      close: () => app.close()
    }
  },
  async 'Fastify, over a socket' (options, routes) {
    const app = await fastify(options, routes)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return overSocket(app.server, () => app.close())
  },
  async Express (options, routes) {
    const { app, close } = expressApp(options, routes)
    return overSocket(await listening(createServer(app)), close)
  },
  async 'plain node:http' (options, routes) {
    const engine = createIpRisk(rimOptions(options))
    const server = createServer(async (request, response) => {
      const option = routes[request.url!]
      const risk = await engine.assess(request, option === undefined ? { mode: 'monitor', lookup: 'cache' } : option as true)
      const rejection = await engine.enforce(request, risk)
      if (rejection === null) return response.end(JSON.stringify({ risk }))
      const { statusCode, headers, code, message } = rejection
      response.writeHead(statusCode, headers).end(JSON.stringify({ statusCode, code, message }))
    })
    return overSocket(await listening(server), () => engine.close())
  }
}

async function fastify (options: RimOptions, routes: Routes): Promise<ReturnType<typeof Fastify>> {
  const app = Fastify()
  await app.register(ipRisk, rimOptions(options))
  for (const [url, option] of Object.entries(routes)) {
    for (const method of ['GET', 'POST'] as const) {
      const config = option === undefined ? {} : { ipRisk: option }
      app.route({ method, url, config, handler: async request => ({ risk: request.ipRisk }) })
    }
  }
  return app
}

function expressApp (options: RimOptions, routes: Routes): { app: ReturnType<typeof express>, close: () => Promise<void> } {
  const app = express()
  const risk = expressIpRisk(rimOptions(options))
  app.use(risk)
  for (const [url, option] of Object.entries(routes)) {
    const marked = option === undefined || option === false ? [] : [risk.route(option)]
    for (const method of ['get', 'post'] as const) {
      app[method](url, ...marked, (req, res) => { res.json({ risk: req.ipRisk ?? null }) })
    }
  }
  const asJson: ErrorRequestHandler = ({ statusCode, code, message }: IpRiskError, _req, res, _next) => {
    res.status(statusCode!).json({ statusCode, code, message })
  }
  app.use(asJson)
  return { app, close: () => risk.close() }
}

async function listening (server: Server): Promise<Server> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

function overSocket (server: Server, close: () => Promise<unknown>): Rim {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    async ask (method, url, visitor, headers = {}) {
      const reply = await fetch(base + url, { method, headers: { ...headers, 'x-forwarded-for': visitor, connection: 'close' } })
      return seen(reply.status, Object.fromEntries(reply.headers), await reply.text())
    },
    async close () {
      server.closeAllConnections()
      await Promise.all([close(), server.listening && new Promise(resolve => server.close(resolve))])
    }
  }
}

function seen (status: number, headers: Reply['headers'], body: string): Reply {
  const { risk = null } = body.startsWith('{') ? JSON.parse(body) as { risk?: IpRisk | null } : {}
  return { status, headers, body, risk }
}
