import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { Decision, FastifyIpRiskOptions, IpRisk } from '../types/contract.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

type Visitor = keyof typeof visitors
const write: { readonly [V in Visitor]: Decision } = {
  clean: 'allow', suspicious: 'elevate_risk', vpn_likely: 'step_up_auth', vpn_detected: 'block', unknown: 'allow'
}
const read: { readonly [V in Visitor]: Decision } = {
  clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow'
}

async function start (options: FastifyIpRiskOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(ipRisk, { provider: visitorProvider(), stepUp: { isSatisfied: request => request.headers['x-code'] === '123456' }, ...options })
  const show = async (request: { ipRisk: IpRisk | null }): Promise<IpRisk | null> => request.ipRisk
  app.post('/signup', { config: { ipRisk: 'signup' } }, show)
  app.get('/account', { config: { ipRisk: true } }, show)
  app.post('/unmarked', show)
  app.get('/unmarked', show)
  app.get('/off', { config: { ipRisk: false } }, show)
  return app
}

const statusOf: { readonly [D in Decision]: number } = { allow: 200, elevate_risk: 200, step_up_auth: 401, block: 403 }

for (const mode of ['enforce', 'monitor'] as const) {
  t.test(`in ${mode} mode the table's decision is ${mode === 'enforce' ? 'acted upon' : 'told and nothing happens'}`, async t => {
    const app = await start({ mode })
    t.teardown(() => app.close())
    for (const visitor of Object.keys(visitors) as Visitor[]) {
      const remoteAddress = visitors[visitor]
      for (const [method, url, row] of [['POST', '/signup', write], ['GET', '/account', read]] as const) {
        const reply = await app.inject({ method, url, remoteAddress })
        const decision = row[visitor]
        t.equal(reply.statusCode, mode === 'enforce' ? statusOf[decision] : 200, `${visitor} ${method}`)
        if (reply.statusCode !== 200) continue
        t.match(reply.json(), {
          ip: remoteAddress, source: 'remote-address', verdict: visitor, decision, enforced: false, write: method === 'POST', provider: 'table'
        })
      }
    }
  })
}

t.test('an unmarked route tells what is cached and is never enforced', async t => {
  const app = await start()
  t.teardown(() => app.close())
  for (const visitor of Object.keys(visitors) as Visitor[]) {
    const remoteAddress = visitors[visitor]
    const before = await app.inject({ method: 'POST', url: '/unmarked', remoteAddress })
    t.match(before.json(), { verdict: 'unknown', reason: 'not_asked', decision: 'allow', enforced: false, cache: 'none' })
    await app.inject({ method: 'POST', url: '/signup', remoteAddress })
    const after = await app.inject({ method: 'POST', url: '/unmarked', remoteAddress })
    t.equal(after.statusCode, 200)
    t.match(after.json(), { verdict: visitor, decision: write[visitor], enforced: false, action: null, write: true, cache: 'memory' })
    t.match((await app.inject({ url: '/unmarked', remoteAddress })).json(), { verdict: visitor, decision: 'allow', write: false })
  }
})

t.test('a route with ipRisk false has no risk at all', async t => {
  const app = await start()
  t.teardown(() => app.close())
  t.equal((await app.inject({ url: '/off', remoteAddress: visitors.vpn_detected })).body, 'null')
})

t.test('a satisfied step-up lets the request through', async t => {
  const app = await start()
  t.teardown(() => app.close())
  const reply = await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_likely, headers: { 'x-code': '123456' } })
  t.equal(reply.statusCode, 200)
  t.match(reply.json(), { decision: 'step_up_auth', enforced: true })
})

t.test('the refusals carry their codes and the challenge, and nothing about the verdict', async t => {
  const app = await start({ stepUp: { isSatisfied: () => false, acrValues: ['urn:mfa', 'phr'], maxAgeSeconds: 300, realm: 'the "bank"' } })
  t.teardown(() => app.close())
  const blocked = await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_detected })
  t.same(blocked.json(), { statusCode: 403, code: 'FST_IP_RISK_BLOCKED', error: 'Forbidden', message: 'This request was refused' })
  const challenged = await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_likely })
  t.match(challenged.json(), { statusCode: 401, code: 'FST_IP_RISK_STEP_UP' })
  t.equal(challenged.headers['www-authenticate'], 'Bearer realm="the \\"bank\\"", error="insufficient_user_authentication", ' +
    'error_description="A stronger or more recent authentication is required", acr_values="urn:mfa phr", max_age="300"')
  for (const { body } of [blocked, challenged]) t.notMatch(body, /vpn|verdict|score|table|signal/i)
})

t.test('without stepUp the decision is told and nobody is challenged', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider() })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  const reply = await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_likely })
  t.equal(reply.statusCode, 200)
  t.match(reply.json(), { decision: 'step_up_auth', enforced: false })
})
