import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import ipRisk, { type FastifyIpRiskOptions, type Provider } from '../lib/index.ts'
import { ipRiskDashboard } from '../lib/telemetry/dashboard.ts'
import { answer, tableProvider, visitorProvider, visitors } from './support/table-provider.ts'

type Authorize = (request: unknown, reply: FastifyReply) => any

async function application (
  t: Test, options: FastifyIpRiskOptions = {}, authorize: Authorize = () => true, prepare = (_: FastifyInstance): void => {}
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  prepare(app)
  await app.register(ipRisk, { provider: visitorProvider(), clientIp: { trusted: ['10.0.0.1'] }, ...options })
  await app.register(ipRiskDashboard, { prefix: '/ip-risk', authorize })
  return app
}

t.test('an answer that authorize sends is the only one, while a slow onSend hook runs too', async t => {
  const answers: { readonly [name: string]: Authorize } = {
    'sends, and returns nothing': async (_, reply) => { reply.code(401).send('sign in') },
    'sends, and returns true': async (_, reply) => { reply.code(401).send('sign in'); return true },
    'sends, and throws': async (_, reply) => { reply.code(401).send('sign in'); throw new Error('late') },
    'sends without a promise': (_, reply) => { reply.code(401).send('sign in') },
    'sends, and returns the reply': async (_, reply) => await reply.code(401).send('sign in')
  }
  for (const [name, authorize] of Object.entries(answers)) {
    let sends = 0
    const app = await application(t, {}, authorize, app => app.addHook('onSend', async (_, __, payload) => {
      sends++
      await new Promise(resolve => setTimeout(resolve, 20))
      return payload
    }))
    for (const method of ['GET', 'POST'] as const) {
      sends = 0
      const { statusCode, body } = await app.inject({ method, url: '/ip-risk' })
      t.same([statusCode, body, sends], [401, 'sign in', 1], `${name}, ${method}`)
    }
  }
})

t.test('whatever authorize throws or rejects with, nobody sees the page', async t => {
  for (const thrown of [undefined, null, false, 0, '', 'secret text', { statusCode: 200 }, new Error('sign in')]) {
    for (const authorize of [() => { throw thrown }, () => Promise.reject(thrown)]) {
      const { statusCode, body } = await (await application(t, {}, authorize)).inject('/ip-risk')
      t.equal(statusCode, 500, String(thrown))
      t.notMatch(body, /<h1>|secret text/, String(thrown))
    }
  }
})

t.test('authorize may redirect, or hide the page behind the application\'s own 404', async t => {
  const redirecting = await application(t, {}, (_, reply) => { reply.redirect('/login') })
  const { statusCode, headers } = await redirecting.inject('/ip-risk')
  t.same([statusCode, headers.location], [302, '/login'])
  const hidden = await application(t, {}, (_, reply) => { reply.callNotFound() }, app => {
    app.setNotFoundHandler(async (_, reply) => {
      await new Promise(resolve => setTimeout(resolve, 10))
      return await reply.code(404).send('nothing here')
    })
  })
  const { statusCode: status, body } = await hidden.inject('/ip-risk')
  t.same([status, body], [404, 'nothing here'])
})

t.test('the form takes two texts and refuses everything else with 400', async t => {
  const app = await application(t)
  const post = async (payload: unknown) =>
    await app.inject({ method: 'POST', url: '/ip-risk', payload: JSON.stringify(payload), headers: { 'content-type': 'application/json' } })
  for (const peer of [{ toString: 1 }, { a: 1 }, ['10.0.0.1'], 7, true]) {
    for (const payload of [{ peer }, { peer: '10.0.0.1', headers: peer }]) {
      const { statusCode, body } = await post(payload)
      t.equal(statusCode, 400, JSON.stringify(payload))
      t.match(JSON.parse(body).message, /"(peer|headers)" must be a string/)
    }
  }
  for (const payload of [['10.0.0.1'], 'peer', 7]) t.equal((await post(payload)).statusCode, 400, JSON.stringify(payload))
  const { statusCode, body } = await post({ peer: '10.0.0.1', headers: 'X-Forwarded-For: 192.0.2.7' })
  t.equal(statusCode, 200)
  t.match(body, /192\.0\.2\.7/)
})

t.test('the table of providers shows what a calendar month leaves', async t => {
  const provider: Provider = { ...tableProvider({}, { name: 'monthly' }), limits: { perMonth: 1500, perCalendarDay: 70 } }
  const { body } = await (await application(t, { provider })).inject('/ip-risk')
  t.match(body, 'Left this month')
  t.match(body, '1500 of 1500')
  t.match(body, '70 of 70')
})

t.test('the table of providers shows a prepaid credit, and the age of data', async t => {
  const provider: Provider = {
    ...tableProvider({}, { dataBuiltAtMs: Date.now() - 73 * 3_600_000 }),
    lookup (_, { remaining }) {
      remaining?.({ credit: 4321 })
      return answer('clean')
    }
  }
  const app = await application(t, { provider })
  await app.ipRisk.lookup(visitors.clean)
  const { body } = await app.inject('/ip-risk')
  for (const text of ['Credit left', '>4321<', 'Age of data', '>3 days<']) t.match(body, text)
  const loading = await application(t, { provider: tableProvider({}, { dataIsLoading: true }) })
  t.match((await loading.inject('/ip-risk')).body, '>loading<')
})

t.test('each address is shown as the scope that judged it says, not as the page\'s own scope does', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const provider = visitorProvider()
  await app.register(ipRisk, { provider, recordAddress: 'full' })
  await app.register(ipRiskDashboard, { prefix: '/ip-risk', authorize: () => true })
  app.post('/open', { config: { ipRisk: 'signup' } }, async () => ({}))
  await app.register(async private_ => {
    await private_.register(ipRisk, { recordAddress: 'none' })
    private_.post('/private', { config: { ipRisk: 'signup' } }, async () => ({}))
  })
  await app.inject({ method: 'POST', url: '/open', remoteAddress: visitors.clean })
  await app.inject({ method: 'POST', url: '/private', remoteAddress: visitors.vpn_detected })
  const { body } = await app.inject('/ip-risk')
  t.match(body, 'POST /private', 'both scopes share the engine, and the page')
  t.match(body, visitors.clean)
  t.notMatch(body, visitors.vpn_detected)
  t.notMatch(body, visitors.vpn_detected.replace(/\d+$/, '0'))
})
