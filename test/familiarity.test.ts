import fastify, { type FastifyInstance } from 'fastify'
import fc from 'fast-check'
import t from 'tap'
import { CONFIRMED, TRUSTED } from '../lib/familiarity/index.ts'
import { type History, learned, type Lesson, nothingKnown, readNetwork, writeNetwork } from '../lib/familiarity/history.ts'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import type { DecisionRecord } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { answer, tableProvider } from './support/table-provider.ts'
import { bounds, DAY_MS, far, home, service } from './support/visits.ts'

t.test('only a satisfied step-up makes a network known, for 90 days', async t => {
  const { of, learn, wait, accounts } = service()
  t.equal(await of('203.0.113.1'), 'first')
  await learn(TRUSTED, '203.0.113.1')
  t.equal(await of('203.0.113.1'), 'similar', 'trust alone')
  await learn(CONFIRMED, '203.0.113.1')
  t.equal(await of('203.0.113.99'), 'known', 'the same /24')
  t.equal(await of('203.0.114.1'), 'similar', 'the same AS')
  t.equal(await of('198.51.100.1', { asn: 'AS1', countryCode: 'DE' }), 'similar', 'the same country')
  t.equal(await of('198.51.100.1', { asn: 'AS1', countryCode: 'FR' }), 'new')
  t.equal(await of('203.0.113.1', { ...home, asn: 'AS1' }), 'similar', 'another AS number in the same /24')
  wait(89 * DAY_MS)
  await learn(TRUSTED, '203.0.113.1')
  t.equal(await of('203.0.113.1'), 'known')
  wait(2 * DAY_MS)
  t.equal(await of('203.0.113.1'), 'similar', 'used since, but not confirmed within 90 days')
  await accounts.forget('ada')
  t.equal(await of('203.0.113.1'), 'first')
})

t.test('on a VPN the device must be the same', async t => {
  const { of, learn } = service()
  await learn(CONFIRMED, '203.0.113.1', home, 'vpn_detected', 'laptop')
  t.equal(await of('203.0.113.1', home, 'vpn_detected', 'laptop'), 'known')
  t.equal(await of('203.0.113.1', home, 'vpn_likely', 'phone'), 'similar')
  t.equal(await of('203.0.113.1', home, 'vpn_detected', null), 'similar')
  await learn(CONFIRMED, '203.0.114.1', home, 'vpn_detected', null)
  t.equal(await of('203.0.114.1', home, 'vpn_detected', null), 'similar', 'no device is no device that matches')
})

const lesson: fc.Arbitrary<Lesson> = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  network: fc.constantFrom('n', 'm'),
  asn: fc.constantFrom('', 'as'),
  country: fc.constantFrom('', 'co'),
  strength: fc.constantFrom(TRUSTED, CONFIRMED),
  atMs: fc.integer({ min: 0, max: 1000 }),
  place: fc.constant('')
})

t.test('learning is bounded, and no lesson makes a network weaker', async t => {
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(lesson, { maxLength: 40 }), lessons => {
    let history: History = nothingKnown
    for (const one of lessons) {
      const before = history
      history = learned(history, one, bounds)
      if (history.networks.length > bounds.maxNetworks) return false
      for (const after of history.networks) {
        const held = before.networks.find(({ id }) => id === after.id)
        if (held !== undefined && (after.strength < held.strength || after.count < held.count)) return false
        if (JSON.stringify(readNetwork(after.id, writeNetwork(after))) !== JSON.stringify(after)) return false
      }
      const confirmed = before.networks.filter(({ strength }) => strength === CONFIRMED)
      if (one.strength === TRUSTED && !confirmed.every(({ id }) => history.networks.some(held => held.id === id))) return false
    }
    return true
  })))
  for (const text of ['', 'n a c 1 2 3 4', 'n a c x 2 3 2 5', 'n a c 1 2 3 2 5 9']) t.equal(readNetwork('a', text), undefined)
})

async function application (t: { teardown (close: () => unknown): unknown }, more: Partial<FastifyIpRiskOptions> = {}) {
  const records: DecisionRecord[] = []
  const app: FastifyInstance = fastify({ logger: false })
  t.teardown(() => app.close())
  await app.register(ipRisk, {
    provider: tableProvider({
      '203.0.113.1': answer('vpn_detected', { info: home }),
      '203.0.113.2': answer('vpn_likely', { info: home }),
      '198.51.100.1': answer('clean', { info: far })
    }),
    stepUp: { isSatisfied: request => request.headers['x-code'] === '123456' },
    familiarity: {
      account: request => request.headers['x-user'] as string | undefined,
      device: request => request.headers['x-device'] as string | undefined
    },
    onDecision: record => records.push(record),
    ...more
  })
  const preHandler = async (request: { headers: object }): Promise<void> => {
    if (!('x-user' in request.headers)) throw Object.assign(new Error('log in'), { statusCode: 401 })
  }
  for (const action of ['payment', 'withdrawal', 'admin'] as const) {
    app.post(`/${action}`, { config: { ipRisk: action }, preHandler }, async request => request.ipRisk)
  }
  app.post('/login', { config: { ipRisk: 'signup' } }, async request => {
    await app.ipRisk.trust(request)
    return request.ipRisk
  })
  const post = async (url: string, remoteAddress: string, more: Record<string, string | undefined> = {}) => {
    const given = Object.entries({ 'x-user': 'ada', 'x-device': 'laptop', ...more }).filter(([, value]) => value !== undefined)
    return await app.inject({ method: 'POST', url, remoteAddress, headers: Object.fromEntries(given) as Record<string, string> })
  }
  return { app, post, records }
}

t.test('who passed one step-up on a VPN is not asked again there, but for a withdrawal or as an administrator', async t => {
  const { app, post, records } = await application(t)
  t.equal((await post('/payment', '203.0.113.2')).statusCode, 401)
  t.equal((await post('/payment', '203.0.113.2', { 'x-code': '123456' })).statusCode, 200)
  const regular = await post('/payment', '203.0.113.2')
  t.match(regular.json(), { familiarity: 'known', decision: 'elevate_risk', decidedBy: 'rule', rule: 'familiar_network' })
  t.equal((await post('/withdrawal', '203.0.113.2')).statusCode, 401)
  t.equal((await post('/admin', '203.0.113.2')).statusCode, 401)
  t.equal((await post('/payment', '203.0.113.2', { 'x-device': 'another' })).statusCode, 401)
  t.equal((await post('/payment', '203.0.113.2', { 'x-user': 'eve' })).statusCode, 401)
  t.same(records.map(record => record.outcome), ['challenged', 'satisfied', 'flagged', 'challenged', 'challenged', 'challenged', 'challenged'])
  t.same(records.map(record => record.familiarity), ['first', 'first', 'known', 'known', 'known', 'similar', 'first'])
  await app.ipRisk.forget('ada')
  t.equal((await post('/payment', '203.0.113.2')).statusCode, 401)
})

t.test('a block becomes a step-up on a network that the account confirmed on any route', async t => {
  const { post } = await application(t)
  t.equal((await post('/payment', '203.0.113.1', { 'x-code': '123456' })).statusCode, 403, 'the first time it is a block')
  t.equal((await post('/admin', '203.0.113.2', { 'x-code': '123456' })).statusCode, 200, 'another route, the same /24 and AS number')
  t.equal((await post('/payment', '203.0.113.1')).statusCode, 401)
  t.equal((await post('/payment', '203.0.113.1', { 'x-code': '123456' })).statusCode, 200)
  for (const url of ['/withdrawal', '/admin']) t.equal((await post(url, '203.0.113.1', { 'x-code': '123456' })).statusCode, 403, url)
})

t.test('authentication runs first where a block could be lowered, and a block that cannot comes at once', async t => {
  const { post } = await application(t)
  t.equal((await post('/payment', '203.0.113.1', { 'x-user': undefined })).statusCode, 401)
  t.equal((await post('/withdrawal', '203.0.113.1', { 'x-user': undefined })).statusCode, 403)
})

t.test('rules may name the familiarity', async t => {
  const { post } = await application(t, {
    policy: {
      rules: [{ name: 'impossible', familiarity: 'impossible', then: 'block' }, { name: 'stranger', familiarity: ['new', 'first'], atLeast: 'step_up_auth' }]
    }
  })
  t.equal((await post('/payment', '198.51.100.1')).statusCode, 401, 'no history')
  t.equal((await post('/payment', '203.0.113.2', { 'x-code': '123456' })).statusCode, 200)
  t.equal((await post('/login', '198.51.100.1', { 'x-code': '123456' })).statusCode, 200, 'signup by a stranger with a code')
  t.match((await post('/payment', '198.51.100.1', { 'x-code': '123456' })).json(), { familiarity: 'known' })
})

t.test('without an account the familiarity is unknown, whatever account() does', async t => {
  for (const account of [() => null, () => '', async () => undefined, () => { throw new Error('broken') }, async () => { throw new Error('broken') }]) {
    const { post, records } = await application(t, { familiarity: { account } })
    t.equal((await post('/payment', '203.0.113.2')).statusCode, 401)
    t.equal(records[0]!.familiarity, 'unknown')
  }
})

t.test('wrong options fail at boot, and trust() says what is missing', async t => {
  const account = () => 'ada'
  const stepUp = { isSatisfied: () => true }
  const rows: [object, RegExp][] = [
    [{ familiarity: { account } }, /"familiarity" needs the option "stepUp"/],
    [{ familiarity: {}, stepUp }, /"familiarity.account" is missing/],
    [{ familiarity: { account, rememberDays: 0 }, stepUp }, /"familiarity.rememberDays" must be an integer from 1 to 365/],
    [{ familiarity: { account, maxNetworks: 51 }, stepUp }, /"familiarity.maxNetworks"/],
    [{ familiarity: { account, devices: [] }, stepUp }, /"familiarity.devices" does not exist/],
    [{ familiarity: { account }, stepUp, redis: 'redis://127.0.0.1:1' }, /"familiarity" keeps HMACs in Redis, which need a secret/]
  ]
  for (const [options, message] of rows) t.throws(() => createIpRisk(options), { message })
  const risk = createIpRisk({ provider: tableProvider({}) })
  t.teardown(() => risk.close())
  await t.rejects(risk.trust({}), { message: /"familiarity" is missing/ })
  const other = createIpRisk({ provider: tableProvider({}), stepUp, familiarity: { account } })
  t.teardown(() => other.close())
  await t.rejects(other.trust({}), { message: /was not judged here/ })
  await t.rejects(other.forget(''), { message: /must be the id/ })
})
