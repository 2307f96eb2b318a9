import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { ipRisk as expressIpRisk } from '../lib/frameworks/express.ts'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const never = async (): Promise<never> => await new Promise<never>(() => {})
const policy = { write: { unknown: 'step_up_auth' } } as const
const deny = ['127.0.0.0/8']
const timeoutMs = 50

async function application (t: Test, options: FastifyIpRiskOptions) {
  const { lines, logger } = pinoLog()
  const app = fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: tableProvider({}), timeoutMs, ...options })
  app.post('/', { config: { ipRisk: 'signup' } }, async () => 'reached')
  const post = async (remoteAddress = '198.51.100.9') => await app.inject({ method: 'POST', url: '/', remoteAddress })
  return { app, lines, post }
}

t.test('an isSatisfied that never settles counts as "no" within the time limit of the route, and is logged once', async t => {
  const { lines, post } = await application(t, { policy, stepUp: { isSatisfied: never } })
  for (let i = 0; i < 2; i++) {
    const { statusCode, headers } = await post()
    t.equal(statusCode, 401)
    t.match(headers['www-authenticate'], /insufficient_user_authentication/)
  }
  t.equal(lines.filter(({ code }) => code === 'IP_RISK_STEP_UP_FAILED').length, 1)
  t.match(JSON.stringify(lines), /no answer within 50 ms/)
})

t.test('an onRejected that never settles leaves the default answer, and is logged once', async t => {
  const { lines, post } = await application(t, { deny, onRejected: never })
  for (let i = 0; i < 2; i++) t.match((await post('127.0.0.1')).json(), { statusCode: 403, code: 'FST_IP_RISK_BLOCKED' })
  t.equal(lines.filter(({ code }) => code === 'IP_RISK_ON_REJECTED_FAILED').length, 1)
})

t.test('what onRejected has begun to send is not sent a second time', async t => {
  const answers: NonNullable<FastifyIpRiskOptions['onRejected']>[] = [
    (_request, reply) => { reply.send('own body') },
    async (_request, reply) => { reply.send('own body') },
    (_request, reply) => { reply.send(Readable.from(['own ', 'body'])) },
    (_request, reply) => { setImmediate(() => reply.send('own body')); return never() }
  ]
  for (const [i, onRejected] of answers.entries()) {
    const { app, lines, post } = await application(t, { deny, onRejected })
    let sends = 0
    app.addHook('onSend', async (_request, _reply, payload) => {
      sends++
      await new Promise(resolve => setTimeout(resolve, 10)) // as a hook that saves a session does
      return payload
    })
    const { statusCode, body } = await post('127.0.0.1')
    t.same([statusCode, body], [403, 'own body'], `answer ${i}`)
    t.equal(sends, 1)
    t.equal(lines.filter(line => JSON.stringify(line).includes('already sent')).length, 0)
  }
})

t.test('Express and Node wait no longer either', async t => {
  const log = memoryLog()
  const risk = expressIpRisk({ provider: tableProvider({}), deny, timeoutMs, onRejected: never, log })
  t.teardown(() => risk.close())
  const app = express()
  app.use(risk.route('signup'))
  const sites = [app.listen(0, '127.0.0.1')]
  for (const options of [{ deny, onRejected: never }, { policy, clientIp: { trusted: ['loopback'] }, stepUp: { isSatisfied: never } }]) {
    const engine = createIpRisk({ provider: tableProvider({}), timeoutMs, log, ...options })
    t.teardown(() => engine.close())
    sites.push(createServer(async (request, response) => {
      const rejection = await engine.enforce(request, await engine.assess(request, 'signup', response))
      response.writeHead(rejection?.statusCode ?? 200, rejection?.headers).end()
    }).listen(0, '127.0.0.1'))
  }
  const statuses: number[] = []
  for (const site of sites) {
    if (!site.listening) await once(site, 'listening')
    t.teardown(() => site.close())
    const headers = { 'x-forwarded-for': '198.51.100.9' }
    statuses.push((await fetch(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`, { method: 'POST', headers })).status)
  }
  t.same(statuses, [403, 403, 401])
  t.match(log.text(), /IP_RISK_ON_REJECTED_FAILED[^]*IP_RISK_STEP_UP_FAILED/)
})
