import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { ipRisk as expressIpRisk } from '../lib/frameworks/express.ts'
import ipRisk, { createClientIpResolver, createIpRisk } from '../lib/index.ts'
import { shareOfAddresses } from '../lib/policy/index.ts'
import type { CreateIpRiskOptions, DecisionRecord } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const keySecret = 'a secret of this test'
const deny = ['203.0.113.0/24']
const addresses = Array.from({ length: 254 }, (_, i) => `203.0.113.${i + 1}`)

async function application (t: { teardown (close: () => unknown): unknown }, options: FastifyIpRiskOptions) {
  const { lines, logger } = pinoLog('error')
  const records: DecisionRecord[] = []
  const app: FastifyInstance = fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: tableProvider({}), onDecision: record => records.push(record), ...options })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  app.post('/kyc', { config: { ipRisk: 'kyc' } }, async request => request.ipRisk)
  const post = async (remoteAddress: string, headers = {}, url = '/signup') =>
    await app.inject({ method: 'POST', url, remoteAddress, headers })
  return { app, lines, records, post }
}

t.test('a share is enforced for the same addresses everywhere, and grows without letting one out', async t => {
  const small = shareOfAddresses(keySecret, 0.1, 'signup')
  const large = shareOfAddresses(keySecret, 0.5, 'signup')
  const members = addresses.filter(small)
  t.ok(members.length > 5 && members.length < 60, `${members.length} of ${addresses.length}`)
  t.ok(members.every(large), 'a larger share contains the smaller one')
  t.same(members, addresses.filter(shareOfAddresses(keySecret, 0.1, 'signup')))
  t.notSame(members, addresses.filter(shareOfAddresses('another secret of it', 0.1, 'signup')))
  t.notSame(members, addresses.filter(shareOfAddresses(keySecret, 0.1, 'kyc')))
  t.equal(large('2001:db8:1:2::1'), large('2001:db8:1:2:ffff::9'), 'one /64 is on one side')
  t.same([addresses.some(shareOfAddresses(keySecret, 0, '')), addresses.every(shareOfAddresses(keySecret, 1, ''))], [false, true])
})

t.test('a request outside the enforced share is only recorded, and the record says its side', async t => {
  const { post, records } = await application(t, { deny, mode: { enforceShare: 0.5 }, cache: { keySecret } })
  const isEnforced = shareOfAddresses(keySecret, 0.5, 'signup')
  for (const ip of addresses.slice(0, 12)) t.equal((await post(ip)).statusCode, isEnforced(ip) ? 403 : 200, ip)
  t.same(records.map(({ mode, outcome }) => [mode, outcome]),
    addresses.slice(0, 12).map(ip => isEnforced(ip) ? ['enforce', 'blocked'] : ['monitor', 'not_enforced']))
})

t.test('a route may have a share of its own, or leave that of its scope', async t => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: tableProvider({}), deny, mode: { enforceShare: 0 }, cache: { keySecret } })
  app.post('/all', { config: { ipRisk: { mode: { enforceShare: 1 } } } }, async () => 'reached')
  app.post('/enforced', { config: { ipRisk: { mode: 'enforce' } } }, async () => 'reached')
  app.post('/none', { config: { ipRisk: true } }, async () => 'reached')
  const statuses = await Promise.all(['/all', '/enforced', '/none'].map(async url =>
    (await app.inject({ method: 'POST', url, remoteAddress: '203.0.113.9' })).statusCode))
  t.same(statuses, [403, 403, 200])
})

t.test('a wrong share fails at boot', async t => {
  const rows: [CreateIpRiskOptions, RegExp][] = [
    [{ mode: { enforceShare: 0.1 } }, /"mode.enforceShare" needs a secret/],
    [{ mode: { enforceShare: 2 }, cache: { keySecret } }, /"mode.enforceShare" must be a number from 0 to 1/],
    [{ mode: {} as never, cache: { keySecret } }, /"mode.enforceShare" is missing/]
  ]
  for (const [options, message] of rows) t.throws(() => createIpRisk(options), { message })
})

t.test('what skip names is allowed without a lookup, and the record says so', async t => {
  const provider = tableProvider({})
  const { post, records } = await application(t, { provider, deny, skip: request => request.headers['x-probe'] === 'yes' })
  t.equal((await post('203.0.113.9', { 'x-probe': 'yes' })).statusCode, 200)
  t.equal((await post('203.0.113.9')).statusCode, 403)
  t.same(provider.calls, [])
  t.match(records, [{ reason: 'skipped', decidedBy: 'skip', decision: 'allow', outcome: 'allowed' }, { decidedBy: 'deny_list' }])
})

t.test('a skip that fails skips nothing, and is logged once', async t => {
  for (const skip of [() => { throw new Error('broken') }, async () => true]) {
    const { post, lines } = await application(t, { deny, skip: skip as never })
    for (let i = 0; i < 3; i++) t.equal((await post('203.0.113.9')).statusCode, 403)
    t.equal(lines.filter(({ code }) => code === 'IP_RISK_SKIP_FAILED').length, 1)
  }
})

t.test('onRejected answers in place of the default body, with the status and the challenge set', async t => {
  const { post } = await application(t, {
    deny,
    policy: { write: { unknown: 'step_up_auth' } },
    stepUp: { isSatisfied: () => false },
    onRejected: async (request, reply, risk) => await reply.type('text/html').send(`<p>${risk.decision} ${request.url}</p>`)
  })
  const blocked = await post('203.0.113.9')
  t.match([blocked.statusCode, blocked.body], [403, '<p>block /signup</p>'])
  const challenged = await post('198.51.100.9')
  t.match([challenged.statusCode, challenged.body], [401, '<p>step_up_auth /signup</p>'])
  t.match(challenged.headers['www-authenticate'], /insufficient_user_authentication/)
})

t.test('an onRejected that sends nothing, or fails, cannot let a request pass', async t => {
  for (const onRejected of [() => {}, async () => { throw new Error('broken') }, () => { throw new Error('broken') }]) {
    const { post, lines } = await application(t, { deny, onRejected })
    for (let i = 0; i < 2; i++) t.match((await post('203.0.113.9')).json(), { statusCode: 403, code: 'FST_IP_RISK_BLOCKED' })
    t.ok(lines.filter(({ code }) => code === 'IP_RISK_ON_REJECTED_FAILED').length <= 1)
  }
})

t.test('Express has the same skip and onRejected', async t => {
  const risk = expressIpRisk({
    provider: tableProvider({}),
    deny: ['127.0.0.0/8'],
    skip: req => req.headers['x-probe'] === 'yes',
    onRejected: (_req, res, { decision }) => { res.send(`no: ${decision}`) }
  })
  t.teardown(() => risk.close())
  const app = express()
  app.post('/', risk.route('signup'), (_req, res) => { res.send('reached') })
  const server = app.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const rejected = await fetch(url, { method: 'POST' })
  t.same([rejected.status, await rejected.text()], [403, 'no: block'])
  const skipped = await fetch(url, { method: 'POST', headers: { 'x-probe': 'yes' } })
  t.same([skipped.status, await skipped.text()], [200, 'reached'])
})

t.test('select names the client, and whatever is no address leaves it to the other options', async t => {
  const log = memoryLog()
  const request = (client?: string) => ({
    socket: { remoteAddress: '10.0.0.1' }, headers: { 'x-forwarded-for': '198.51.100.1', ...client !== undefined && { 'x-client': client } }
  })
  const resolve = createClientIpResolver({
    trusted: ['private'],
    select: ({ headers }) => {
      if (headers['x-client'] === 'throw') throw new Error('broken')
      return headers['x-client'] as string | undefined
    }
  }, log)
  t.match(resolve(request('::ffff:203.0.113.7')), { ip: '203.0.113.7', source: 'selected', peer: '10.0.0.1', infrastructure: false })
  t.match(resolve(request('2002:cb00:7107::1')), { scope: '6to4', embeddedIPv4: '203.0.113.7', peer: '10.0.0.1' })
  for (const text of [undefined, 'x', '203.0.113.7:80', 'throw', 'throw', '']) {
    t.match(resolve(request(text)), { ip: '198.51.100.1', source: 'x-forwarded-for' }, String(text))
  }
  t.equal(log.lines.filter(line => JSON.stringify(line).includes('IP_RISK_SELECT_FAILED')).length, 1)
  const server = { maxHeadersCount: 1 }
  const truncated = { ...request('203.0.113.7'), rawHeaders: ['x-client', '203.0.113.7'], socket: { remoteAddress: '10.0.0.1', server } }
  t.match(resolve(truncated), { ip: null, reason: 'truncated_headers' }, 'a header that may have been dropped is not read')
  t.throws(() => createClientIpResolver({ select: 'x-client' as never }), { message: /"clientIp.select" must be a function/ })
})

t.test('update() changes mode, policy and lists for the next request, and records who did it and why', async t => {
  const records: unknown[] = []
  const listener = (record: unknown): void => { records.push(record) }
  subscribe('fastify-ip-risk:update', listener)
  t.teardown(() => unsubscribe('fastify-ip-risk:update', listener))
  const { app, post } = await application(t, { deny })
  const statusOf = async (ip = '203.0.113.9'): Promise<number> => (await post(ip)).statusCode
  t.equal(await statusOf(), 403)
  const note = { reason: 'false positives of a carrier', author: 'ada' }
  t.match(app.ipRisk.update({ mode: 'monitor' }, note), { ...note, changes: { mode: 'monitor' }, at: String })
  t.equal(await statusOf(), 200)
  app.ipRisk.update({ mode: 'enforce', deny: ['198.51.100.0/24'] })
  t.equal(await statusOf(), 200)
  t.equal(await statusOf('198.51.100.9'), 403)
  app.ipRisk.update({ allow: ['198.51.100.9'] })
  t.equal(await statusOf('198.51.100.9'), 200)
  const { changes } = app.ipRisk.update({ policy: { write: { unknown: 'block' } } })
  t.equal(await statusOf(), 403, 'also for a route that was judged before')
  const { policy } = changes as { policy: { write: { unknown: string } } }
  t.throws(() => { policy.write.unknown = 'allow' }, TypeError, 'the record is frozen with all that is in it')
  t.throws(() => (app.ipRisk.update({ allow: [] }).changes.allow as string[]).push('x'), TypeError)
  t.equal(records.length, 5)
})

t.test('a wrong update changes nothing', async t => {
  const { app, post } = await application(t, { deny })
  for (const [changes, message] of [
    [{}, /"update" changes nothing/], [{ modes: 1 }, /"update.modes" does not exist/], [{ mode: 'off', deny: [] }, /"mode" must be one of/],
    [{ deny: ['x'] }, /"deny\[0\]"/], [{ policy: { write: { clean: 'no' } } }, /"policy.write.clean"/]
  ] as const) t.throws(() => app.ipRisk.update(changes as object), { message })
  t.throws(() => app.ipRisk.update({ mode: 'monitor' }, { reason: 'x'.repeat(501) }), { message: /at most 500/ })
  t.equal((await post('203.0.113.9')).statusCode, 403)
})

t.test('createIpRisk follows an update on routes that it knows already', async t => {
  const log = memoryLog()
  const risk = createIpRisk({ provider: tableProvider({}), deny, policy: { write: { vpn_likely: 'block' } }, log })
  t.teardown(() => risk.close())
  const request = { method: 'POST', socket: { remoteAddress: '198.51.100.9' }, headers: {} }
  const decisionOf = async (route: 'signup' | { action: 'kyc' }): Promise<string> => (await risk.assess(request, route)).decision
  const written = { action: 'kyc' } as const
  t.same([await decisionOf('signup'), await decisionOf(written)], ['allow', 'allow'])
  risk.update({ policy: { write: { unknown: 'block' } } })
  t.same([await decisionOf('signup'), await decisionOf(written)], ['block', 'block'])
  risk.update({ deny: ['198.51.100.0/24'], policy: { write: { unknown: 'allow' } } })
  t.match(await risk.assess(request, 'signup'), { decision: 'block', decidedBy: 'deny_list' })
  t.notMatch(log.text(), /IP_RISK_STEP_UP_MISSING/)
  risk.update({ policy: { write: { unknown: 'step_up_auth' } } })
  await risk.assess(request, 'signup')
  t.match(log.text(), /IP_RISK_STEP_UP_MISSING/, 'nothing would challenge them')
})

t.test('Node has the same onRejected where assess() is given the response, and one that fails cannot let a request pass', async t => {
  const bodies = [
    (_request: object, response: ServerResponse, { decision }: { decision: string }) => { response.end(`no: ${decision}`) },
    () => { throw new Error('broken') }
  ]
  for (const onRejected of bodies) {
    const risk = createIpRisk({ provider: tableProvider({}), deny: ['127.0.0.1'], stepUp: { isSatisfied: () => false }, onRejected, log: memoryLog() })
    const asked = createIpRisk({ provider: tableProvider({}), policy: { write: { unknown: 'step_up_auth' } }, stepUp: { isSatisfied: () => false }, onRejected, log: memoryLog() })
    t.teardown(async () => { await Promise.all([risk.close(), asked.close()]) })
    const server = createServer(async (request, response) => {
      const engine = request.url === '/deny' ? risk : asked
      const withoutResponse = request.url === '/alone'
      const rejection = await engine.enforce(request, await engine.assess(request, true, withoutResponse ? undefined : response))
      if (rejection?.sent !== true) response.writeHead(rejection?.statusCode ?? 200, rejection?.headers).end('default')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as { port: number }
    const get = async (path: string): Promise<[number, string | null, string]> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' })
      return [response.status, response.headers.get('www-authenticate'), await response.text()]
    }
    const works = onRejected === bodies[0]
    t.same(await get('/deny'), [403, null, works ? 'no: block' : 'default'])
    t.same((await get('/ask'))[0], 401)
    t.match(await get('/ask'), [401, /./, works ? 'no: step_up_auth' : 'default'])
    t.match(await get('/alone'), [401, /./, 'default'])
  }
})
