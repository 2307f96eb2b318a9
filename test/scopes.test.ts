import t from 'tap'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { IpRisk, Provider } from '../types/contract.ts'
import { answer, tableProvider, visitorProvider, visitors } from './support/table-provider.ts'

const show = async (request: FastifyRequest): Promise<IpRisk | null> => request.ipRisk
const post = (app: FastifyInstance, url: string, remoteAddress: string): ReturnType<typeof send> => send(app, 'POST', url, remoteAddress)
async function send (app: FastifyInstance, method: 'GET' | 'POST', url: string, remoteAddress: string): Promise<{ status: number, risk: IpRisk }> {
  const reply = await app.inject({ method, url, remoteAddress })
  return { status: reply.statusCode, risk: reply.json() }
}

t.test('a child scope overrides the options it names, over the engine of its parent', async t => {
  const provider = visitorProvider()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider, policy: { write: { suspicious: 'block' } }, deny: ['198.51.100.0/24'] })
  app.post('/outside', { config: { ipRisk: 'signup' } }, show)
  await app.register(async shop => {
    await shop.register(ipRisk, { mode: 'monitor', policy: { write: { vpn_detected: 'elevate_risk' } } })
    shop.post('/pay', { config: { ipRisk: 'payment' } }, show)
    await shop.register(async inner => {
      await inner.register(ipRisk, { mode: 'enforce', deny: [] })
      inner.post('/inner', { config: { ipRisk: 'payment' } }, show)
    })
  }, { prefix: '/shop' })

  t.equal((await post(app, '/outside', visitors.vpn_detected)).status, 403)
  t.match(await post(app, '/shop/pay', visitors.vpn_detected), { status: 200, risk: { decision: 'elevate_risk', cache: 'memory' } })
  t.match(await post(app, '/shop/pay', visitors.suspicious), { status: 200, risk: { decision: 'block' } }, 'the cell of the parent')
  t.equal((await post(app, '/shop/inner', visitors.suspicious)).status, 403)
  t.match(await post(app, '/shop/inner', visitors.vpn_detected), { status: 200, risk: { decision: 'elevate_risk' } })
  t.match(await post(app, '/shop/pay', '198.51.100.1'), { status: 200, risk: { decision: 'block', decidedBy: 'deny_list' } })
  t.match(await post(app, '/shop/inner', '198.51.100.1'), { status: 200, risk: { verdict: 'unknown', reason: 'no_data' } })
  t.same(provider.calls, [visitors.vpn_detected, visitors.suspicious, '198.51.100.1'], 'one cache for all three')
  t.equal(app.ipRisk.stats().decisions.block, 4, 'counted together')
})

t.test('a child scope with another provider has an engine of its own, and both are closed once', async t => {
  let closed: string[] = []
  const named = (name: string): Provider => tableProvider({ '203.0.113.1': answer(name === 'lax' ? 'clean' : 'vpn_detected') }, {
    name,
    close () { closed.push(name) }
  })
  const app = Fastify()
  const strict = named('strict')
  await app.register(ipRisk, { provider: strict })
  app.post('/', { config: { ipRisk: true } }, show)
  await app.register(async child => {
    await child.register(ipRisk, { provider: named('lax') })
    child.post('/lax', { config: { ipRisk: true } }, show)
  })
  await app.register(async child => {
    await child.register(ipRisk, { provider: strict, mode: 'monitor' })
    child.post('/same', { config: { ipRisk: true } }, show)
  })
  t.equal((await post(app, '/', '203.0.113.1')).status, 403)
  t.match(await post(app, '/lax', '203.0.113.1'), { status: 200, risk: { verdict: 'clean', provider: 'lax', cache: 'miss' } })
  t.match(await post(app, '/same', '203.0.113.1'), { status: 200, risk: { verdict: 'vpn_detected', provider: 'strict', cache: 'memory' } })
  await app.close()
  t.same(closed.sort(), ['lax', 'strict'])
  closed = []
})

t.test('other address rules make another engine; the same ones written again do not', async t => {
  const provider = visitorProvider()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider, clientIp: { trusted: ['loopback'] }, cache: { ttlSeconds: 60 } })
  app.get('/', { config: { ipRisk: true } }, show)
  await app.register(async child => {
    await child.register(ipRisk, { clientIp: { trusted: ['loopback'] }, cache: { ttlSeconds: 60 } })
    child.get('/same', { config: { ipRisk: true } }, show)
  })
  await app.register(async child => {
    await child.register(ipRisk, { clientIp: {} })
    child.get('/direct', { config: { ipRisk: true } }, show)
  })
  const ask = async (url: string): Promise<IpRisk> => (await app.inject({ url, remoteAddress: '127.0.0.1', headers: { 'x-forwarded-for': visitors.clean } })).json()
  t.match(await ask('/'), { ip: visitors.clean, cache: 'miss' })
  t.match(await ask('/same'), { ip: visitors.clean, cache: 'memory' })
  t.match(await ask('/direct'), { ip: '127.0.0.1', verdict: 'unknown' })
})

t.test('scopes beside each other may each have a registration of their own', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [prefix, policy] of [['/a', { write: { clean: 'block' } }], ['/b', {}]] as const) {
    await app.register(async child => {
      await child.register(ipRisk, { provider: visitorProvider(), policy })
      child.post('/', { config: { ipRisk: 'signup' } }, show)
    }, { prefix })
  }
  app.post('/none', async request => ({ ipRisk: request.ipRisk ?? 'none' }))
  t.equal((await post(app, '/a', visitors.clean)).status, 403)
  t.equal((await post(app, '/b', visitors.clean)).status, 200)
  t.same((await app.inject({ method: 'POST', url: '/none' })).json(), { ipRisk: 'none' })
  t.notOk(app.hasDecorator('ipRisk'))
})

t.test('registering twice in one scope is an error, at any depth', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider() })
  await t.rejects(async () => await app.register(ipRisk, { mode: 'monitor' }), { code: 'FST_IP_RISK_ALREADY_REGISTERED' })
  const other = Fastify()
  t.teardown(() => other.close())
  await other.register(ipRisk, { provider: visitorProvider() })
  other.register(async child => {
    await child.register(ipRisk, {})
    await child.register(ipRisk, {})
  })
  await t.rejects(async () => await other.ready(), { code: 'FST_IP_RISK_ALREADY_REGISTERED' })
})

t.test('a child scope refuses wrong options and undeclared actions by name', async t => {
  const boot = async (options: object, route?: unknown): Promise<unknown> => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(ipRisk, { provider: visitorProvider(), actions: { read: ['profile' as never] } })
    app.register(async child => {
      await child.register(ipRisk, options)
      if (route !== undefined) child.post('/x', { config: { ipRisk: route as true } }, show)
    }, { prefix: '/child' })
    return await app.ready()
  }
  await t.rejects(boot({ mode: 'watch' }), { code: 'FST_IP_RISK_BAD_OPTION', message: /"mode" must be one of enforce, monitor/ })
  await t.rejects(boot({ actions: { write: ['profile'] } }), /"actions.write" names "profile", which is a read in the scope above/)
  await t.rejects(boot({ logAddress: 'hmac' }), /"logAddress" is "hmac", which needs a secret/)
  await t.rejects(boot({}, 'transfer'), /"POST \/child\/x: config.ipRisk" names the action "transfer", which is not declared: use one of signup, .*profile/)
  await t.resolves(boot({}, 'profile'))
  await t.resolves(boot({ actions: { write: ['transfer'] } }, 'transfer'))
})

t.test('app.ipRisk answers by the policy of its own scope', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider() })
  let child: FastifyInstance
  await app.register(async instance => {
    child = instance
    await instance.register(ipRisk, { policy: { write: { clean: 'block' } } })
  })
  t.equal((await app.ipRisk.lookup(visitors.clean)).decision, 'allow')
  t.equal((await child!.ipRisk.lookup(visitors.clean)).decision, 'block')
  t.equal(app.ipRisk.decide(await app.ipRisk.lookup(visitors.vpn_detected), { write: true }), 'block')
  t.equal(child!.ipRisk.decide(await app.ipRisk.lookup(visitors.clean), { write: true, action: 'signup' }), 'block')
})

t.test('an allowed address passes for its time, and wrong calls are refused by name', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), deny: [visitors.clean] })
  app.post('/', { config: { ipRisk: 'signup' } }, show)
  for (const visitor of [visitors.vpn_detected, visitors.clean]) {
    t.equal((await post(app, '/', visitor)).status, 403)
    await app.ipRisk.allow(visitor, { ttlSeconds: 60 })
    t.match(await post(app, '/', visitor), { status: 200, risk: { reason: 'listed', decidedBy: 'temporary_allow' } })
  }
  const allow = app.ipRisk.allow as (ip: unknown, options?: unknown) => Promise<unknown>
  await t.rejects(allow('203.0.113.1', { ttlSeconds: 0 }), /"allow.ttlSeconds" must be an integer from 1/)
  await t.rejects(allow('203.0.113.1', { seconds: 60 }), /"allow.seconds" does not exist/)
  await t.rejects(allow('203.0.113.0/33'), { code: 'FST_IP_RISK_BAD_OPTION', message: /"ip" must be an IP address or CIDR: .*from 0 to 32/ })
  await t.rejects(allow(7), /"ip" must be an IP address or CIDR, got 7/)
  await t.rejects(allow('203.0.113.1', { reason: 'x'.repeat(501) }), /"allow.reason" must have at most 500/)
  await t.rejects(app.ipRisk.revoke('203.0.113.1', { by: 'ada' } as object), /"revoke.by" does not exist/)
  await t.rejects(app.ipRisk.invalidate(7 as unknown as string), /"ip" must be an IP address, got 7/)
})

t.test('allow and deny of a child scope each stand in for the parent\'s, and allow wins wherever the networks lie', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), deny: ['203.0.113.0/24'], allow: ['203.0.113.64/26'] })
  const scopes = { '/allowing': { allow: ['203.0.0.0/8'] }, '/denying': { deny: ['203.0.113.64/27', '2001:db8::/32'] } }
  for (const [prefix, options] of Object.entries(scopes)) {
    await app.register(async child => {
      await child.register(ipRisk, options)
      child.get('/', { config: { ipRisk: true } }, show)
    }, { prefix })
  }
  app.get('/', { config: { ipRisk: true } }, show)
  const statuses = async (ip: string): Promise<number[]> => {
    const replies = []
    for (const url of ['/', '/allowing', '/denying']) replies.push((await send(app, 'GET', url, ip)).status)
    return replies
  }
  t.same(await statuses('203.0.113.1'), [403, 200, 200])
  t.same(await statuses('203.0.113.65'), [200, 200, 200])
  t.same(await statuses('::ffff:203.0.113.1'), [403, 200, 200], 'one address, however it is written')
  t.same(await statuses('2001:db8::7'), [200, 200, 403])
})

t.test('the application may ask how an address was found, and forget what is known of it', async t => {
  const provider = visitorProvider()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider, clientIp: { trusted: ['loopback'] } })
  app.get('/', { config: { ipRisk: true } }, async request =>
    [app.ipRisk.explain(request).result.ip, app.ipRisk.explain(request.raw).result.ip])
  const ask = async (): Promise<string[]> => (await app.inject({ url: '/', headers: { 'x-forwarded-for': visitors.clean } })).json()
  t.same(await ask(), [visitors.clean, visitors.clean])
  await ask()
  t.equal(provider.calls.length, 1)
  await app.ipRisk.invalidate(visitors.clean)
  await ask()
  t.equal(provider.calls.length, 2)
})
