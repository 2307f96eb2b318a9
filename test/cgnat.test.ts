import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk, { fallback, getipintel, iplogs, lists } from '../lib/index.ts'
import type { Provider } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'

const customer = '100.64.7.7'
const rules = [{ category: 'cgnat', then: 'elevate_risk' }] as const

async function open (options: FastifyIpRiskOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(ipRisk, options)
  app.post('/signup', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  return app
}

t.test('a client behind the carrier\'s NAT carries the category with every built-in provider, and a rule can name it', async t => {
  const contact = 'ops@example.org'
  const baseUrl = 'http://127.0.0.1:9'
  const remote = [iplogs({ baseUrl }), getipintel({ contact, baseUrl })]
  const offline = lists({ sources: [], asn: false })
  const providers: Provider[] = [offline, ...remote, fallback(iplogs({ baseUrl }), getipintel({ contact, baseUrl }))]
  for (const provider of providers) {
    const app = await open({ provider, policy: { write: { unknown: 'block' }, rules } })
    const reply = await app.inject({ method: 'POST', url: '/signup', remoteAddress: customer })
    t.match(reply.json(), { ip: customer, verdict: 'unknown', reason: 'not_public', categories: ['cgnat'], decision: 'elevate_risk' }, provider.name)
    t.match(await app.ipRisk.lookup(customer), { categories: ['cgnat'] })
    t.match((await app.inject({ method: 'POST', url: '/signup', remoteAddress: '10.0.0.7' })).statusCode, 403, 'a private address is none')
    await app.close()
  }
})

t.test('a proxy of the operator\'s own in that space is no customer', async t => {
  const app = await open({ provider: lists({ sources: [], asn: false }), clientIp: { trusted: ['cgnat'] }, policy: { write: { unknown: 'block' }, rules } })
  t.equal((await app.inject({ method: 'POST', url: '/signup', remoteAddress: customer })).statusCode, 403)
  await app.close()
})
