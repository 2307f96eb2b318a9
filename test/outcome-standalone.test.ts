import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import express, { type Express, type Request } from 'express'
import t, { type Test } from 'tap'
import expressIpRisk, { type ExpressIpRisk, type ExpressIpRiskOptions } from '../lib/frameworks/express.ts'
import { createIpRisk, type IpRiskEngine } from '../lib/index.ts'
import type { CreateIpRiskOptions, DecisionRecord, LookupRecord } from '../types/contract.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { type TableProvider, visitorProvider, visitors } from './support/table-provider.ts'

interface Started<Request> { records: DecisionRecord[], requests: Request[], provider: TableProvider, port: number }
const log = memoryLog()

async function listen (t: Test, server: Server, close: () => Promise<void>): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await Promise.all([close(), new Promise(resolve => server.close(resolve))])
  })
  return (server.address() as AddressInfo).port
}

type Build = (app: Express, risk: ExpressIpRisk) => void
type StartedExpress = Started<Request> & { risk: ExpressIpRisk }
async function startExpress (t: Test, options: ExpressIpRiskOptions, build: Build): Promise<StartedExpress> {
  const [records, requests]: [DecisionRecord[], Request[]] = [[], []]
  const app = express().set('env', 'test')
  const provider = visitorProvider()
  const risk = expressIpRisk({
    provider,
    log,
    clientIp: { trusted: ['loopback'] },
    onDecision (record, req) {
      records.push(record)
      requests.push(req)
    },
    ...options
  })
  build(app, risk)
  return { risk, records, requests, provider, port: await listen(t, createServer(app), () => risk.close()) }
}

type Handle = (engine: IpRiskEngine, ...args: Parameters<RequestListener>) => Promise<unknown>
type StartedNode = Started<IncomingMessage> & { engine: IpRiskEngine }
async function startNode (t: Test, handle: Handle, options: CreateIpRiskOptions = {}): Promise<StartedNode> {
  const [records, requests]: [DecisionRecord[], IncomingMessage[]] = [[], []]
  const provider = visitorProvider()
  const engine = createIpRisk({
    provider,
    log,
    clientIp: { trusted: ['loopback'] },
    onDecision (record, request) {
      records.push(record)
      requests.push(request)
    },
    stepUp: { isSatisfied: request => request.headers['x-code'] === '1' },
    ...options
  })
  const server = createServer((request, response) => { handle(engine, request, response).catch(err => { throw err }) })
  return { engine, records, requests, provider, port: await listen(t, server, () => engine.close()) }
}

async function post (port: number, path: string, visitor: string, headers = {}): Promise<number> {
  const all = { 'x-forwarded-for': visitor, ...headers }
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: 'x', headers: all })
  await reply.text()
  return reply.status
}

t.test('Express: a middleware for all and one for the route judge a request once, and publish one record', async t => {
  const lookups: LookupRecord[] = []
  const keep = (message: unknown): void => { lookups.push(message as LookupRecord) }
  subscribe('fastify-ip-risk:lookup', keep)
  t.teardown(() => unsubscribe('fastify-ip-risk:lookup', keep))
  const stepUp = { isSatisfied: (req: Request) => req.get('x-code') === '1' }
  const { risk, records, requests, provider, port } = await startExpress(t, { stepUp, unmarked: 'wait' }, (app, risk) => {
    app.use(risk)
    app.post('/signup', risk.route('signup'), (_req, res) => { res.end() })
    app.use(risk)
    app.post('/plain', (_req, res) => { res.end() })
  })
  const cases: [path: string, visitor: keyof typeof visitors, headers: object, status: number, record: object][] = [
    ['/signup', 'clean', {}, 200, { outcome: 'allowed', action: 'signup', cache: 'miss' }],
    ['/signup', 'suspicious', {}, 200, { outcome: 'flagged', action: 'signup' }],
    ['/signup', 'vpn_likely', {}, 401, { outcome: 'challenged', action: 'signup' }],
    ['/signup', 'vpn_likely', { 'x-code': '1' }, 200, { outcome: 'satisfied', action: 'signup', cache: 'memory' }],
    ['/signup', 'vpn_detected', {}, 403, { outcome: 'blocked', action: 'signup', route: '/signup' }],
    ['/plain', 'vpn_detected', {}, 200, { outcome: 'not_enforced', action: null, wouldBe: 'allow' }],
    ['/plain', 'clean', {}, 200, { outcome: 'allowed', action: null }],
    ['/nowhere', 'suspicious', {}, 404, { outcome: 'flagged', action: null }]
  ]
  for (const [path, visitor, headers, status, record] of cases) {
    t.equal(await post(port, path, visitors[visitor], headers), status, `${path} ${visitor}`)
    await until(() => records.length > 0)
    t.match(records.splice(0), [{ verdict: visitor, ...record }])
    t.match(requests.splice(0), [{ path, ipRisk: { verdict: visitor } }], 'with its request')
    t.match(lookups.splice(0), [{ verdict: visitor }], 'looked up once')
  }
  t.equal(provider.calls.length, 4)
  t.match(risk.stats(), {
    lookups: { memory: 4, provider: 4 },
    outcomes: { allowed: 2, flagged: 2, challenged: 1, satisfied: 1, blocked: 1, not_enforced: 1 }
  })
})

t.test('Express: a route looks up what the middleware for all did not', async t => {
  const { records, port } = await startExpress(t, {}, (app, risk) => {
    app.use(risk)
    app.post('/signup', risk.route('signup'), (_req, res) => { res.end() })
    app.post('/skip', risk.route({ lookup: 'skip' }), (_req, res) => { res.end() })
  })
  t.equal(await post(port, '/signup', visitors.vpn_detected), 403)
  t.equal(await post(port, '/skip', visitors.vpn_detected), 200)
  t.match(records, [{ verdict: 'vpn_detected', cache: 'miss' }, { verdict: 'unknown', reason: 'skipped' }])
})

t.test('Express: a request that another middleware answered meanwhile is not reached', async t => {
  const { records, port } = await startExpress(t, { stepUp: { isSatisfied: () => false } }, (app, risk) => {
    const answers: express.RequestHandler = (_req, res, next) => {
      res.status(503).end()
      next()
    }
    app.post('/', answers, risk.route('signup'), () => { t.fail('no handler runs') })
  })
  for (const visitor of ['clean', 'vpn_likely', 'vpn_detected'] as const) {
    t.equal(await post(port, '/', visitors[visitor]), 503)
    await until(() => records.length > 0)
    t.match(records.splice(0), [{ outcome: 'not_reached', verdict: visitor }])
  }
})

t.test('node:http: the record of a step-up is published by enforce, and every other by assess', async t => {
  const { engine, records, requests, port } = await startNode(t, async (engine, request, response) => {
    const risk = await engine.assess(request, 'signup', response)
    t.equal(records.length, risk.decision === 'step_up_auth' ? 0 : 1)
    await once(request.resume(), 'close') // the body is read before the visitor is asked
    const rejection = await engine.enforce(request, risk)
    t.equal(records.length, 1)
    t.same(await engine.enforce(request, { ...risk }), rejection, 'a copy of the risk does not get past')
    response.writeHead(rejection?.statusCode ?? 200, rejection?.headers).end()
  })
  const cases: [visitor: keyof typeof visitors, headers: object, status: number, outcome: string][] = [
    ['clean', {}, 200, 'allowed'], ['suspicious', {}, 200, 'flagged'], ['vpn_detected', {}, 403, 'blocked'],
    ['vpn_likely', {}, 401, 'challenged'], ['vpn_likely', { 'x-code': '1' }, 200, 'satisfied']
  ]
  for (const [visitor, headers, status, outcome] of cases) {
    t.equal(await post(port, '/', visitors[visitor], headers), status)
    t.match(records.splice(0), [{ outcome, verdict: visitor }])
    t.match(requests.splice(0), [{ method: 'POST', headers: { 'x-forwarded-for': visitors[visitor] } }])
  }
  t.match(engine.stats().outcomes, { allowed: 1, flagged: 1, blocked: 1, challenged: 1, satisfied: 1, not_enforced: 0 })
})

t.test('node:http: a step-up for which enforce is never called is published when the response closes', async t => {
  const { records, port } = await startNode(t, async (engine, request, response) => {
    await engine.assess(request, 'signup', response)
    t.same(records, [])
    if (request.url === '/leave') return
    response.end()
  })
  t.equal(await post(port, '/', visitors.vpn_likely), 200)
  await until(() => records.length > 0)
  t.match(records.splice(0), [{ outcome: 'not_enforced', decision: 'step_up_auth', wouldBe: 'step_up_auth' }])
  const socket = connect(port, '127.0.0.1')
  socket.write(`POST /leave HTTP/1.1\r\nhost: x\r\nx-forwarded-for: ${visitors.vpn_likely}\r\ncontent-length: 0\r\n\r\n`)
  await new Promise(resolve => setTimeout(resolve, 50))
  socket.destroy()
  await until(() => records.length > 0)
  t.match(records.splice(0), [{ outcome: 'client_gone' }])
})

t.test('node:http: without the response the end of the connection publishes; it holds a hundred at most', async t => {
  const { engine, records, port } = await startNode(t, async (engine, request, response) => {
    const risk = await engine.assess(request, 'signup')
    if (request.url === '/asked') await engine.enforce(request, risk)
    response.end()
  })
  const socket = connect(port, '127.0.0.1').resume()
  const headers = `host: x\r\nx-forwarded-for: ${visitors.vpn_likely}\r\ncontent-length: 0`
  const send = (path: string): unknown => socket.write(`POST ${path} HTTP/1.1\r\n${headers}\r\n\r\n`)
  for (const path of ['/', '/asked', '/']) send(path)
  await until(() => records.length === 1)
  t.match(records.splice(0), [{ outcome: 'challenged' }])
  for (let i = 0; i < 150; i++) send('/')
  await until(() => records.length >= 52)
  t.equal(records.length, 52)
  socket.destroy()
  await until(() => records.length === 152)
  t.match(engine.stats().outcomes, { not_enforced: 152, challenged: 1 })
})

t.test('HTTP/2 without the response: the stream settles it', async t => {
  const records: DecisionRecord[] = []
  const engine = createIpRisk({
    provider: visitorProvider(),
    log,
    clientIp: { trusted: ['loopback'] },
    stepUp: { isSatisfied: () => false },
    onDecision: record => { records.push(record) }
  })
  const server = createHttp2Server((request, response) => { engine.assess(request, 'signup').then(() => response.end()) })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(async () => {
    client.destroy()
    server.close()
    await engine.close()
  })
  client.request({ ':method': 'POST', 'x-forwarded-for': visitors.vpn_likely }).resume().end()
  await until(() => records.length > 0)
  t.match(records, [{ outcome: 'not_enforced', decision: 'step_up_auth' }])
  t.notOk(client.closed)
})

t.test('a client that has left before it was judged has one record too, except where monitor mode lets it pass', async t => {
  const { engine, records } = await startNode(t, async () => {})
  const request = { method: 'POST', headers: {}, socket: { localAddress: '127.0.0.1' } } // as after a reset
  const risk = await engine.assess(request, 'signup')
  t.match(await engine.enforce(request, risk), { statusCode: 499 })
  t.match(records.splice(0), [{ outcome: 'client_gone', verdict: 'unknown', address: null }])
  t.equal(await engine.enforce(request, await engine.assess(request, { action: 'signup', mode: 'monitor' })), null)
  t.match(records, [{ outcome: 'flagged', reason: 'no_ip' }])
  t.match(engine.stats().outcomes, { client_gone: 1, flagged: 1 })
})

t.test('a request that cannot close is settled by enforce alone', async t => {
  const { engine, records } = await startNode(t, async () => {})
  const request = { method: 'POST', headers: {}, socket: { remoteAddress: '127.0.0.1' } }
  const risk = await engine.assess({ ...request, headers: { 'x-forwarded-for': visitors.vpn_likely } }, 'signup')
  t.same(records, [])
  t.match(await engine.enforce(request as never, risk), { statusCode: 401 })
  t.match(records, [{ outcome: 'challenged' }])
  const looked = await engine.lookup(visitors.vpn_detected)
  t.equal(await engine.enforce({ ...request }, looked), null, 'nobody judged this request')
})
