import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import express from 'express'
import Fastify from 'fastify'
import t from 'tap'
import expressIpRisk from '../lib/frameworks/express.ts'
import ipRisk, { createIpRisk, failClosed } from '../lib/index.ts'
import type { DecisionRecord, IpRisk, PolicyRule } from '../types/contract.ts'
import { pinoLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

const stranger = (effect: Pick<PolicyRule, 'then' | 'atLeast'>) => ({ rules: [{ familiarity: 'first' as const, ...effect }] })

t.test('Express shows the second risk to isSatisfied, to the record and to the handler', async t => {
  const seen: (string | undefined)[] = []
  const risk = expressIpRisk({
    provider: visitorProvider(),
    policy: stranger({ atLeast: 'step_up_auth' }),
    stepUp: { isSatisfied: request => { seen.push(request.ipRisk?.decision); return true } },
    familiarity: { account: () => 'ada' },
    onDecision: (record, request) => { seen.push(record.decision, request.ipRisk?.decision) }
  })
  const app = express()
  app.post('/', risk.route('payment'), (request, response) => {
    seen.push(request.ipRisk?.decision)
    request.ipRisk = { verdict: 'clean' } as IpRisk
    seen.push(request.ipRisk.decision)
    response.end()
  })
  const server = app.listen(0, '127.0.0.1')
  t.teardown(async () => { server.close(); await risk.close() })
  await once(server, 'listening')
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { method: 'POST' })
  t.same(seen, ['step_up_auth', 'step_up_auth', 'step_up_auth', 'step_up_auth', undefined], 'and keeps what the handler writes')
})

t.test('createIpRisk gives the second risk by risk()', async t => {
  const engine = createIpRisk({
    provider: visitorProvider(),
    policy: stranger({ atLeast: 'elevate_risk' }),
    stepUp: { isSatisfied: () => true },
    familiarity: { account: () => 'ada' }
  })
  t.teardown(() => engine.close())
  const request = { method: 'POST', headers: {}, socket: { remoteAddress: visitors.clean } }
  t.equal(engine.risk(request), null)
  const first = await engine.assess(request, 'payment')
  t.equal(engine.risk(request), first)
  t.equal(await engine.enforce(request, first), null)
  t.match(engine.risk(request), { decision: 'elevate_risk', familiarity: 'first' })
})

t.test('who hangs up while the account is asked for is in the record of monitor mode as the handler met them', async t => {
  const records: DecisionRecord[] = []
  const app = Fastify({ logger: { level: 'silent' } })
  t.teardown(() => app.close())
  let ask = (): void => {}
  const asked = new Promise<void>(resolve => { ask = resolve })
  let answer = (): void => {}
  const account = new Promise<string>(resolve => { answer = () => resolve('ada') })
  await app.register(ipRisk, {
    provider: visitorProvider(),
    mode: 'monitor',
    policy: stranger({ then: 'block' }),
    stepUp: { isSatisfied: () => true },
    familiarity: { account: () => { ask(); return account } },
    onDecision: record => { records.push(record) }
  })
  let handled = (_: IpRisk | null): void => {}
  const risk = new Promise<IpRisk | null>(resolve => { handled = resolve })
  app.post('/', { config: { ipRisk: 'payment' } }, async request => { handled(request.ipRisk) })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const closed = new Promise(resolve => { app.server.once('connection', socket => socket.once('close', resolve)) })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
  await asked
  socket.resetAndDestroy()
  await closed
  answer()
  t.match(await risk, { decision: 'block', familiarity: 'first' })
  t.match(records, [{ decision: 'block', familiarity: 'first', outcome: 'not_enforced', wouldBe: 'block' }])
})

t.test('a client that is gone before an enforced share is drawn has the record of one that is gone', async t => {
  const records: DecisionRecord[] = []
  const engine = createIpRisk({
    provider: visitorProvider(),
    mode: { enforceShare: 0 },
    cache: { keySecret: 'secret-of-at-least-32-characters!' },
    onDecision: record => { records.push(record) }
  })
  t.teardown(() => engine.close())
  const request = { method: 'POST', headers: {}, socket: { destroyed: true } }
  t.match(await engine.assess(request, 'payment'), { decision: 'block', reason: 'no_ip' })
  t.match(records, [{ decision: 'block', outcome: 'client_gone', mode: 'enforce' }])
})

t.test('a route whose option contradicts an update() stays as strict as it was, and the log says so', async t => {
  const { lines, logger } = pinoLog()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, {
    provider: { name: 'silent', lookup: async () => ({ verdict: 'unknown', reason: 'unavailable' }) },
    stepUp: { isSatisfied: () => false },
    policy: { allowBlockingReads: true }
  })
  const config = { ipRisk: { action: 'withdrawal' as const, policy: { ...failClosed, read: { vpn_detected: 'block' as const } } } }
  app.post('/asked', { config }, async () => 'paid')
  app.post('/unasked', { config }, async () => 'paid')
  const status = async (url: string) => (await app.inject({ method: 'POST', url })).statusCode
  t.equal(await status('/asked'), 401)
  app.ipRisk.update({ policy: { allowBlockingReads: false } })
  t.equal(await status('/asked'), 401)
  t.equal(await status('/unasked'), 401, 'also where nobody had come before')
  t.match(lines.filter(({ code }) => code === 'IP_RISK_ROUTE_OPTION_WRONG').at(-1)?.msg, /contradicts the last update\(\)/)
})
