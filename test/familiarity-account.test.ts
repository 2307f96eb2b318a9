import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import t from 'tap'
import { ipRisk as expressIpRisk } from '../lib/frameworks/express.ts'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { AccountId } from '../types/contract.ts'
import { answer, tableProvider } from './support/table-provider.ts'

/** Options that count how often the application is asked whose request it is. */
function counted (account: () => AccountId | PromiseLike<AccountId>) {
  const calls = { account: 0, device: 0, isSatisfied: 0 }
  const options = {
    provider: tableProvider({ '203.0.113.2': answer('vpn_likely') }),
    clientIp: { trusted: ['loopback'], cloudflare: false } as const,
    stepUp: {
      isSatisfied () {
        calls.isSatisfied++
        return true
      }
    },
    familiarity: {
      account () {
        calls.account++
        return account() as Promise<AccountId>
      },
      device () {
        calls.device++
        return 'laptop'
      }
    }
  }
  return { calls, options }
}

async function post (port: number, url = '/payment'): Promise<unknown> {
  const reply = await fetch(`http://127.0.0.1:${port}${url}`, { method: 'POST', headers: { 'x-forwarded-for': '203.0.113.2' } })
  return await reply.json()
}

async function listening (t: { teardown (close: () => unknown): unknown }, server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** What two payments are told: the first teaches, by its step-up. */
const twice = [{ familiarity: 'first' }, { familiarity: 'known' }]
const asked = { account: 2, device: 2, isSatisfied: 1 }

async function fastifyPort (t: { teardown (close: () => unknown): unknown }, options: ReturnType<typeof counted>['options']) {
  const app = fastify({ logger: false, forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(ipRisk, options)
  app.post('/payment', { config: { ipRisk: 'payment' } }, async request => {
    await app.ipRisk.trust(request)
    await app.ipRisk.trust(request)
    return request.ipRisk
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

t.test('Fastify asks once for the assessments, the step-up and trust()', async t => {
  for (const account of [() => 'ada', async () => 'ada', () => ({ then: Promise.resolve('ada').then.bind(Promise.resolve('ada')) })]) {
    const { calls, options } = counted(account)
    const { port } = await fastifyPort(t, options)
    t.match([await post(port), await post(port)], twice)
    t.same(calls, asked)
  }
})

t.test('Express does, too', async t => {
  const { calls, options } = counted(async () => 'ada')
  const risk = expressIpRisk(options)
  t.teardown(() => risk.close())
  const app = express()
  app.use(risk)
  app.post('/payment', risk.route('payment'), async (req, res) => {
    await risk.trust(req)
    res.json(req.ipRisk)
  })
  const port = await listening(t, createServer(app))
  t.match([await post(port), await post(port)], twice)
  t.same(calls, asked)
})

t.test('so does plain Node, even where enforce() is called twice at once', async t => {
  const { calls, options } = counted(async () => 'ada')
  const risk = createIpRisk(options)
  t.teardown(() => risk.close())
  const port = await listening(t, createServer((req, res) => {
    risk.assess(req, 'payment', res).then(async found => {
      await Promise.all([risk.enforce(req, found), risk.enforce(req, found)])
      await risk.trust(req)
      res.end('{}')
    })
  }))
  await post(port)
  t.match(calls, { account: 1, device: 1 })
})

t.test('trust() asks again where nobody was logged in before the handler, and takes the account of another login', async t => {
  let user: string | null = null
  const { calls, options } = counted(() => user)
  const { app, port } = await fastifyPort(t, options)
  app.ipRisk.update({ mode: 'monitor' })
  t.match(await post(port), { familiarity: 'unknown' })
  t.same(calls, { account: 3, device: 0, isSatisfied: 0 }, 'once before the handler, and once by each trust()')
  user = 'ada'
  t.match(await post(port), { familiarity: 'first' }, 'nobody was taught')
  t.match(await post(port), { familiarity: 'similar' })
})

t.test('a login while another account is logged in teaches the account that trust() names', async t => {
  let user = 'ada'
  const { options } = counted(() => user)
  const app = fastify({ logger: false })
  t.teardown(() => app.close())
  await app.register(ipRisk, { ...options, mode: 'monitor' })
  app.post('/login', { config: { ipRisk: 'signup' } }, async request => {
    const before = request.ipRisk!.familiarity
    user = 'bob'
    await app.ipRisk.trust(request, user)
    return { before }
  })
  const login = async () => (await app.inject({ method: 'POST', url: '/login', headers: { 'x-forwarded-for': '203.0.113.2' } })).json() as unknown
  t.same(await login(), { before: 'first' }, 'of ada')
  t.same(await login(), { before: 'similar' }, 'of bob')
  user = 'ada'
  t.same(await login(), { before: 'first' }, 'ada was taught nothing')
  await t.rejects(app.ipRisk.trust({}, ''), { message: /was not judged here/ })
})
