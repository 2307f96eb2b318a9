import { once } from 'node:events'
import dns from 'node:dns'
import { createServer as createHttpServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import express from 'express'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import expressIpRisk from '../lib/frameworks/express.ts'
import { keepAllHeaderLines } from '../lib/frameworks/fastify-routes.ts'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { DecisionRecord, EngineOptions } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { pinoLog } from './support/log.ts'
import { freePort, startHaproxy, visitor } from './support/proxies.ts'
import { needs } from './support/services.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

const trusted: EngineOptions = { provider: visitorProvider(), clientIp: { trusted: ['loopback'] }, policy: { write: { vpn_likely: 'block' } } }
const junk = (lines: number): string[] => Array.from({ length: lines }, (_, i) => `j${i}: 1`)
/** What a proxy that sorts its headers, or adds its own last, makes of a request with so many lines. */
const pushedOut = [...junk(1100), `X-Forwarded-For: ${visitors.vpn_detected}`]
const onlyForged = [`X-Forwarded-For: ${visitors.clean}`, ...pushedOut]

interface Tried {
  readonly app: FastifyInstance
  readonly lines: { code?: string, msg: string }[]
  readonly records: DecisionRecord[]
  ran: number
}

/** POST and PUT (monitored) are marked writes, GET is a marked read, PATCH is not marked, and DELETE is a read that may be stopped. */
async function application (t: Test, options: FastifyIpRiskOptions = {}, server: FastifyServerOptions = {}): Promise<Tried> {
  const { lines, logger } = pinoLog<Tried['lines'][number]>()
  const app = Fastify({ ...server, logger })
  t.teardown(() => app.close())
  const tried: Tried = { app: app as unknown as FastifyInstance, lines, records: [], ran: 0 }
  await app.register(ipRisk, { ...trusted, onDecision: record => { tried.records.push(record) }, ...options })
  const handler = async (request: { ipRisk: unknown }): Promise<unknown> => {
    tried.ran++
    return request.ipRisk
  }
  app.get('/', { config: { ipRisk: true } }, handler)
  app.post('/', { config: { ipRisk: 'signup' } }, handler)
  app.put('/', { config: { ipRisk: { action: 'signup', mode: 'monitor' } } }, handler)
  app.patch('/', handler)
  app.delete('/', { config: { ipRisk: { write: false, policy: { read: { vpn_detected: 'block' }, allowBlockingReads: true } } } }, handler)
  return tried
}

async function ask (
  t: Test, port: number, method: string, lines: readonly string[], { host = '127.0.0.1', from = '127.0.0.1' } = {}
): Promise<Record<string, unknown>> {
  const { ask, close } = await visitor(port, from, host)
  t.teardown(close)
  return await ask('/', lines, method) as Record<string, unknown>
}

const portOf = ({ server }: FastifyInstance): number => (server.address() as AddressInfo).port
/** Node.js 22.23.5, 24.22.3 and 26.12.1 refuse a request with too many lines. Node.js 20 drops some. */
const refuses = await refusesLines()
const skip = refuses && 'this Node.js drops no lines: it refuses the request'

async function refusesLines (): Promise<boolean> {
  const app = Fastify()
  app.get('/', async () => ({}))
  app.server.maxHeadersCount = 10
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { ask, close } = await visitor(portOf(app as unknown as FastifyInstance), '127.0.0.1')
  const { statusCode } = await ask('/', junk(100)) as { statusCode?: number }
  close()
  await app.close()
  return statusCode === 431
}

const truncated = { verdict: 'unknown', reason: 'truncated_headers', ip: null, source: 'none' }
const refused = { statusCode: 431, code: 'FST_IP_RISK_TRUNCATED_HEADERS' }

t.test('on a server that keeps every line, the entry that the proxy wrote last is read', async t => {
  const { app } = await application(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const lines of [pushedOut, onlyForged]) {
    t.match(await ask(t, portOf(app), 'POST', lines), { statusCode: 403, code: 'FST_IP_RISK_BLOCKED' })
    t.match(await ask(t, portOf(app), 'GET', lines), { ip: visitors.vpn_detected, verdict: 'vpn_detected' })
  }
})

t.test('where lines may have been dropped nothing in them is believed: a marked write gets 431, and one line says why', { skip }, async t => {
  const tried = await application(t)
  const { app, lines, records } = tried
  app.server.maxHeadersCount = 1000
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const sent of [pushedOut, onlyForged, junk(1000)]) t.match(await ask(t, portOf(app), 'POST', sent), refused)
  t.equal(tried.ran, 0)
  t.match(records.at(-1), { address: null, decision: 'block', outcome: 'blocked', ...truncated, ip: undefined })
  t.match(await ask(t, portOf(app), 'GET', onlyForged), { ...truncated, decision: 'allow' })
  t.match(await ask(t, portOf(app), 'PUT', onlyForged), { ...truncated, decision: 'block' }, 'monitor mode records only')
  t.match(await ask(t, portOf(app), 'PATCH', onlyForged), { ...truncated }, 'as an unmarked route does')
  t.match(await ask(t, portOf(app), 'DELETE', onlyForged), refused, 'a read that the policy may stop is no way out')
  t.match(await ask(t, portOf(app), 'POST', [...junk(900), `X-Forwarded-For: ${visitors.clean}`]), { verdict: 'clean' })
  t.match(lines, [{ code: 'IP_RISK_HEADERS_TRUNCATED', msg: /maxHeadersCount = 0/ }])
})

t.test('neither a policy nor a list lets lines that were dropped pass, and a function is not asked', { skip }, async t => {
  const asked: unknown[] = []
  const policy = (risk: { reason?: string | undefined }): 'allow' => { asked.push(risk.reason); return 'allow' }
  for (const options of [{ policy: { write: { unknown: 'allow' } } }, { allow: ['127.0.0.0/8', '203.0.113.0/24'] }, { policy }]) {
    const { app } = await application(t, options as FastifyIpRiskOptions)
    app.server.maxHeadersCount = 1000
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.match(await ask(t, portOf(app), 'POST', onlyForged), refused, JSON.stringify(options))
  }
  t.same(asked, [])
})

t.test('a limit that the operator set stays, and is the one that counts', { skip }, async t => {
  const serverFactory: FastifyServerOptions['serverFactory'] = handler => Object.assign(createHttpServer(handler as never), { maxHeadersCount: 40 })
  const { app } = await application(t, {}, { serverFactory })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.equal(app.server.maxHeadersCount, 40)
  t.match(await ask(t, portOf(app), 'POST', [...junk(60), `X-Forwarded-For: ${visitors.clean}`]), refused)
  t.match(await ask(t, portOf(app), 'POST', [...junk(30), `X-Forwarded-For: ${visitors.clean}`]), { verdict: 'clean' })
})

t.test('a server that has connections keeps their limit', { skip }, async t => {
  const server = createHttpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close()) // Fastify closes only what it opened itself
  const early = await visitor((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(early.close)
  await new Promise(resolve => setImmediate(resolve))
  const { app } = await application(t, {}, { serverFactory: handler => server.on('request', handler as never) })
  await app.ready()
  t.match(await early.ask('/', onlyForged, 'POST'), refused)
})

t.test('nothing changes where no forwarding header is read', async t => {
  const { app } = await application(t, { clientIp: {} })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.type(app.server.maxHeadersCount, 'null')
  const lines = refuses ? onlyForged.slice(0, 900) : onlyForged
  t.match(await ask(t, portOf(app), 'POST', lines), { ip: '127.0.0.1', reason: 'not_public' }, 'the peer needs no header')
})

t.test('no handler runs where Node.js itself refuses the request', { skip: !refuses && 'this Node.js drops lines' }, async t => {
  const tried = await application(t)
  tried.app.server.maxHeadersCount = 1000
  await tried.app.listen({ port: 0, host: '127.0.0.1' })
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    t.match(await ask(t, portOf(tried.app), method, onlyForged), { statusCode: 431 }, method)
  }
  t.equal(tried.ran, 0)
})

t.test('every server that Fastify opens for localhost keeps every line', async t => {
  const lookup = dns.lookup
  t.teardown(() => { dns.lookup = lookup })
  dns.lookup = ((host: string, options: { all?: boolean }, done: (err: null, addresses: unknown) => void) => {
    if (host !== 'localhost' || !options.all) return lookup(host, options as never, done as never)
    done(null, ['127.0.0.1', '127.0.0.3'].map(address => ({ address, family: 4 })))
  }) as never
  const { app } = await application(t)
  await app.listen({ port: 0, host: 'localhost' })
  t.same(app.addresses().map(at => (at as AddressInfo).address).sort(), ['127.0.0.1', '127.0.0.3'], 'two bindings')
  for (const host of ['127.0.0.1', '127.0.0.3']) {
    t.match(await ask(t, portOf(app), 'POST', onlyForged, { host }), { code: 'FST_IP_RISK_BLOCKED' }, host)
  }
})

t.test('HTTP/2 resets a stream with too many headers instead of dropping some', async t => {
  const tried = await application(t, {}, { http2: true } as never)
  await tried.app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(`http://127.0.0.1:${portOf(tried.app)}`)
  t.teardown(() => session.destroy())
  const request = (lines: number) => session.request({
    ':method': 'POST', 'x-forwarded-for': visitors.vpn_detected, ...Object.fromEntries(junk(lines).map(line => line.split(': ')))
  })
  await t.rejects(once(request(1100).end(), 'response'), { code: 'ERR_HTTP2_STREAM_ERROR' })
  const [headers] = await once(request(100).end(), 'response') as [Record<string, unknown>]
  t.equal(headers[':status'], 403)
  t.equal(tried.ran, 0)
})

t.test('createIpRisk and Express find it too', { skip }, async t => {
  const engine = createIpRisk(trusted)
  const plain = createHttpServer(async (request, response) => {
    const risk = await engine.assess(request, 'signup')
    const rejection = await engine.enforce(request, risk)
    response.end(JSON.stringify(rejection ?? risk))
  })
  const risk = expressIpRisk(trusted)
  const app = express()
  app.post('/', risk.route('signup'), (req, res) => { res.json(req.ipRisk) })
  app.use(((err, _req, res, _next) => { res.json({ statusCode: err.statusCode, code: err.code }) }) as express.ErrorRequestHandler)
  for (const server of [plain, createHttpServer(app as never)]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    t.match(await ask(t, port, 'POST', onlyForged), refused)
    server.maxHeadersCount = 0
    t.match(await ask(t, port, 'POST', onlyForged), { code: 'FST_IP_RISK_BLOCKED' }, 'with the fix that the log names')
  }
  await Promise.all([engine.close(), risk.close()])
})

t.test('behind a real HAProxy that forwards 4,000 lines', { skip: needs('haproxy') || skip }, async t => {
  const [HAPROXY, VISITOR] = ['127.0.0.12', '127.0.0.66']
  const whole = await application(t, { clientIp: { trusted: [HAPROXY] } })
  const limited = await application(t, { clientIp: { trusted: [HAPROXY] } })
  limited.app.server.maxHeadersCount = 1000
  for (const { app } of [whole, limited]) await app.listen({ port: 0, host: '127.0.0.1' })
  const [port, toLimited] = [await freePort(), await freePort()]
  const proxy = await startHaproxy([
    { port, to: `127.0.0.1:${portOf(whole.app)}`, from: HAPROXY },
    { port: toLimited, to: `127.0.0.1:${portOf(limited.app)}`, from: HAPROXY }
  ], ['tune.http.maxhdr 4000'])
  t.teardown(proxy.stop)
  for (const lines of [junk(1100), [`X-Forwarded-For: ${visitors.clean}`, ...junk(1100)]]) {
    t.match(await ask(t, port, 'POST', lines, { from: VISITOR }), { ip: VISITOR, source: 'x-forwarded-for' })
    t.match(await ask(t, toLimited, 'POST', lines, { from: VISITOR }), refused)
  }
  t.equal(limited.ran, 0)
})

t.test('a server of another kind is left as it is', async t => {
  const server = createServer()
  const { app } = await application(t, {}, { serverFactory: () => Object.assign(server, { getConnections: undefined }) as never })
  await app.ready()
  // A Fastify that keeps its servers elsewhere.
  keepAllHeaderLines({ server, addHook: (_name: string, hook: () => void) => hook() } as never)
  t.notOk('maxHeadersCount' in server)
})
