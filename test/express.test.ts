import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Express, type Request } from 'express'
import t, { type Test } from 'tap'
import { internalsOf } from '../lib/core/index.ts'
import ipRisk, { type ExpressIpRisk, type ExpressIpRiskOptions } from '../lib/frameworks/express.ts'
import type { DecisionRecord } from '../types/contract.ts'
import { memoryLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

type Build = (app: Express, risk: ExpressIpRisk) => void
interface Started { readonly risk: ExpressIpRisk, ask (method: string, path: string, visitor: string): Promise<Response> }

async function start (t: Test, options: ExpressIpRiskOptions, build: Build): Promise<Started> {
  const app = express()
  app.set('env', 'test') // Express prints every error otherwise
  const risk = ipRisk({ provider: visitorProvider(), clientIp: { trusted: ['loopback'] }, ...options })
  build(app, risk)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await Promise.all([risk.close(), new Promise(resolve => server.close(resolve))])
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { risk, ask: (method, path, visitor) => fetch(base + path, { method, headers: { 'x-forwarded-for': visitor } }) }
}

t.test('refusals stand with Express\'s own error handler: status, challenge, and nothing of the verdict', async t => {
  const { ask } = await start(t, { stepUp: { isSatisfied: () => false, acrValues: ['mfa'] } }, (app, risk) => {
    app.set('env', 'production')
    app.post('/', risk.route('signup'), (_req, res) => { res.send('through') })
  })
  const blocked = await ask('POST', '/', visitors.vpn_detected)
  t.equal(blocked.status, 403)
  t.notMatch(await blocked.text(), /vpn|verdict|table|score/i)
  const challenged = await ask('POST', '/', visitors.vpn_likely)
  t.equal(challenged.status, 401)
  t.match(challenged.headers.get('www-authenticate'), /^Bearer error="insufficient_user_authentication".*acr_values="mfa"$/)
  t.equal(await (await ask('POST', '/', visitors.suspicious)).text(), 'through')
})

t.test('a middleware for all annotates as unmarked says, and the route\'s own has the last word', async t => {
  const seen: unknown[] = []
  const look = (req: Request, _res: unknown, next: () => void): void => {
    seen.push([req.ipRisk?.verdict, req.ipRisk?.action])
    next()
  }
  const { ask } = await start(t, { unmarked: 'wait' }, (app, risk) => {
    app.use(look, risk, look)
    app.post('/', risk.route(), look, (_req, res) => { res.end() })
  })
  t.equal((await ask('POST', '/', visitors.vpn_likely)).status, 200, 'no stepUp: told only')
  t.same(seen, [[undefined, undefined], ['vpn_likely', null], ['vpn_likely', null]])
  t.equal((await ask('GET', '/nowhere', visitors.vpn_detected)).status, 404)
})

t.test('records carry the route\'s pattern, the request\'s id, and go to the request\'s own log', async t => {
  const records: DecisionRecord[] = []
  const log = memoryLog()
  const onDecision = (record: DecisionRecord): void => { records.push(record) }
  const { ask } = await start(t, { onDecision, log: memoryLog() }, (app, risk) => {
    app.use((req, _res, next) => {
      Object.assign(req, { id: 'request 7', log })
      next()
    })
    app.use('/shop', express.Router().post('/buy/:what', risk.route('payment'), (_req, res) => { res.end() }))
    app.use(risk)
  })
  t.equal((await ask('POST', '/shop/buy/me@example.org', visitors.vpn_detected)).status, 403)
  await ask('GET', '/nowhere', visitors.clean)
  t.match(records, [
    { route: '/buy/:what', requestId: 'request 7', action: 'payment', address: '203.0.113.0/24' },
    { route: undefined, method: 'GET' }
  ])
  t.match(log.lines, [{ level: 'info', fields: { ipRisk: { decision: 'block', requestId: 'request 7' } } }])
})

t.test('a policy, a mode and a wrong option belong to the route', async t => {
  const log = memoryLog()
  const { ask, risk } = await start(t, { log }, (app, risk) => {
    app.post('/strict', risk.route({ policy: { write: { clean: 'block' } } }), (_req, res) => { res.end() })
    app.post('/watched', risk.route({ mode: 'monitor' }), (req, res) => { res.json(req.ipRisk) })
  })
  t.equal((await ask('POST', '/strict', visitors.clean)).status, 403)
  t.match(await (await ask('POST', '/watched', visitors.vpn_detected)).json(), { decision: 'block' })
  t.throws(() => risk.route('pay' as 'signup'), { code: 'FST_IP_RISK_BAD_OPTION', message: /"route" names the action "pay"/ })
  t.throws(() => risk.route(false as true), { code: 'FST_IP_RISK_BAD_OPTION', message: /"route" is false/ })
  t.throws(() => ipRisk({ mode: 'off' as 'monitor' }), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.match(log.lines.filter(({ level }) => level === 'warn'), [{ message: /give the option "stepUp"/ }], 'logged once')
})

t.test('the application may ask for itself', async t => {
  const { risk } = await start(t, {}, () => {})
  t.match(await risk.lookup(visitors.vpn_detected), { verdict: 'vpn_detected', decision: 'block' })
  await risk.allow(visitors.vpn_detected, { ttlSeconds: 60 })
  t.match(await risk.lookup(visitors.vpn_detected), { reason: 'listed', decision: 'allow' })
  t.ok(internalsOf(risk)?.engine, 'telemetry finds the engine behind the middleware')
})
