import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { IpRisk, RouteIpRiskOption } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { pinoLog } from './support/log.ts'
import { tableProvider, visitorProvider, visitors } from './support/table-provider.ts'

const show = async (request: FastifyRequest): Promise<IpRisk | null> => request.ipRisk

interface Line { level: number, msg: string, reqId?: string, err?: { code?: string, message: string } }

function create (t: Test, options: FastifyServerOptions = {}): { app: FastifyInstance, lines: Line[] } {
  const { lines, logger } = pinoLog<Line>()
  const app = Fastify({ logger, ...options })
  t.teardown(() => app.close())
  return { app, lines }
}
const risky = (more: FastifyIpRiskOptions = {}): FastifyIpRiskOptions => ({ provider: visitorProvider(), ...more })

t.test('request.ipRisk is there from our onRequest hook on, and null before it', async t => {
  const { app } = create(t)
  const seen: [string, string | null][] = []
  const look = (where: string) => async (request: FastifyRequest) => { seen.push([where, request.ipRisk?.verdict ?? null]) }
  app.decorateRequest('unrelated', null)
  app.addHook('onRequest', async request => { seen.push(['before', request.ipRisk ?? null] as [string, null]) })
  await app.register(ipRisk, risky())
  app.addHook('onRequest', look('after'))
  app.post('/', { config: { ipRisk: true }, onRequest: look('route'), preHandler: look('preHandler') }, async request => request.ipRisk!.verdict)
  t.equal((await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.clean })).body, 'clean')
  t.same(seen, [['before', null], ['after', 'clean'], ['route', 'clean'], ['preHandler', 'clean']])
})

t.test('request.ipRisk is one frozen object, and what the application writes there stays', async t => {
  const { app } = create(t)
  const own = { verdict: 'clean' } as IpRisk
  const seen: (IpRisk | null)[] = []
  await app.register(ipRisk, risky({ stepUp: { isSatisfied: () => true }, familiarity: { account: () => 'ada' } }))
  const read = async (request: FastifyRequest) => { seen.push(request.ipRisk, request.ipRisk) }
  const write = async (request: FastifyRequest) => { request.ipRisk = own }
  app.post('/read', { config: { ipRisk: true }, preHandler: read }, show)
  app.post('/written', { config: { ipRisk: true }, preHandler: write }, async request => request.ipRisk === own)
  app.post('/removed', { config: { ipRisk: true }, preHandler: async request => { request.ipRisk = null } }, show)
  const after = await app.inject({ method: 'POST', url: '/read', remoteAddress: visitors.suspicious })
  t.match(after.json(), { verdict: 'suspicious', familiarity: 'first' }, 'judged again behind the preHandlers')
  t.equal(seen[0], seen[1])
  t.ok(Object.isFrozen(seen[0]))
  t.match(seen[0], { verdict: 'suspicious', familiarity: undefined })
  t.equal((await app.inject({ method: 'POST', url: '/written', remoteAddress: visitors.clean })).body, 'true')
  t.equal((await app.inject({ method: 'POST', url: '/removed', remoteAddress: visitors.clean })).body, 'null')
})

t.test('a route with ipRisk false has no risk at all', async t => {
  const { app } = create(t)
  const provider = visitorProvider()
  await app.register(ipRisk, { provider, unmarked: 'wait', deny: [visitors.clean] })
  app.post('/off', { config: { ipRisk: false } }, show)
  for (const remoteAddress of [visitors.vpn_detected, visitors.clean]) {
    t.equal((await app.inject({ method: 'POST', url: '/off', remoteAddress })).body, 'null')
  }
  t.same(provider.calls, [])
})

t.test('a GET route\'s own HEAD is judged like it, and its step-up asked once', async t => {
  const { app } = create(t)
  let asked = 0
  await app.register(ipRisk, risky({ stepUp: { isSatisfied: () => { asked++; return true } } }))
  app.get('/export', { config: { ipRisk: 'withdrawal' } }, show)
  t.equal((await app.inject({ method: 'HEAD', url: '/export', remoteAddress: visitors.vpn_detected })).statusCode, 403)
  for (const method of ['GET', 'HEAD'] as const) {
    asked = 0
    t.equal((await app.inject({ method, url: '/export', remoteAddress: visitors.vpn_likely })).statusCode, 200)
    t.equal(asked, 1, method)
  }
})

t.test('routes of several methods, with a shared config, in prefixed children and beside a slash', async t => {
  const { app } = create(t)
  await app.register(ipRisk, risky())
  const config = Object.freeze({ ipRisk: 'signup' as const })
  app.route({ method: ['PUT', 'PATCH'], url: '/profile', config, handler: show })
  app.delete('/profile', { config }, show)
  await app.register(async api => { api.post('/', { config }, show) }, { prefix: '/api' })
  for (const [method, url] of [['PUT', '/profile'], ['PATCH', '/profile'], ['DELETE', '/profile'], ['POST', '/api'], ['POST', '/api/']] as const) {
    t.equal((await app.inject({ method, url, remoteAddress: visitors.vpn_detected })).statusCode, 403, `${method} ${url}`)
    t.equal((await app.inject({ method, url, remoteAddress: visitors.clean })).statusCode, 200)
  }
  t.same(config, { ipRisk: 'signup' }, 'the application\'s own object stays as it was')
})

t.test('routes declared beside a register that is not awaited are judged and stepped up too', async t => {
  const { app, lines } = create(t)
  const order: string[] = []
  app.register(ipRisk, risky({ stepUp: { isSatisfied: () => { order.push('step-up'); return false } } }))
  app.post('/signup', { config: { ipRisk: 'signup' }, onRequest: async () => { order.push('authentication') } }, show)
  app.post('/wrong', { config: { ipRisk: 'sign-up' as 'signup' } }, show)
  app.register(async child => { child.post('/child', { config: { ipRisk: 'signup' }, preHandler: async () => { order.push('own preHandler') } }, show) })
  t.equal((await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_detected })).statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/signup', remoteAddress: visitors.vpn_likely })).statusCode, 401)
  t.same(order.splice(0), ['authentication', 'step-up'])
  t.equal((await app.inject({ method: 'POST', url: '/child', remoteAddress: visitors.vpn_likely })).statusCode, 401)
  t.same(order, ['own preHandler', 'step-up'], 'routes of child plugins are seen, so theirs comes behind their own')
  for (let i = 0; i < 2; i++) {
    const wrong = await app.inject({ method: 'POST', url: '/wrong', remoteAddress: visitors.vpn_detected })
    t.equal(wrong.statusCode, 403, 'a wrong option never fails for visitors')
  }
  t.match(lines, [
    { level: 40, route: '/signup', msg: /asked before its own preHandlers.*await the registration/ },
    { level: 50, msg: /wrong "config\.ipRisk"/, err: { code: 'FST_IP_RISK_BAD_OPTION', message: /POST \/wrong.*"sign-up"/ } }
  ], 'each said once')
})

t.test('a wrong route option fails at boot, naming the route', async t => {
  const boot = async (option: unknown): Promise<unknown> => {
    const { app } = create(t)
    await app.register(ipRisk, risky())
    app.post('/pay/:id', { config: { ipRisk: option as true } }, show)
    return await app.ready()
  }
  await t.rejects(boot('pay'), { code: 'FST_IP_RISK_BAD_OPTION', message: /"POST \/pay\/:id: config\.ipRisk" names the action "pay", which is not declared/ })
  await t.rejects(boot(7), /must be an action name, true, false or an object, got 7/)
  await t.rejects(boot(null), /must be an action name, true, false or an object/)
  await t.rejects(boot([]), /must be an action name/)
  await t.rejects(boot({ lookups: 'wait' }), /config\.ipRisk\.lookups" does not exist/)
  await t.rejects(boot({ lookup: 'now' }), /config\.ipRisk\.lookup" must be one of wait, background, cache, skip/)
  await t.rejects(boot({ write: 'yes' }), /config\.ipRisk\.write" must be true or false/)
  await t.rejects(boot({ mode: 'off' }), /config\.ipRisk\.mode"/)
  await t.rejects(boot({ timeoutMs: 0 }), /config\.ipRisk\.timeoutMs"/)
  await t.rejects(boot({ action: 1 }), /config\.ipRisk\.action" must be a string/)
  await t.rejects(boot({ policy: { read: { clean: 'block' } } }), /config\.ipRisk\.policy\.read\.clean" would stop reads/)
})

t.test('declared actions decide what is a write; else the method does, unless write says so', async t => {
  const { app } = create(t)
  await app.register(ipRisk, risky({ mode: 'monitor', actions: { write: ['transfer' as never], read: ['profile' as never] } }))
  const routes = [['transfer', true, true], ['profile', false, false], [true, false, true], [{ write: true }, true, true],
    [{ write: false }, false, false], [{ action: 'profile', write: true }, true, true], [{ action: 'transfer', write: false }, false, false]] as const
  routes.forEach(([ipRisk], i) => app.route({ method: ['GET', 'POST'], url: `/${i}`, config: { ipRisk: ipRisk as RouteIpRiskOption }, handler: show }))
  for (const [i, [, get, post]] of routes.entries()) {
    t.equal((await app.inject({ method: 'GET', url: `/${i}` })).json<IpRisk>().write, get, `GET ${i}`)
    t.equal((await app.inject({ method: 'POST', url: `/${i}` })).json<IpRisk>().write, post, `POST ${i}`)
  }
})

t.test('the step-up is asked behind the route\'s own authentication, with the request that it left', async t => {
  const { app } = create(t)
  const users: unknown[] = []
  await app.register(ipRisk, risky({
    stepUp: {
      async isSatisfied (request) {
        const { who } = request as { who?: string }
        users.push(who)
        return who === 'with mfa'
      }
    }
  }))
  app.addHook('preHandler', async request => { Object.assign(request, { who: request.headers['x-user'] }) })
  const authenticate = async (request: FastifyRequest): Promise<void> => {
    if (request.headers['x-user'] === undefined) throw Object.assign(new Error('who are you?'), { statusCode: 401 })
  }
  app.post('/one', { config: { ipRisk: 'payment' }, preHandler: authenticate }, show)
  app.post('/two', { config: { ipRisk: 'payment' }, preHandler: [authenticate, async () => {}] }, show)
  for (const url of ['/one', '/two']) {
    const ask = async (headers: Record<string, string>): Promise<[number, string?]> => {
      const reply = await app.inject({ method: 'POST', url, remoteAddress: visitors.vpn_likely, headers })
      return [reply.statusCode, reply.json().code]
    }
    t.same(await ask({}), [401, undefined], 'the application\'s own 401')
    t.same(await ask({ 'x-user': 'plain' }), [401, 'FST_IP_RISK_STEP_UP'])
    t.same(await ask({ 'x-user': 'with mfa' }), [200, undefined])
  }
  t.same(users, ['plain', 'with mfa', 'plain', 'with mfa'])
})

t.test('an isSatisfied that throws, rejects or is not sure counts as no, and is logged', async t => {
  for (const isSatisfied of [() => { throw new Error('store down') }, async () => { throw new Error('store down') }, () => 'yes' as unknown as boolean]) {
    const { app, lines } = create(t)
    await app.register(ipRisk, risky({ stepUp: { isSatisfied } }))
    app.post('/', { config: { ipRisk: 'payment' } }, show)
    const reply = await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.vpn_likely })
    t.equal(reply.statusCode, 401)
    t.match(reply.headers['www-authenticate'], /^Bearer error="insufficient_user_authentication"/)
    if (isSatisfied.toString().includes('throw')) t.match(lines, [{ level: 50, reqId: 'req-1', msg: /isSatisfied failed/, err: { message: 'store down' } }])
    else t.same(lines, [])
  }
})

t.test('the application\'s error handler formats the refusals, and the challenge survives it', async t => {
  const { app } = create(t)
  await app.register(ipRisk, risky({ stepUp: { isSatisfied: () => false, scheme: 'DPoP' } }))
  app.setErrorHandler(async (err: Error & { code: string, statusCode: number }, _request, reply) => {
    reply.code(err.statusCode).type('application/problem+json')
    return { type: `urn:${err.code}` }
  })
  app.post('/', { config: { ipRisk: 'payment' } }, show)
  await app.register(async child => {
    child.setErrorHandler(async (_err, _request, reply) => reply.code(418).send('mine'))
    child.post('/child', { config: { ipRisk: 'payment' } }, show)
  })
  const challenged = await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.vpn_likely })
  t.match(challenged, { statusCode: 401, body: '{"type":"urn:FST_IP_RISK_STEP_UP"}' })
  t.match(challenged.headers['www-authenticate'], /^DPoP error=/)
  t.match(await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.vpn_detected }), { statusCode: 403, body: '{"type":"urn:FST_IP_RISK_BLOCKED"}' })
  const own = await app.inject({ method: 'POST', url: '/child', remoteAddress: visitors.vpn_likely })
  t.match(own, { statusCode: 418, body: 'mine' })
  t.match(own.headers['www-authenticate'], /^DPoP error=/)
})

t.test('404s are annotated and never refused, with Fastify\'s handler and with own ones', async t => {
  const plain = create(t).app
  await plain.register(ipRisk, risky({ deny: [visitors.clean], stepUp: { isSatisfied: () => false } }))
  t.equal((await plain.inject({ method: 'POST', url: '/none', remoteAddress: visitors.clean })).statusCode, 404)

  const { app } = create(t)
  await app.register(ipRisk, risky({ unmarked: 'wait', stepUp: { isSatisfied: () => false } }))
  app.setNotFoundHandler({ preHandler: async () => {} }, async (request, reply) => reply.code(404).send(request.ipRisk))
  app.get('/lost', { config: { ipRisk: true } }, (_request, reply) => { reply.callNotFound() })
  await app.register(async child => {
    child.setNotFoundHandler(async (request, reply) => reply.code(404).send({ child: request.ipRisk!.verdict }))
  }, { prefix: '/child' })
  for (const visitor of ['vpn_likely', 'vpn_detected'] as const) {
    const reply = await app.inject({ method: 'POST', url: '/none', remoteAddress: visitors[visitor] })
    t.equal(reply.statusCode, 404)
    t.match(reply.json(), { verdict: visitor, action: null, write: true })
    t.same((await app.inject({ url: '/child/none', remoteAddress: visitors[visitor] })).json(), { child: visitor })
    t.equal((await app.inject({ url: '/lost', remoteAddress: visitors[visitor] })).statusCode, 404)
  }
})

t.test('a WebSocket upgrade is judged on the GET route that it asks for', async t => {
  const { app } = create(t)
  await app.register(ipRisk, risky({ clientIp: { trusted: ['loopback'] } }))
  app.get('/socket', { config: { ipRisk: { action: 'payment' } } }, async () => 'came through')
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [visitor, status] of [[visitors.vpn_detected, '403'], [visitors.clean, '200']] as const) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: ${visitor}\r\n\r\n`)
    const [head] = await once(socket.setEncoding('utf8'), 'data') as [string]
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} `))
    socket.destroy()
  }
})

t.test('it is said once at boot that a step-up is told only, and not where none can come', async t => {
  const boot = async (options: FastifyIpRiskOptions, ...routes: NonNullable<FastifyRequest['routeOptions']['config']['ipRisk']>[]): Promise<Line[]> => {
    const { app, lines } = create(t)
    await app.register(ipRisk, risky(options))
    routes.forEach((ipRisk, i) => app.post(`/${i}`, { config: { ipRisk } }, show))
    app.get('/read', { config: { ipRisk: true } }, show)
    await app.ready()
    return lines
  }
  t.match(await boot({}, 'signup', 'payment'), [{ level: 40, msg: /"step_up_auth", which is reported but not enforced: give the option "stepUp"/ }])
  t.same(await boot({}), [], 'reads are never stepped up')
  t.same(await boot({ mode: 'monitor' }, 'signup'), [])
  t.same(await boot({ stepUp: { isSatisfied: () => true } }, 'signup'), [])
  t.same(await boot({}, { policy: { write: { vpn_likely: 'block' } } }, false), [])

  const late = create(t)
  late.app.register(ipRisk, risky())
  late.app.post('/', { config: { ipRisk: 'signup' } }, show)
  for (let i = 0; i < 2; i++) await late.app.inject({ method: 'POST', url: '/', remoteAddress: visitors.clean })
  t.match(late.lines, [{ level: 40, msg: /give the option "stepUp"/ }], 'at the first request, where boot did not see the route')
})

t.test('lookup modes: skip asks nobody, cache asks nobody, background goes on and knows next time', async t => {
  const provider = tableProvider({ '203.0.113.1': 'vpn_detected' })
  const { app } = create(t)
  await app.register(ipRisk, { provider, unmarked: 'skip' })
  for (const lookup of ['skip', 'cache', 'background', 'wait'] as const) app.post(`/${lookup}`, { config: { ipRisk: { lookup } } }, show)
  app.post('/unmarked', show)
  const ask = async (url: string): Promise<{ status: number, risk: IpRisk }> => {
    const reply = await app.inject({ method: 'POST', url, remoteAddress: '203.0.113.1' })
    return { status: reply.statusCode, risk: reply.json() }
  }
  t.match(await ask('/skip'), { risk: { reason: 'skipped', provider: 'none' } })
  t.match(await ask('/cache'), { risk: { reason: 'not_asked', cache: 'none' } })
  t.same(provider.calls, [])
  t.match(await ask('/background'), { risk: { reason: 'pending' } })
  t.match(await ask('/wait'), { status: 403 })
  t.match(await ask('/background'), { status: 403 })
  t.match(await ask('/cache'), { status: 403 })
  t.match(await ask('/skip'), { status: 200, risk: { reason: 'skipped' } })
  t.match(await ask('/unmarked'), { status: 200, risk: { reason: 'skipped' } })
  t.equal(provider.calls.length, 1)
})

t.test('registers by import() and through a plugin that wraps it', async t => {
  const { app } = create(t)
  await app.register(import('../lib/index.ts'), risky())
  app.post('/', { config: { ipRisk: 'signup' } }, show)
  t.equal((await app.inject({ method: 'POST', url: '/', remoteAddress: visitors.vpn_detected })).statusCode, 403)
  t.ok(app.hasPlugin('fastify-ip-risk'))
})

t.test('calling the plugin instead of registering it says what to write', async t => {
  const call = ipRisk as unknown as (options: FastifyIpRiskOptions) => Promise<void>
  const wanted = { code: 'FST_IP_RISK_BAD_OPTION', message: /app\.register\(ipRisk, options\)/ }
  await t.rejects(call(risky()), wanted)
  await t.rejects(call(undefined as never), wanted)
  const { app } = create(t)
  await t.rejects(async () => await app.register(call(risky()) as never), wanted)
})
