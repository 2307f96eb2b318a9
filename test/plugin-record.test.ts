import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createHmac, hkdfSync } from 'node:crypto'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import ipRisk, { createIpRisk } from '../lib/index.ts'
import { showAddress } from '../lib/ip/redact.ts'
import type { DecisionRecord, IpRisk, LookupRecord } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { answer, tableProvider, visitorProvider, visitors } from './support/table-provider.ts'

interface Line { level: number, msg: string, code?: string, reqId?: string, ipRisk?: DecisionRecord, err?: { message: string } }

async function start (t: Test, options: FastifyIpRiskOptions, level = 'debug', more: FastifyServerOptions = {}): Promise<{ app: FastifyInstance, lines: Line[] }> {
  const { lines, logger } = pinoLog<Line>(level)
  const app = Fastify({ logger, genReqId: () => 'request 7', ...more })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), ...options })
  app.post('/users/:id', { config: { ipRisk: 'signup' } }, async () => 'ok')
  app.post('/watched', { config: { ipRisk: { action: 'payment', mode: 'monitor' } } }, async () => 'ok')
  app.post('/plain', async () => 'ok')
  return { app, lines }
}
const ask = async (app: FastifyInstance, url: string, remoteAddress: string): Promise<number> => (await app.inject({ method: 'POST', url, remoteAddress })).statusCode
/** HKDF-SHA-256, so that it says nothing about the ids in Redis. */
const logHmac = (secret: string, ip: string): string =>
  createHmac('sha256', Buffer.from(hkdfSync('sha256', secret, '', 'fastify-ip-risk log', 32))).update(ip).digest('hex')
const isDecision = ({ ipRisk }: Line): boolean => ipRisk !== undefined

t.test('every decision has one record with everything but the address', async t => {
  const records: DecisionRecord[] = []
  const { app } = await start(t, { onDecision: record => { records.push(record) } }, 'warn')
  const before = Date.now()
  await ask(app, '/users/me@example.org', visitors.vpn_detected)
  await ask(app, '/users/7', visitors.vpn_likely)
  await ask(app, '/watched', visitors.vpn_detected)
  await ask(app, '/plain', visitors.vpn_detected)
  await ask(app, '/nowhere', visitors.unknown)
  t.match(records, [
    { verdict: 'vpn_detected', decision: 'block', wouldBe: 'block', outcome: 'blocked', mode: 'enforce', action: 'signup', route: '/users/:id' },
    { verdict: 'vpn_likely', decision: 'step_up_auth', wouldBe: 'elevate_risk', outcome: 'not_enforced', mode: 'enforce' },
    { verdict: 'vpn_detected', decision: 'block', wouldBe: 'block', mode: 'monitor', action: 'payment', route: '/watched', cache: 'memory' },
    { verdict: 'vpn_detected', decision: 'block', wouldBe: 'allow', action: null, route: '/plain' },
    { verdict: 'unknown', reason: 'not_asked', decision: 'allow', wouldBe: 'allow', route: undefined }
  ])
  for (const record of records) {
    t.ok(Object.isFrozen(record))
    t.notOk('ip' in record)
    t.match(record, { address: '203.0.113.0/24', requestId: 'request 7', method: 'POST', source: 'remote_address', durationMs: Number, signals: [], info: {} })
    t.ok(record.durationMs >= 0 && record.durationMs < 60_000)
    t.ok(Date.parse(record.at) >= before && Date.parse(record.at) <= Date.now())
    t.notMatch(JSON.stringify(record), /example\.org/, 'nothing that the visitor typed')
  }
})

t.test('wouldBe is step_up_auth where a step-up is configured', async t => {
  const records: DecisionRecord[] = []
  const { app } = await start(t, { mode: 'monitor', stepUp: { isSatisfied: () => false }, onDecision: record => records.push(record) })
  t.equal(await ask(app, '/users/7', visitors.vpn_likely), 200)
  t.match(records, [{ decision: 'step_up_auth', wouldBe: 'step_up_auth', mode: 'monitor' }])
})

t.test('what was or would be enforced is an info line of the request\'s own logger, the rest is debug', async t => {
  const { app, lines } = await start(t, {})
  await ask(app, '/users/7', visitors.vpn_detected)
  await ask(app, '/users/7', visitors.suspicious)
  await ask(app, '/watched', visitors.vpn_detected)
  t.match(lines.filter(isDecision), [
    { level: 30, reqId: 'request 7', msg: 'ip-risk decision block, outcome blocked', ipRisk: { decision: 'block', address: '203.0.113.0/24' } },
    { level: 20, reqId: 'request 7', msg: 'ip-risk decision elevate_risk, outcome flagged', ipRisk: { decision: 'elevate_risk' } },
    { level: 30, reqId: 'request 7', msg: 'ip-risk decision block, outcome not_enforced', ipRisk: { decision: 'block', mode: 'monitor' } }
  ])
  t.notMatch(JSON.stringify(lines.filter(isDecision)), visitors.vpn_detected)
})

t.test('a line that the level drops is not built', async t => {
  const cases: [level: string, visitor: keyof typeof visitors, lines: number][] = [
    ['info', 'clean', 0], ['info', 'vpn_detected', 1], ['warn', 'vpn_detected', 0], ['debug', 'clean', 1]
  ]
  const dated = t.capture(Date.prototype, 'toISOString', Date.prototype.toISOString) // every record has a date
  for (const [level, visitor, count] of cases) {
    const { app, lines } = await start(t, {}, level)
    dated()
    await ask(app, '/users/7', visitors[visitor])
    t.equal(lines.filter(isDecision).length, count, `${level} ${visitor}`)
    t.equal(dated().length, count, 'records built')
  }
})

t.test('with logger false, and with a logger that cannot tell its level, decisions work and lines are written', async t => {
  const silent = Fastify()
  t.teardown(() => silent.close())
  await silent.register(ipRisk, { provider: visitorProvider() })
  silent.post('/', { config: { ipRisk: 'signup' } }, async () => 'ok')
  t.equal(await ask(silent, '/', visitors.vpn_detected), 403)

  const log = memoryLog()
  const engine = createIpRisk({ provider: visitorProvider(), log })
  t.teardown(() => engine.close())
  const request = { method: 'POST', headers: {}, socket: { remoteAddress: visitors.vpn_detected } }
  await engine.assess(request, { policy: { write: { vpn_likely: 'block' } } })
  await engine.assess({ ...request, id: 7 } as typeof request, { policy: { write: { vpn_likely: 'block' } }, mode: 'monitor' })
  await engine.assess({ headers: {}, socket: request.socket }, { policy: { write: { vpn_likely: 'block' } } })
  t.match(log.lines.filter(({ fields }) => 'ipRisk' in fields), [
    { level: 'info', fields: { ipRisk: { requestId: '', method: 'POST' } } },
    { level: 'info', fields: { ipRisk: { requestId: '7', decision: 'block', outcome: 'not_enforced' } } },
    { level: 'debug', fields: { ipRisk: { method: 'GET', write: false, decision: 'allow' } } }
  ])
})

t.test('an onDecision that fails harms nobody, and is logged once until it has worked for a minute', async t => {
  let fail: 'throw' | 'reject' | 'no' = 'throw'
  const onDecision = (): unknown => {
    if (fail === 'throw') throw new Error('sink is down')
    return fail === 'reject' ? Promise.reject(new Error('sink is away')) : Promise.resolve()
  }
  const { app, lines } = await start(t, { onDecision }, 'error')
  const { now } = performance
  let aheadMs = 0
  performance.now = () => now.call(performance) + aheadMs
  t.teardown(() => { performance.now = now })
  for (const next of ['throw', 'throw', 'no', 'reject', 'no', 'a minute', 'no', 'reject', 'reject', 'no'] as const) {
    if (next === 'a minute') aheadMs += 60_000
    else fail = next
    t.equal(await ask(app, '/users/7', visitors.clean), 200)
    await new Promise(resolve => setImmediate(resolve))
  }
  const code = 'IP_RISK_ON_DECISION_FAILED'
  t.match(lines, [
    { level: 50, reqId: 'request 7', code, msg: /"onDecision".*fix the function/, err: { message: 'sink is down' } },
    { level: 50, reqId: 'request 7', code, msg: /"onDecision".*fix the function/, err: { message: 'sink is away' } }
  ])
  t.equal(lines.length, 2)
})

t.test('nobody waits for onDecision', async t => {
  const { app } = await start(t, { onDecision: () => new Promise(() => {}) })
  t.equal(await ask(app, '/users/7', visitors.clean), 200)
})

t.test('a child scope may have its own onDecision', async t => {
  const told: string[] = []
  const { app } = await start(t, { onDecision: () => { told.push('parent') } })
  await app.register(async child => {
    await child.register(ipRisk, { onDecision: () => { told.push('child') } })
    child.post('/child', async () => 'ok')
  })
  await ask(app, '/child', visitors.clean)
  await ask(app, '/plain', visitors.clean)
  t.same(told, ['child', 'parent'])
})

t.test('both diagnostics channels tell their subscribers, and build nothing without them', async t => {
  const decisions: DecisionRecord[] = []
  const lookups: LookupRecord[] = []
  const onDecision = (record: unknown): void => { decisions.push(record as DecisionRecord) }
  const onLookup = (record: unknown): void => { lookups.push(record as LookupRecord) }
  const { app } = await start(t, { recordAddress: 'none', deny: ['198.51.100.7'] }, 'warn')
  await ask(app, '/users/7', visitors.clean)
  subscribe('fastify-ip-risk:decision', onDecision)
  subscribe('fastify-ip-risk:lookup', onLookup)
  await ask(app, '/users/7', visitors.clean)
  await ask(app, '/users/7', visitors.unknown)
  await ask(app, '/users/7', '198.51.100.7')
  await app.ipRisk.lookup(visitors.suspicious)
  t.ok(unsubscribe('fastify-ip-risk:decision', onDecision))
  t.ok(unsubscribe('fastify-ip-risk:lookup', onLookup))
  t.notOk(channel('fastify-ip-risk:decision').hasSubscribers)
  await ask(app, '/users/7', visitors.clean)
  t.match(decisions, [{ verdict: 'clean', cache: 'memory' }, { verdict: 'unknown', reason: 'unavailable' }, { reason: 'listed' }])
  t.equal(decisions.length, 3, 'a lookup by the application is no decision on a visitor')
  t.match(lookups, [
    { verdict: 'clean', cache: 'memory', provider: 'table', lookup: 'wait', write: true, score: 0.1, categories: [], address: null, durationMs: Number, at: String },
    { verdict: 'unknown', reason: 'unavailable', cache: 'miss', score: null },
    { verdict: 'suspicious', cache: 'miss' }
  ])
  t.equal(lookups.length, 3, 'who stands on a list is not looked up')
  t.notOk('reason' in lookups[0]!)
})

t.test('addresses stand in records as recordAddress says', async t => {
  const keySecret = 'a secret of sixteen or more'
  const v6 = '2001:db8:aaaa:bbbb:cccc::1'
  const hmac = (ip: string): string => logHmac(keySecret, ip)
  const shown: [Parameters<typeof showAddress>[0], v4: string | null, v6: string | null][] = [
    ['full', '203.0.113.129', v6], ['truncated', '203.0.113.0/24', '2001:db8:aaaa::/48'], ['hmac', hmac('203.0.113.129'), hmac(v6)], ['none', null, null]
  ]
  for (const [recordAddress, v4Shown, v6Shown] of shown) {
    const records: DecisionRecord[] = []
    const { app } = await start(t, { recordAddress, cache: { keySecret }, onDecision: record => { records.push(record) } }, 'warn')
    await ask(app, '/plain', '203.0.113.129')
    await ask(app, '/plain', v6)
    t.same(records.map(({ address }) => address), [v4Shown, v6Shown], recordAddress)
    t.equal(showAddress(recordAddress, [keySecret])(null), null)
  }
  t.equal(showAddress('truncated')('not an address'), null)
  t.equal(showAddress('truncated')('255.255.255.255'), '255.255.255.0/24')
  t.equal(showAddress('truncated')('ffff:ffff:ffff:ffff::'), 'ffff:ffff:ffff::/48')
})

t.test('hmac takes the secret of the scope above, and is refused without one', async t => {
  const boot = async (parent: FastifyIpRiskOptions, child: FastifyIpRiskOptions): Promise<DecisionRecord[]> => {
    const records: DecisionRecord[] = []
    const { app } = await start(t, { onDecision: record => { records.push(record) }, ...parent })
    await app.register(async instance => {
      await instance.register(ipRisk, child)
      instance.post('/child', async () => 'ok')
    })
    await ask(app, '/child', visitors.clean)
    return records
  }
  const keySecret = 'a secret of sixteen or more'
  t.match(await boot({ cache: { keySecret } }, { recordAddress: 'hmac' }), [{ address: logHmac(keySecret, visitors.clean) }])
  await t.rejects(boot({}, { logAddress: 'hmac' }), { code: 'FST_IP_RISK_BAD_OPTION', message: /"logAddress" is "hmac"/ })
  await t.rejects(boot({ cache: { keySecret }, logAddress: 'hmac' }, { cache: { ttlSeconds: 60 } }), /"logAddress" is "hmac"/, 'the child\'s cache has none')
})

t.test('a signal\'s detail does not carry the address past recordAddress', async t => {
  const signals = [{ type: 'list', weight: 1, detail: '203.0.113.9 is on a list (203.0.113.9)' }, { type: 'asn', weight: 0.5, detail: 'AS64500' }]
  for (const [recordAddress, detail] of [['truncated', '203.0.113.0/24 is on a list (203.0.113.0/24)'], ['none', '[address] is on a list ([address])'],
    ['full', signals[0]!.detail]] as const) {
    const records: DecisionRecord[] = []
    const seen: (IpRisk | null)[] = []
    const { app } = await start(t, { recordAddress, onDecision: record => { records.push(record) }, provider: tableProvider({ '203.0.113.9': answer('clean', { signals }) }) })
    app.addHook('preHandler', async request => { seen.push(request.ipRisk) })
    await ask(app, '/users/7', '203.0.113.9')
    t.same(records.map(({ signals }) => signals), [[{ ...signals[0], detail }, signals[1]]])
    t.same(seen[0]!.signals, signals, 'the handler sees what the provider said')
  }
})

t.test('a policy function that throws is logged with the request it failed on', async t => {
  const { app, lines } = await start(t, { policy: () => { throw new Error('my bug') } }, 'error')
  t.equal(await ask(app, '/users/7', visitors.vpn_detected), 403)
  t.match(lines, [{
    level: 50, reqId: 'request 7', code: 'IP_RISK_POLICY_FUNCTION_FAILED', action: 'signup', route: '/users/:id', err: { message: 'my bug' }
  }])
})
