import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { pinoLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'

interface Line { readonly level: number, readonly msg: string, readonly code?: string, readonly routes?: readonly string[] }

interface Created { readonly app: FastifyInstance, readonly lines: Line[] }

function bare (t: Test): Created {
  const { lines, logger } = pinoLog<Line>()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  return { app, lines }
}

/** `other` is the onRoute hook of a plugin that comes behind ours. */
async function create (t: Test, options: FastifyIpRiskOptions, other?: (route: RouteOptions) => void): Promise<Created> {
  const { app, lines } = bare(t)
  await app.register(ipRisk, { provider: visitorProvider(), ...options })
  if (other !== undefined) app.addHook('onRoute', other)
  return { app, lines }
}

const stepUp = (asked: unknown[]): FastifyIpRiskOptions => ({
  stepUp: {
    isSatisfied (request) {
      asked.push((request as { user?: unknown }).user)
      return request.headers['x-mfa'] === 'yes'
    }
  }
})
const post = async (app: FastifyInstance, url: string, headers = {}): Promise<number> =>
  (await app.inject({ method: 'POST', url, remoteAddress: visitors.vpn_likely, headers })).statusCode

t.test('a step-up is enforced though another plugin replaces preHandler, and one warning names the routes', async t => {
  const asked: unknown[] = []
  let handled = 0
  const { app, lines } = await create(t, stepUp(asked), route => { route.preHandler = async () => {} })
  const handler = async (): Promise<string> => { handled++; return 'ok' }
  app.post('/pay', { config: { ipRisk: 'payment' } }, handler)
  app.post('/lost', { config: { ipRisk: 'payment' } }, (_request, reply) => { reply.callNotFound() })
  await app.register(async child => {
    await child.register(ipRisk, { policy: { write: { clean: 'elevate_risk' } } })
    child.put('/kyc', { config: { ipRisk: 'kyc' } }, handler)
    child.put('/plain', handler)
  }, { prefix: '/child' })
  t.equal(await post(app, '/pay'), 401)
  t.equal((await app.inject({ method: 'PUT', url: '/child/kyc', remoteAddress: visitors.vpn_likely })).statusCode, 401)
  t.equal(handled, 0)
  t.equal(await post(app, '/pay', { 'x-mfa': 'yes' }), 200)
  t.equal(handled, 1)
  t.equal(asked.length, 3)
  t.equal(await post(app, '/nowhere'), 404)
  t.equal(await post(app, '/lost', { 'x-mfa': 'yes' }), 404)
  t.equal(asked.length, 4, 'callNotFound asks no second time')
  t.match(lines, [{ level: 40, code: 'IP_RISK_STEP_UP_HOOK_LOST', routes: ['POST /pay', 'POST /lost', 'PUT /child/kyc'] }])
  t.equal(lines.length, 1)
})

t.test('a preHandler that is removed, prepended or appended to keeps or loses the step-up as it should', async t => {
  const asked: unknown[] = []
  const change = (route: RouteOptions): void => {
    const own = [route.preHandler ?? []].flat()
    const authenticate: typeof route.preHandler = async request => { Object.assign(request, { user: 'me' }) }
    if (route.url === '/removed') delete route.preHandler
    if (route.url === '/behind') route.preHandler = [authenticate, ...own]
    if (route.url === '/cleared') own.length = 0
  }
  const { app, lines } = await create(t, stepUp(asked), change)
  for (const url of ['/removed', '/behind', '/cleared']) app.post(url, { config: { ipRisk: 'payment' } }, async () => 'ok')
  for (const url of ['/removed', '/behind', '/cleared']) t.equal(await post(app, url), 401, url)
  t.same(asked, [undefined, 'me', undefined], 'where the step-up is in its place, authentication comes first')
  t.match(lines, [{ code: 'IP_RISK_STEP_UP_HOOK_LOST', routes: ['POST /removed'] }])
  t.equal(lines.length, 1)
})

t.test('a step-up that another plugin wraps is asked early until it has been seen in its place', async t => {
  const asked: unknown[] = []
  const { app, lines } = await create(t, stepUp(asked), route => {
    const hooks = [route.preHandler ?? []].flat()
    route.preHandler = hooks.map((hook): typeof hook => function (...args) { return hook.apply(this, args) })
  })
  app.post('/', { config: { ipRisk: 'payment' }, preHandler: async request => { Object.assign(request, { user: 'me' }) } }, async () => 'ok')
  t.equal(await post(app, '/'), 401)
  t.same(asked.splice(0), [undefined])
  t.match(lines, [{ code: 'IP_RISK_STEP_UP_HOOK_LOST', routes: ['POST /'] }])
  t.equal((await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.clean })).statusCode, 200)
  t.equal(await post(app, '/'), 401)
  t.same(asked, ['me'], 'behind authentication from now on')
})

t.test('nothing is said of a lost step-up where none was to be asked', async t => {
  const { app, lines } = await create(t, { policy: { write: { vpn_likely: 'block' } } }, route => { delete route.preHandler })
  app.post('/', { config: { ipRisk: 'payment' } }, async () => 'ok')
  t.equal(await post(app, '/'), 403)
  t.same(lines, [])
})

t.test('a marking that another plugin drops with the route\'s config is reported as an error', async t => {
  const { app, lines } = await create(t, { policy: { write: { vpn_likely: 'block' } } }, route => {
    if (route.url === '/dropped') route.config = { other: true } as object
    if (route.url === '/kept') route.config = { ...route.config, other: true } as object
  })
  for (const url of ['/dropped', '/kept']) app.post(url, { config: { ipRisk: 'payment' } }, async () => 'ok')
  t.equal(await post(app, '/kept'), 403)
  t.match(lines, [{ level: 50, code: 'IP_RISK_ROUTE_CONFIG_LOST', routes: ['POST /dropped'] }])
  t.equal(lines.length, 1)
})

const quiet = { policy: { write: { vpn_likely: 'block' } } } as const // no step-up that could be missed

t.test('one handler for safe and unsafe methods without an action is warned about at boot', async t => {
  const { app, lines } = await create(t, quiet)
  const handler = async (): Promise<string> => 'ok'
  app.all('/all', { config: { ipRisk: true } }, handler)
  app.route({ method: ['GET', 'POST'], url: '/both', config: { ipRisk: { lookup: 'wait' } }, handler })
  app.route({ method: ['GET', 'HEAD'], url: '/safe', config: { ipRisk: true }, handler })
  app.route({ method: ['PUT', 'POST'], url: '/unsafe', config: { ipRisk: true }, handler })
  app.all('/action', { config: { ipRisk: 'payment' } }, handler)
  app.all('/written', { config: { ipRisk: { write: false } } }, handler)
  app.all('/off', { config: { ipRisk: false } }, handler)
  app.all('/unmarked', handler)
  await app.ready()
  t.match(lines, [{ level: 40, code: 'IP_RISK_ROUTE_METHODS_MIXED', msg: /judged as reads.*write: true/ }])
  t.equal(lines.length, 1)
  t.match(lines[0]!.routes, [/GET.*POST.* \/all$/, 'GET,POST /both'])
  t.equal(lines[0]!.routes!.length, 2)
})

t.test('a write action on a route of safe methods only is warned about once at boot, unless write says so', async t => {
  const { app, lines } = await create(t, quiet)
  const handler = async (): Promise<string> => 'ok'
  app.get('/export', { config: { ipRisk: 'withdrawal' } }, handler)
  app.get('/object', { config: { ipRisk: { action: 'withdrawal' } } }, handler)
  app.get('/meant', { config: { ipRisk: { action: 'withdrawal', write: true } } }, handler)
  app.get('/read', { config: { ipRisk: { action: 'withdrawal', write: false } } }, handler)
  app.get('/plain', { config: { ipRisk: true } }, handler)
  app.route({ method: ['GET', 'POST'], url: '/both', config: { ipRisk: 'withdrawal' }, handler })
  await app.ready()
  t.match(lines, [{ level: 40, code: 'IP_RISK_ROUTE_READ_JUDGED_AS_WRITE', routes: ['GET /export', 'GET /object'], msg: /write: true.*write: false/ }])
  t.equal(lines.length, 1)
  t.equal(lines[0]!.routes!.length, 2)
})

t.test('routes declared beside a register that is not awaited are warned about with their first request', async t => {
  const { app, lines } = bare(t)
  app.register(ipRisk, { provider: visitorProvider(), ...quiet })
  app.all('/all', { config: { ipRisk: true } }, async () => 'ok')
  app.get('/export', { config: { ipRisk: 'withdrawal' } }, async () => 'ok')
  for (let i = 0; i < 2; i++) {
    await app.inject({ url: '/all' })
    await app.inject({ url: '/export' })
  }
  t.match(lines, [{ code: 'IP_RISK_ROUTE_METHODS_MIXED' }, { code: 'IP_RISK_ROUTE_READ_JUDGED_AS_WRITE', routes: ['GET /export'] }])
  t.equal(lines.length, 2)
})
