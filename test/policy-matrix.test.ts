import t from 'tap'
import type { Decision, IpRisk, UnknownReason, VerdictName } from '../types/contract.ts'
import { failClosed } from '../lib/index.ts'
import { rims } from './support/rims.ts'
import { answer, tableProvider, type Row, visitorProvider, visitors } from './support/table-provider.ts'

type Visitor = keyof typeof visitors
type Cells = Readonly<Record<Visitor, Decision>>
const write: Cells = { clean: 'allow', suspicious: 'elevate_risk', vpn_likely: 'step_up_auth', vpn_detected: 'block', unknown: 'allow' }
const read: Cells = { clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow' }
const strict: Cells = { clean: 'allow', suspicious: 'step_up_auth', vpn_likely: 'block', vpn_detected: 'block', unknown: 'step_up_auth' }
const closed: Cells = { ...write, unknown: 'step_up_auth' }
const everyone = Object.keys(visitors) as Visitor[]
const challenge = 'Bearer error="insufficient_user_authentication", ' +
  'error_description="A stronger or more recent authentication is required", acr_values="mfa"'

const routes = {
  '/signup': 'signup',
  '/account': true,
  '/withdrawal': { action: 'withdrawal', policy: { write: { suspicious: 'step_up_auth', vpn_likely: 'block', unknown: { default: 'step_up_auth' } } } },
  '/closed': { action: 'withdrawal', policy: failClosed },
  '/watched': { action: 'payment', mode: 'monitor' },
  '/enforced': { action: 'payment', mode: 'enforce' },
  '/search': { write: false },
  '/judged': { action: 'kyc', policy: (risk: IpRisk) => risk.verdict === 'clean' ? 'block' : 'allow' },
  '/skipped': { action: 'admin', lookup: 'skip' }
} as const

/** What each route decides of each visitor, by method. */
const matrix: [method: string, url: keyof typeof routes, cells: Cells][] = [
  ['POST', '/signup', write], ['GET', '/signup', write],
  ['POST', '/account', write], ['GET', '/account', read],
  ['POST', '/withdrawal', strict], ['GET', '/withdrawal', strict],
  ['POST', '/closed', closed],
  ['POST', '/search', read],
  ['POST', '/judged', { clean: 'block', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow' }],
  ['POST', '/skipped', { clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow' }]
]
const statusOf: { readonly [D in Decision]: number } = { allow: 200, elevate_risk: 200, step_up_auth: 401, block: 403 }

for (const [name, start] of Object.entries(rims)) {
  t.test(`${name}: every cell is acted upon, and the visitor learns nothing but that`, async t => {
    const rim = await start({ provider: visitorProvider(), satisfied: false }, routes)
    t.teardown(() => rim.close())
    for (const [method, url, cells] of matrix) {
      for (const visitor of everyone) {
        const { status, headers, body, risk } = await rim.ask(method, url, visitors[visitor])
        const decision = cells[visitor]
        t.equal(status, statusOf[decision], `${visitor} ${method} ${url}`)
        t.equal(headers['www-authenticate'], decision === 'step_up_auth' ? challenge : undefined)
        if (status === 200) {
          const verdict = url === '/skipped' ? 'unknown' : visitor
          t.match(risk, { ip: visitors[visitor], source: 'x-forwarded-for', verdict, decision })
        } else {
          const code = decision === 'block' ? 'FST_IP_RISK_BLOCKED' : 'FST_IP_RISK_STEP_UP'
          t.match(JSON.parse(body), { statusCode: status, code })
          t.notMatch(body, /vpn|verdict|score|table|signal|suspicious|policy/i)
        }
      }
    }
  })

  t.test(`${name}: an unknown that a visitor can bring about is flagged, and blocked where it must not pass`, async t => {
    const rim = await start({ provider: visitorProvider(), satisfied: true }, routes)
    t.teardown(() => rim.close())
    const flagged = { verdict: 'unknown', reason: 'infrastructure', decision: 'elevate_risk' }
    t.match(await rim.ask('POST', '/signup', '127.0.0.1'), { status: 200, risk: flagged })
    t.match(await rim.ask('GET', '/account', '127.0.0.1'), { status: 200, risk: { ...flagged, decision: 'allow' } })
    t.equal((await rim.ask('POST', '/closed', '127.0.0.1')).status, 403)
  })

  t.test(`${name}: in monitor mode everything is told and nothing happens, but where the route enforces`, async t => {
    const rim = await start({ provider: visitorProvider(), satisfied: false, mode: 'monitor' }, routes)
    t.teardown(() => rim.close())
    for (const visitor of everyone) {
      const signup = await rim.ask('POST', '/signup', visitors[visitor])
      t.equal(signup.status, 200)
      t.match(signup.risk, { verdict: visitor, decision: write[visitor] })
      t.equal((await rim.ask('POST', '/enforced', visitors[visitor])).status, statusOf[write[visitor]])
    }
  })

  t.test(`${name}: a route may be watched while the others are enforced`, async t => {
    const rim = await start({ provider: visitorProvider(), satisfied: false }, routes)
    t.teardown(() => rim.close())
    const { status, risk } = await rim.ask('POST', '/watched', visitors.vpn_detected)
    t.equal(status, 200)
    t.match(risk, { decision: 'block', action: 'payment', write: true })
  })

  t.test(`${name}: a satisfied step-up goes through; without stepUp it is told only`, async t => {
    const rim = await start({ provider: visitorProvider(), satisfied: 'by header' }, routes)
    t.teardown(() => rim.close())
    t.equal((await rim.ask('POST', '/signup', visitors.vpn_likely, { 'x-code': '000000' })).status, 401)
    const satisfied = await rim.ask('POST', '/signup', visitors.vpn_likely, { 'x-code': '123456' })
    t.equal(satisfied.status, 200)
    t.match(satisfied.risk, { decision: 'step_up_auth' })
    t.equal((await rim.ask('POST', '/signup', visitors.vpn_detected, { 'x-code': '123456' })).status, 403, 'a block is not satisfied by it')

    const without = await start({ provider: visitorProvider() }, routes)
    t.teardown(() => without.close())
    const told = await without.ask('POST', '/signup', visitors.vpn_likely)
    t.equal(told.status, 200)
    t.match(told.risk, { decision: 'step_up_auth' })
  })

  t.test(`${name}: deny stops reads too, on marked routes only, and allow wins over everything`, async t => {
    const rim = await start({
      provider: visitorProvider(),
      satisfied: false,
      deny: ['203.0.113.0/28'],
      allow: [visitors.vpn_detected, '2001:db8::/32'],
      policy: () => 'block'
    }, { ...routes, '/plain': undefined })
    t.teardown(() => rim.close())
    t.equal((await rim.ask('GET', '/account', visitors.clean)).status, 403)
    t.equal((await rim.ask('POST', '/signup', visitors.suspicious)).status, 403)
    t.equal((await rim.ask('POST', '/watched', visitors.clean)).status, 200, 'watched only')
    t.match((await rim.ask('GET', '/plain', visitors.clean)), { status: 200, risk: { decision: 'block', reason: 'listed' } })
    for (const visitor of [visitors.vpn_detected, '2001:db8::7']) {
      const { status, risk } = await rim.ask('POST', '/signup', visitor)
      t.equal(status, 200)
      t.match(risk, { verdict: 'unknown', reason: 'listed', provider: 'none', decidedBy: 'allow_list', decision: 'allow', cache: 'none' })
    }
  })

  t.test(`${name}: categories soften and harden, and each reason has its own cell`, async t => {
    const people: Record<string, Row> = {
      '203.0.113.11': answer('vpn_detected', { categories: ['relay', 'vpn'] }),
      '203.0.113.12': answer('clean', { categories: ['tor'] }),
      '203.0.113.13': 'no_data',
      '203.0.113.14': 'rate_limited' // the last: the provider is left alone for a while
    }
    const rim = await start({
      provider: tableProvider(people),
      satisfied: false,
      policy: { rules: [{ category: 'tor', then: 'block' }], write: { unknown: { default: 'allow', rate_limited: 'step_up_auth' } } }
    }, routes)
    t.teardown(() => rim.close())
    const statuses = []
    for (const ip of Object.keys(people)) statuses.push((await rim.ask('POST', '/signup', ip)).status)
    t.same(statuses, [200, 403, 200, 401])
    t.match(await rim.ask('GET', '/account', '203.0.113.12'), { status: 200, risk: { decision: 'elevate_risk' } })
  })
}

t.test('an unmarked route tells what is cached, asks nobody and is never enforced', async t => {
  for (const name of ['Fastify, injected', 'Fastify, over a socket', 'Express']) {
    const provider = visitorProvider()
    const rim = await rims[name]!({ provider, satisfied: false }, { '/signup': 'signup', '/plain': undefined })
    t.teardown(() => rim.close())
    for (const visitor of everyone) {
      const ip = visitors[visitor]
      const before = await rim.ask('POST', '/plain', ip)
      t.match(before, { status: 200, risk: { verdict: 'unknown', reason: 'not_asked', decision: 'allow', cache: 'none' } })
      t.notOk(provider.calls.includes(ip))
      await rim.ask('POST', '/signup', ip)
      const after = await rim.ask('POST', '/plain', ip)
      t.match(after, { status: 200, risk: { verdict: visitor, decision: write[visitor], action: null, write: true, cache: 'memory' } })
      t.match(await rim.ask('GET', '/plain', ip), { status: 200, risk: { verdict: visitor, decision: 'allow', write: false } })
    }
  }
})

t.test('hit or miss, verdict or none: one shape', async t => {
  const provider = tableProvider({ '203.0.113.1': answer('clean' satisfies VerdictName), '203.0.113.2': 'timeout' satisfies UnknownReason })
  const rim = await rims['Fastify, injected']!({ provider }, { '/signup': 'signup' })
  t.teardown(() => rim.close())
  const names = ['ip', 'source', 'verdict', 'score', 'isVpn', 'confidence', 'signals', 'info', 'categories', 'provider', 'cache', 'ageSeconds',
    'action', 'write', 'decision', 'decidedBy']
  for (const cache of ['miss', 'memory']) {
    const { risk } = await rim.ask('POST', '/signup', '203.0.113.1')
    t.equal(risk!.cache, cache)
    t.same(Object.keys(risk!), names)
    t.same(Object.keys((await rim.ask('POST', '/signup', '203.0.113.2')).risk!), [...names, 'reason'])
  }
  t.same(Object.keys((await rim.ask('POST', '/signup', '10.0.0.1')).risk!), [...names, 'reason'])
})
