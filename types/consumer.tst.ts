/**
 * What an application may write, and what must not compile. Compiled here, and from the packed package under several
 * TypeScripts.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import express from 'express'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import ipRisk, {
  consensus, createIpRisk, decide, defaultPolicy, failClosed, fallback, fastifyIpRisk, getipintel, iplogs, lists
} from 'fastify-ip-risk'
import type {
  DecidedBy, Decision, DecisionRecord, FastifyIpRiskOptions, IpRisk, IpRiskRejection, LookupRecord, OnDecision,
  Outcome, Policy, RouteIpRisk, Stats, UnknownReason, VerdictName
} from 'fastify-ip-risk'
import expressIpRisk from 'fastify-ip-risk/express'
import { escalate, httpProvider, shadow } from 'fastify-ip-risk'
import type { CompositeProvider, Provider, ProviderAnswer } from 'fastify-ip-risk'
import { abuseipdb, ipinfo, ipqualityscore, maxmindInsights, proxycheck } from 'fastify-ip-risk/providers'
import { fakeProvider } from 'fastify-ip-risk/testing'

declare module 'fastify-ip-risk' {
  interface IpRiskActions { wire: 'write', statement: 'read' }
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

const app = Fastify()
await app.register(ipRisk, {
  provider: iplogs(),
  redis: process.env['REDIS_URL'],
  actions: { write: ['wire'], read: ['statement'] },
  policy: {
    write: { suspicious: 'allow', unknown: { default: 'allow', timeout: 'step_up_auth' } },
    rules: [{ category: 'tor', then: 'block' }, { category: 'relay', atMost: 'allow' }]
  },
  stepUp: { isSatisfied: request => request.headers['x-code'] === '1', acrValues: ['mfa'], maxAgeSeconds: 300 },
  recordAddress: 'none',
  onDecision (record, request) {
    same<typeof record, DecisionRecord>(true)
    same<typeof request, FastifyRequest>(true)
    same<typeof record.outcome, Outcome>(true)
    same<typeof record.decidedBy, DecidedBy>(true)
    // @ts-expect-error -- what came of a request is in `outcome`
    same<typeof record.enforced, boolean>(true)
    // @ts-expect-error -- a record carries no plain address
    return record.ip
  }
})
await app.register(fastifyIpRisk, { provider: lists(), policy: defaultPolicy, mode: 'monitor' })
app.register(import('fastify-ip-risk'), { provider: fakeProvider({ '203.0.113.9': 'vpn_detected' }) })

// Typed in hooks, handlers and plugins.
app.addHook('onRequest', async request => { same<typeof request.ipRisk, IpRisk | null>(true) })
app.addHook('preHandler', (request, _reply, done) => done(request.ipRisk?.decision === 'block'
  ? new Error(request.ipRisk.verdict)
  : undefined))
app.post<{ Body: { name: string } }>('/signup', { config: { ipRisk: 'signup' } }, async request => {
  same<typeof request.body, { name: string }>(true)
  same<NonNullable<typeof request.ipRisk>['verdict'], VerdictName | 'unknown'>(true)
  same<NonNullable<typeof request.ipRisk>['reason'], UnknownReason | undefined>(true)
  // @ts-expect-error -- it may be null, on routes with ipRisk false
  return request.ipRisk.decision
})
app.register(async (child: FastifyInstance) => {
  child.get('/', { config: { ipRisk: false } }, async (request: FastifyRequest) => request.ipRisk?.info.countryCode)
  same<Awaited<ReturnType<typeof child.ipRisk.lookup>>, IpRisk>(true)
  same<ReturnType<typeof child.ipRisk.decide>, Decision>(true)
})

// Routes: declared actions only.
const handler = async (): Promise<string> => 'ok'
app.post('/a', { config: { ipRisk: 'wire' } }, handler)
app.get('/b', {
  config: { ipRisk: { action: 'statement', lookup: 'background', timeoutMs: 50, mode: 'monitor' } }
}, handler)
app.post('/c', {
  config: {
    ipRisk: {
      policy: (risk, route) => risk.isVpn && route.write
        ? 'step_up_auth'
        : 'allow'
    }
  }
}, handler)
app.post('/closed', { config: { ipRisk: { action: 'withdrawal', policy: failClosed } } }, handler)
app.post('/closed-and-more', {
  config: { ipRisk: { policy: { write: { ...failClosed.write, suspicious: 'step_up_auth' } } } }
}, handler)
// @ts-expect-error -- an undeclared action
app.post('/d', { config: { ipRisk: 'transfer' } }, handler)
// @ts-expect-error -- an undeclared action, written out
app.post('/e', { config: { ipRisk: { action: 'transfer' } } }, handler)
// @ts-expect-error -- a typo in the name of an option
app.post('/typo', { config: { ipRisk: { acton: 'signup' } } }, handler)
// @ts-expect-error -- a typo beside a right name
app.post('/typo', { config: { ipRisk: { action: 'signup', lokup: 'cache' } } }, handler)
// @ts-expect-error -- a typo at the end of a name
app.post('/typo', { config: { ipRisk: { action: 'signup', timeoutMS: 500 } } }, handler)
// @ts-expect-error -- a name that ends too early
app.post('/typo', { config: { ipRisk: { action: 'signup', mod: 'monitor' } } }, handler)
// @ts-expect-error -- no such way of looking up
app.post('/f', { config: { ipRisk: { lookup: 'now' } } }, handler)
// @ts-expect-error -- a wrong decision
app.post('/g', { config: { ipRisk: { policy: { write: { clean: 'deny' } } } } }, handler)
// @ts-expect-error -- an unknown cell; written in the call it is Fastify's inference that takes it, and boot that
// refuses it
app.post('/h', { config: { ipRisk: { policy: { write: { vpn: 'block' } } } satisfies RouteIpRisk } }, handler)

// Policies: known cells and decisions only.
const policies: Policy[] = [
  { write: { clean: 'block' }, allowBlockingReads: true, read: { vpn_detected: 'block' } },
  // @ts-expect-error -- an unknown cell
  { write: { vpn: 'block' } },
  // @ts-expect-error -- a wrong decision
  { write: { clean: 'deny' } },
  // @ts-expect-error -- an unknown row
  { writes: {} },
  // @ts-expect-error -- reasons need a default beside them
  { write: { unknown: { timeout: 'block' } } },
  // @ts-expect-error -- an unknown reason
  { write: { unknown: { default: 'allow', slow: 'block' } } },
  // @ts-expect-error -- an unknown category
  { rules: [{ category: 'isp', then: 'block' }] },
  // @ts-expect-error -- a function that gives no decision
  () => 'deny',
  // @ts-expect-error -- a function that gives it later
  async () => 'allow'
]
const options: FastifyIpRiskOptions[] = [
  // Options may come from the environment and be undefined, under exactOptionalPropertyTypes too.
  {
    clientIp: {
      trusted: undefined, hops: undefined, cloudflare: { ranges: undefined }
    },
    cache: { ttlSeconds: undefined },
    actions: { write: undefined, read: undefined },
    policy: {
      write: { clean: undefined, unknown: { default: 'allow', timeout: undefined } },
      rules: [{ category: 'tor', action: undefined, atMost: undefined, then: 'block' }]
    },
    provider: consensus([
      iplogs({ baseUrl: undefined, limits: { perDay: undefined }, retries: undefined }),
      getipintel({ contact: 'ops@example.com', flags: undefined, thresholds: { suspicious: undefined } }),
      proxycheck({ key: undefined, baseUrl: undefined, limits: undefined, days: undefined }),
      lists({ sources: undefined, covers: undefined }),
      { name: 'mine', lookup: async () => ({ verdict: 'unknown', reason: 'no_data' }), limits: undefined }
    ], { quorum: undefined })
  },
  { policy: { write: { unknown: undefined } }, provider: fallback(lists(), { attemptTimeoutMs: undefined }) },
  // @ts-expect-error -- an unknown option
  { providers: [] },
  // @ts-expect-error -- an undeclared action
  { actions: { write: ['transfer'] } },
  // @ts-expect-error -- declared as a read
  { actions: { write: ['statement'] } },
  // @ts-expect-error -- no isSatisfied
  { stepUp: { scheme: 'Bearer' } }
]

// Without Fastify.
const engine = createIpRisk({
  stepUp: { isSatisfied: request => request.headers.authorization !== undefined },
  onDecision: (record, request) => {
    same<typeof request,
  IncomingMessage>(true); return record.outcome === 'satisfied'
  }
})
const risk = await engine.assess({ method: 'POST', headers: {}, socket: {} }, { action: 'wire' })
same<typeof risk, IpRisk>(true)
same<Awaited<ReturnType<typeof engine.enforce>>, IpRiskRejection | null>(true)
createServer(async (request, response) => { await engine.assess(request, true, response) })
createHttp2Server(async (request, response) => { await engine.assess(request, true, response) })
same<Stats['outcomes'][Outcome], number>(true)
// @ts-expect-error -- there is nothing to assess on a route that is switched off
await engine.assess({ headers: {}, socket: {} }, false)
same<ReturnType<typeof decide>, Decision>(true)
// @ts-expect-error -- a verdict is read only
risk.decision = 'allow'

const shop = express()
const middleware = expressIpRisk({
  provider: lists(),
  stepUp: {
    isSatisfied: req =>
      req.get('x-code') === '1'
  },
  onDecision: (_record, req) =>
    req.get('x-user')
})
export const audit: OnDecision = (record, request) => [request.id, record.outcome]
shop.use(middleware)
shop.post('/signup', middleware.route('signup'), (req, res) => {
  same<typeof req.ipRisk, IpRisk | undefined>(true)
  res.json(req.ipRisk?.decision)
})
// @ts-expect-error -- an undeclared action
middleware.route('transfer')

// Vendors: a missing key does not compile, and neither does one that may be undefined.
escalate(lists(), ipqualityscore({ key: () => 'current' }), { writesOnly: true, when: { scoreBetween: [0.3, 0.7] } })
shadow(lists(), proxycheck(), { share: 0.1 })
// @ts-expect-error -- a key is needed
ipqualityscore({})
// @ts-expect-error -- a key is needed
abuseipdb()
// @ts-expect-error -- the environment may not have it
ipqualityscore({ key: process.env['IPQS_KEY'] })
// @ts-expect-error -- both halves of the account are needed
maxmindInsights({ accountId: 42 })
// @ts-expect-error -- not a product
ipinfo({ token: 'x', product: 'best' })
// @ts-expect-error -- escalation is not by action
escalate(lists(), iplogs(), { when: { actions: ['signup'] } })
httpProvider<{ risk: number }>({
  name: 'own',
  baseUrl: 'https://example.com',
  secret: async () => 'current',
  request: (ip, secret) => ({ path: '/', form: { ip }, headers: { key: secret } }),
  read: (body, _ip, { status, isOld }) => status === 404 || isOld(body.risk)
    ? { verdict: 'unknown', reason: 'no_data' }
    : null
})
const own: Provider = {
  name: 'own',
  // @ts-expect-error -- only a composite asks members
  lookup: (ip, context): ProviderAnswer | Promise<ProviderAnswer> => context.ask(lists(), ip)
}
export const first = (a: Provider): CompositeProvider =>
  ({ name: 'first', members: [a, own], lookup: (ip, context) => context.ask(a, ip) })

export type { LookupRecord }
export { options, policies }
