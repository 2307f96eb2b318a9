import { connect, type AddressInfo } from 'node:net'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { DecisionRecord, Outcome } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { heldProvider } from './support/engine.ts'
import { until } from './support/until.ts'
import { pinoLog } from './support/log.ts'
import { answer, tableProvider, visitorProvider, visitors } from './support/table-provider.ts'

interface Line { level: number, msg: string, code?: string, ipRisk?: DecisionRecord }
interface Started { app: FastifyInstance, lines: Line[], records: DecisionRecord[], requests: FastifyRequest[] }

async function start (t: Test, options: FastifyIpRiskOptions, level = 'debug'): Promise<Started> {
  const [records, requests]: [DecisionRecord[], FastifyRequest[]] = [[], []]
  const { lines, logger } = pinoLog<Line>(level)
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  const onDecision = (record: DecisionRecord, request: FastifyRequest): void => {
    records.push(record)
    requests.push(request)
  }
  await app.register(ipRisk, { provider: visitorProvider(), onDecision, ...options })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => 'ok')
  app.post('/watched', { config: { ipRisk: { action: 'payment', mode: 'monitor' } } }, async () => 'ok')
  app.post('/plain', async () => 'ok')
  return { app, lines, records, requests }
}
const post = async (app: FastifyInstance, url: string, remoteAddress: string, headers = {}): Promise<number> =>
  (await app.inject({ method: 'POST', url, remoteAddress, headers })).statusCode
const decisionsOf = (lines: Line[]): Line[] => lines.filter(({ ipRisk }) => ipRisk !== undefined)

t.test('every request has one record, which says what came of it, and is counted by it', async t => {
  const stepUp = { isSatisfied: ({ headers }: FastifyRequest) => headers['x-code'] === '1' }
  const code = { 'x-code': '1' }
  type Case = [FastifyIpRiskOptions, url: string, keyof typeof visitors, headers: object, status: number, Outcome, level: number]
  const cases: Case[] = [
    [{ stepUp }, '/signup', 'clean', {}, 200, 'allowed', 20],
    [{ stepUp }, '/signup', 'unknown', {}, 200, 'allowed', 20],
    [{ stepUp }, '/signup', 'suspicious', {}, 200, 'flagged', 20],
    [{ stepUp }, '/signup', 'vpn_likely', {}, 401, 'challenged', 30],
    [{ stepUp }, '/signup', 'vpn_likely', code, 200, 'satisfied', 30],
    [{ stepUp }, '/signup', 'vpn_detected', code, 403, 'blocked', 30],
    [{}, '/signup', 'vpn_likely', {}, 200, 'not_enforced', 20],
    [{ stepUp }, '/watched', 'vpn_likely', {}, 200, 'not_enforced', 30],
    [{ stepUp }, '/watched', 'vpn_detected', {}, 200, 'not_enforced', 30],
    [{ stepUp }, '/watched', 'suspicious', {}, 200, 'flagged', 20],
    [{}, '/watched', 'vpn_likely', {}, 200, 'not_enforced', 20],
    [{ mode: 'monitor' }, '/signup', 'vpn_detected', {}, 200, 'not_enforced', 30],
    [{ mode: 'monitor', unmarked: 'wait' }, '/plain', 'vpn_detected', {}, 200, 'not_enforced', 20],
    [{ unmarked: 'wait' }, '/plain', 'suspicious', {}, 200, 'flagged', 20]
  ]
  for (const [options, url, visitor, headers, status, outcome, level] of cases) {
    const { app, records, lines } = await start(t, options)
    const name = `${url} ${visitor}: ${outcome}`
    t.equal(await post(app, url, visitors[visitor], headers), status, name)
    await app.close() // nothing comes later
    t.match(records, [{ outcome, verdict: visitor }], name)
    t.equal(records.length, 1)
    t.match(decisionsOf(lines), [{ level, ipRisk: { outcome }, msg: new RegExp(`outcome ${outcome}$`) }], name)
    t.equal(decisionsOf(lines).length, 1)
    const { outcomes, decisions } = app.ipRisk.stats()
    t.equal(outcomes[outcome], 1)
    for (const counts of [outcomes, decisions]) t.same(Object.values(counts).filter(count => count > 0), [1], 'counted once')
  }
})

t.test('stats count outcomes although nobody listens', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), stepUp: { isSatisfied: () => false } })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => 'ok')
  for (const visitor of Object.values(visitors)) await post(app, '/signup', visitor)
  t.same(app.ipRisk.stats().outcomes, {
    allowed: 2,
    flagged: 1,
    challenged: 1,
    satisfied: 0,
    blocked: 1,
    not_enforced: 0,
    not_reached: 0,
    client_gone: 0
  })
})

t.test('a step-up that another hook forestalls is not reached', async t => {
  const asked: unknown[] = []
  const { app, records, lines } = await start(t, { stepUp: { isSatisfied: request => asked.push(request) > 0 } })
  const ends: Record<string, (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>> = {
    throws: async () => { throw Object.assign(new Error('who are you?'), { statusCode: 401 }) },
    answers: async (_request, reply) => await reply.code(401).send('who are you?'),
    hijacks: async (_request, reply) => { reply.hijack().raw.writeHead(401).end() }
  }
  for (const [name, preValidation] of Object.entries(ends)) {
    app.post(`/${name}`, { config: { ipRisk: 'payment' }, preValidation }, async () => 'ok')
  }
  for (const name of Object.keys(ends)) {
    t.equal(await post(app, `/${name}`, visitors.vpn_likely), 401, name)
    await until(() => records.length > 0)
    t.match(records.splice(0), [{ outcome: 'not_reached', decision: 'step_up_auth', route: `/${name}` }])
    t.match(decisionsOf(lines.splice(0)), [{ level: 20 }], 'the visitor met the other hook')
  }
  t.same(asked, [])
  t.equal(app.ipRisk.stats().outcomes.not_reached, 3)
})

t.test('a visitor who leaves before a step-up is answered is gone', async t => {
  let answerStepUp: (isSatisfied: boolean) => void = () => {}
  const isSatisfied = (): Promise<boolean> => new Promise(resolve => { answerStepUp = resolve })
  const { app, records } = await start(t, { stepUp: { isSatisfied }, clientIp: { trusted: ['loopback'] } })
  let reached = 0
  const preValidation = async ({ headers }: FastifyRequest): Promise<void> => {
    reached++
    if (headers['x-slow'] !== undefined) await new Promise<void>(resolve => { answerStepUp = () => resolve() })
  }
  app.post('/slow', { config: { ipRisk: 'payment' }, preValidation }, async () => 'ok')
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const header of ['x-slow: 1', 'x-other: 1']) {
    const seen = reached
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    const headers = `host: x\r\nx-forwarded-for: ${visitors.vpn_likely}\r\n${header}\r\ncontent-length: 0`
    socket.write(`POST /slow HTTP/1.1\r\n${headers}\r\n\r\n`)
    await until(() => reached > seen)
    await new Promise(resolve => setImmediate(resolve))
    t.same(records, [], 'not known yet')
    socket.destroy()
    await until(() => records.length > 0)
    answerStepUp(true)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.match(records.splice(0), [{ outcome: 'client_gone', decision: 'step_up_auth' }], header)
    t.equal(records.length, 0)
  }
})

t.test('a visitor who leaves during the lookup is gone', async t => {
  const provider = heldProvider(() => answer('clean'))
  const { app, records, lines } = await start(t, { provider, clientIp: { trusted: ['loopback'] } })
  let closed = false
  app.server.on('connection', socket => socket.on('close', () => { closed = true }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`POST /signup HTTP/1.1\r\nhost: x\r\nx-forwarded-for: ${visitors.clean}\r\ncontent-length: 0\r\n\r\n`)
  await until(() => provider.calls.length === 1)
  socket.destroy()
  await until(() => closed)
  provider.release()
  await until(() => records.length > 0)
  t.match(records, [{ outcome: 'client_gone', verdict: 'unknown', address: null }])
  t.match(decisionsOf(lines), [{ level: 20, ipRisk: { outcome: 'client_gone' } }])
  t.match(app.ipRisk.stats().outcomes, { client_gone: 1, allowed: 0 })
})

t.test('the time of a record is that of the decision, not that of the step-up', async t => {
  const isSatisfied = (): Promise<boolean> => new Promise(resolve => setTimeout(resolve, 300, true))
  const { app, records } = await start(t, { stepUp: { isSatisfied } })
  const before = Date.now()
  t.equal(await post(app, '/signup', visitors.vpn_likely), 200)
  const { at, durationMs } = records[0]!
  t.ok(Date.now() - Date.parse(at) >= 250, 'made before the visitor was asked')
  t.ok(Date.parse(at) >= before)
  t.ok(durationMs < Date.now() - before - 250)
})

t.test('an application that replaces request.ipRisk does not lift a step-up', async t => {
  const { app, records } = await start(t, { stepUp: { isSatisfied: () => false } })
  app.addHook('onRequest', async request => { request.ipRisk = { ...request.ipRisk!, decision: 'allow' } })
  app.post('/replaced', { config: { ipRisk: 'signup' } }, async () => 'ok')
  t.equal(await post(app, '/replaced', visitors.vpn_likely), 401)
  t.match(records, [{ outcome: 'challenged' }])
})

t.test('request.ipRisk says what was decided and by whom, and nothing of what is not known yet', async t => {
  const { app, records } = await start(t, {
    allow: ['198.51.100.1'],
    deny: ['198.51.100.2'],
    mode: 'monitor',
    policy: { rules: [{ category: 'tor', then: 'block' }] },
    provider: tableProvider({ '203.0.113.9': answer('clean', { categories: ['tor'] }), '203.0.113.8': 'clean' })
  })
  app.post('/shown', { config: { ipRisk: true } }, async request => request.ipRisk)
  app.post('/function', { config: { ipRisk: { policy: () => 'elevate_risk' } } }, async request => request.ipRisk)
  await app.ipRisk.allow('198.51.100.3', { ttlSeconds: 60 })
  const cases: [url: string, ip: string, expected: object][] = [
    ['/shown', '198.51.100.1', { decision: 'allow', decidedBy: 'allow_list', provider: 'none', reason: 'listed' }],
    ['/shown', '198.51.100.2', { decision: 'block', decidedBy: 'deny_list', provider: 'none', reason: 'listed' }],
    ['/shown', '198.51.100.3', { decision: 'allow', decidedBy: 'temporary_allow', provider: 'none', reason: 'listed' }],
    ['/shown', '203.0.113.8', { decision: 'allow', decidedBy: 'policy', provider: 'table' }],
    ['/shown', '203.0.113.9', { decision: 'block', decidedBy: 'rule', provider: 'table' }],
    ['/function', '203.0.113.8', { decision: 'elevate_risk', decidedBy: 'function' }]
  ]
  for (const [url, remoteAddress, expected] of cases) {
    const risk = (await app.inject({ method: 'POST', url, remoteAddress })).json()
    t.match(risk, expected)
    t.notOk('enforced' in risk || 'outcome' in risk)
    t.match(records.at(-1), expected, 'and so does the record')
    const again = app.ipRisk.decide(risk, { write: true, action: null })
    t.equal(again, url === '/function' ? 'allow' : risk.decision, 'a list decides again')
  }
})

t.test('onDecision gets the request that its record is about, whenever it is published', async t => {
  const { app, records, requests } = await start(t, { stepUp: { isSatisfied: () => false } })
  const preValidation = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => { await reply.code(401).send() }
  app.post('/closed', { config: { ipRisk: 'signup' }, preValidation }, async () => 'ok')
  for (const [url, visitor] of [['/signup', 'clean'], ['/signup', 'vpn_likely'], ['/closed', 'vpn_likely']] as const) {
    await post(app, url, visitors[visitor], { 'x-user': visitor })
    await until(() => records.length > 0)
    const id = records.pop()!.requestId
    t.match(requests.splice(0), [{ headers: { 'x-user': visitor }, ipRisk: { ip: visitors[visitor] }, id }])
  }
})

t.test('recordAddress is for records and channels, logAddress for log lines', async t => {
  const published: unknown[] = []
  const keep = (message: unknown): void => { published.push(message) }
  const signals = [{ type: 'list', weight: 1, detail: `${visitors.clean} is on a list` }]
  for (const [options, shown, logged] of [
    [{ recordAddress: 'full', logAddress: 'none' }, visitors.clean, null],
    [{ logAddress: 'full' }, '203.0.113.0/24', visitors.clean],
    [{ recordAddress: 'none' }, null, '203.0.113.0/24']
  ] as const) {
    const provider = tableProvider({ [visitors.clean]: answer('clean', { signals }) })
    const { app, records, lines } = await start(t, { ...options, provider })
    for (const name of ['decision', 'lookup']) subscribe(`fastify-ip-risk:${name}`, keep)
    await post(app, '/signup', visitors.clean)
    for (const name of ['decision', 'lookup']) unsubscribe(`fastify-ip-risk:${name}`, keep)
    t.match(records, [{ address: shown, signals: [{ detail: `${shown ?? '[address]'} is on a list` }] }])
    t.match(published.splice(0), [{ address: shown, lookup: 'wait' }, { address: shown, outcome: 'allowed' }])
    const detail = `${logged ?? '[address]'} is on a list`
    t.match(decisionsOf(lines), [{ ipRisk: { address: logged, signals: [{ detail }] } }])
  }
})

t.test('lookups.provider counts calls, not lookups that never reached the provider', async t => {
  const provider = tableProvider({}, { limits: { perMinute: 2 }, reserveForWrites: 0 })
  const { app } = await start(t, { provider, cache: { unknownTtlSeconds: 0 } })
  for (let i = 1; i <= 5; i++) await post(app, '/signup', `203.0.113.${i}`)
  t.equal(provider.calls.length, 2)
  t.match(app.ipRisk.stats(), { lookups: { provider: 2 }, unknown: { no_data: 2, quota_exhausted: 3 } })
})
