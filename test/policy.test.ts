import t from 'tap'
import fc from 'fast-check'
import { blankRisk } from '../lib/cli/blank-risk.ts'
import { decide, defaultPolicy, IpRiskError } from '../lib/index.ts'
import { decisions, milder } from '../lib/policy/decisions.ts'
import { basePolicy, canStepUp, compilePolicy, applyPolicy as ruling } from '../lib/policy/policy.ts'
import { readStepUp } from '../lib/policy/step-up.ts'
import type { Category, Decision, IpRisk, Policy, PolicyRule, PolicyTable, RouteContext, UnknownReason } from '../types/contract.ts'
import { memoryLog } from './support/log.ts'

const write: RouteContext = { action: 'signup', write: true, method: 'POST', url: '/signup' }
const read: RouteContext = { action: null, write: false, method: 'GET', url: '/account' }

function risk (verdict: IpRisk['verdict'], more: Partial<IpRisk> = {}): IpRisk {
  return { ...blankRisk(verdict), ip: '203.0.113.9', source: 'remote_address', provider: 'table', cache: 'miss', ...more }
}
const unknown = (reason: UnknownReason): IpRisk => risk('unknown', { reason })
const of = (...categories: Category[]): IpRisk => risk('vpn_detected', { categories })

const judge = (...given: Parameters<typeof ruling>): Decision => ruling(...given).decision

function over (...policies: (Policy | undefined)[]): ReturnType<typeof compilePolicy> {
  return policies.reduce((base: typeof basePolicy, policy) => compilePolicy(base, policy), basePolicy)
}

t.test('the default table is the documented one, and nobody can change it', async t => {
  t.same(defaultPolicy, {
    write: {
      clean: 'allow',
      suspicious: 'elevate_risk',
      vpn_likely: 'step_up_auth',
      vpn_detected: 'block',
      unknown: {
        default: 'allow',
        no_ip: 'elevate_risk',
        infrastructure: 'elevate_risk',
        overloaded: 'elevate_risk',
        quota_exhausted: 'elevate_risk',
        rate_limited: 'elevate_risk'
      }
    },
    read: { clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow' },
    rules: [{ category: 'relay', atMost: 'elevate_risk' }, { category: 'warp', atMost: 'elevate_risk' }, { category: 'cgnat', atMost: 'elevate_risk' }, { category: 'gateway', atMost: 'elevate_risk' }],
    allowBlockingReads: false
  })
  t.throws(() => { (defaultPolicy.write as { clean: Decision }).clean = 'block' }, TypeError)
})

t.test('plugin, scope and route merge cell by cell', async t => {
  const policy = over({ write: { suspicious: 'block' } }, { write: { unknown: 'step_up_auth' }, read: { vpn_detected: 'elevate_risk' } }, { write: { suspicious: 'allow' } })
  const rows = (route: RouteContext): Decision[] => (['clean', 'suspicious', 'vpn_likely', 'vpn_detected', 'unknown'] as const)
    .map(verdict => judge(policy, risk(verdict), route))
  t.same(rows(write), ['allow', 'allow', 'step_up_auth', 'block', 'step_up_auth'])
  t.same(rows(read), ['allow', 'allow', 'allow', 'elevate_risk', 'allow'])
})

t.test('a cell given as undefined names nothing', async t => {
  const policy = over(() => 'elevate_risk', { write: { clean: undefined } } as unknown as PolicyTable)
  t.equal(judge(policy, risk('clean'), write), 'elevate_risk')
  t.equal(judge(over({ write: { vpn_detected: undefined } } as unknown as PolicyTable), risk('vpn_detected'), write), 'block')
})

t.test('unknown is decided by reason: withdrawals fail closed while signups stay open', async t => {
  const closed = over({ write: { unknown: { default: 'block', not_public: 'allow', rate_limited: 'step_up_auth' } } })
  t.equal(judge(closed, unknown('timeout'), write), 'block')
  t.equal(judge(closed, unknown('not_public'), write), 'allow')
  t.equal(judge(closed, unknown('rate_limited'), write), 'step_up_auth')
  t.equal(judge(closed, unknown('timeout'), read), 'allow')
  t.equal(judge(over(undefined), unknown('timeout'), write), 'allow')
})

t.test('relay, WARP, carrier NAT and security gateways are flagged at most, however bad the verdict', async t => {
  for (const category of ['relay', 'warp', 'cgnat', 'gateway'] as const) {
    t.equal(judge(basePolicy, of('vpn', category), write), 'elevate_risk', category)
    t.equal(judge(basePolicy, risk('clean', { categories: [category] }), write), 'allow', `clean ${category}`)
  }
  t.equal(judge(basePolicy, of('vpn', 'hosting'), write), 'block')
})

t.test('rules come before cells; the first that applies decides, and every atMost softens it', async t => {
  const rules: PolicyRule[] = [{ category: 'crawler', then: 'allow' }, { category: 'tor', then: 'block' }, { category: 'vpn', atMost: 'step_up_auth' }]
  const policy = over({ rules })
  t.equal(judge(policy, risk('clean', { categories: ['tor'] }), write), 'block')
  t.equal(judge(policy, of('tor', 'crawler'), write), 'allow', 'the first')
  t.equal(judge(policy, of('tor', 'vpn'), write), 'step_up_auth', 'softened')
  t.equal(judge(policy, of('tor', 'relay'), write), 'elevate_risk', 'the default rule for relays still stands')
  const closed = over({ write: { unknown: 'block' }, rules })
  t.equal(judge(closed, risk('unknown', { reason: 'not_public', categories: ['cgnat'] }), write), 'block', 'a category is no verdict')
  t.equal(judge(closed, risk('unknown', { reason: 'no_data', categories: ['crawler'] }), write), 'allow', 'but a rule may decide')
  t.equal(judge(over({ rules: [{ category: 'relay', then: 'block' }] }), of('relay'), write), 'block', 'one rule a category: the nearer')
  t.equal(judge(over({ rules }, { rules: [{ category: 'tor', atMost: 'elevate_risk' }] }), of('tor'), write), 'elevate_risk')
})

t.test('a rule cannot stop a read unless the policy says so in as many words', async t => {
  const rules = [{ category: 'tor', then: 'block' }] as const
  t.equal(judge(over({ rules }), of('tor'), read), 'elevate_risk')
  t.equal(judge(over({ rules, allowBlockingReads: true }), of('tor'), read), 'block')
})

t.test('a policy that stops reads is refused unless it says so in as many words', async t => {
  for (const cell of ['block', 'step_up_auth', { default: 'allow', timeout: 'block' }] as const) {
    const verdict = typeof cell === 'string' ? 'vpn_detected' : 'unknown'
    t.throws(() => over({ read: { [verdict]: cell } }), { code: 'FST_IP_RISK_BAD_OPTION', message: `"policy.read.${verdict}" would stop reads` })
    t.doesNotThrow(() => over({ read: { [verdict]: cell }, allowBlockingReads: true }))
    t.doesNotThrow(() => over({ allowBlockingReads: true }, { read: { [verdict]: cell } }), 'said by the scope above')
  }
  t.throws(() => over({ allowBlockingReads: true, read: { clean: 'block' } }, { allowBlockingReads: false }), /policy\.read\.clean/)
  t.doesNotThrow(() => over({ read: { vpn_detected: 'elevate_risk' } }))
})

t.test('a function decides instead of the table', async t => {
  const seen: unknown[] = []
  const policy = over((risk, route) => {
    seen.push([risk.verdict, route])
    return risk.verdict === 'clean' ? 'step_up_auth' : 'allow'
  })
  t.equal(judge(policy, risk('clean'), write), 'step_up_auth')
  t.equal(judge(policy, risk('vpn_detected'), write), 'allow')
  t.same(seen, [['clean', write], ['vpn_detected', write]])
})

t.test('a function is clamped on reads', async t => {
  t.equal(judge(over(() => 'block'), risk('clean'), read), 'elevate_risk')
  t.equal(judge(over(() => 'step_up_auth'), risk('clean'), read), 'elevate_risk')
  t.equal(judge(over({ allowBlockingReads: true }, () => 'block'), risk('clean'), read), 'block')
})

t.test('a function that throws, or gives no decision, or is async, gives way to the table and is logged', async t => {
  const err = new Error('my bug')
  const wrong: [unknown, object][] = [
    [() => { throw err }, { err }],
    [() => 'deny', { got: '"deny"' }],
    [() => undefined, { got: 'undefined' }],
    [async () => 'allow', { got: 'a promise' }],
    [async () => { throw err }, { got: 'a promise' }]
  ]
  for (const [fn, line] of wrong) {
    const log = memoryLog()
    t.equal(judge(over(fn as Policy), risk('vpn_detected'), write, log), 'block')
    t.match(log.lines, [{ fields: { action: 'signup', method: 'POST', route: '/signup', ...line } }])
    t.equal(judge(over(fn as Policy), risk('vpn_detected'), read), 'allow', 'and without a log')
  }
})

t.test('the cells and rules that a nearer table names stand before a farther function', async t => {
  const policy = over(() => 'step_up_auth', { write: { clean: 'allow' } }, { rules: [{ category: 'tor', then: 'block' }, { category: 'cgnat', atMost: 'allow' }] })
  t.equal(judge(policy, risk('clean'), write), 'allow')
  t.equal(judge(policy, risk('suspicious'), write), 'step_up_auth')
  t.equal(judge(policy, risk('suspicious', { categories: ['tor'] }), write), 'block')
  t.equal(judge(policy, risk('suspicious', { categories: ['tor'] }), read), 'elevate_risk', 'clamped on reads')
  t.equal(judge(policy, risk('suspicious', { categories: ['cgnat'] }), write), 'allow')
  t.equal(judge(policy, risk('suspicious', { categories: ['relay'] }), write), 'step_up_auth', 'the default rules are behind the function')
  t.equal(judge(over(() => 'step_up_auth', { write: { clean: 'allow' } }, () => 'block'), risk('clean'), write), 'block', 'a nearer function has the last word')
})

t.test('what a list decided is the operator\'s word: no policy is asked', async t => {
  const policy = over(() => { throw new Error('asked') })
  for (const decidedBy of ['allow_list', 'temporary_allow', 'deny_list'] as const) {
    const listed = risk('unknown', { reason: 'listed', provider: 'none', decidedBy })
    for (const route of [write, read]) {
      t.same(ruling(policy, listed, route), { decision: decidedBy === 'deny_list' ? 'block' : 'allow', decidedBy })
    }
  }
})

t.test('nothing is decided by the name of a provider', async t => {
  for (const provider of ['allow-list', 'deny-list', 'allow_list', 'deny_list', 'temporary_allow']) {
    const claimed = risk('unknown', { reason: 'listed', provider })
    t.same(ruling(over({ write: { unknown: 'step_up_auth' } }), claimed, write), { decision: 'step_up_auth', decidedBy: 'policy' }, provider)
  }
})

t.test('a ruling names the table, the function or the rule that made it', async t => {
  const tor = over({ rules: [{ category: 'tor', then: 'block' }, { category: 'crawler', atMost: 'allow' }] })
  const own = over(() => 'step_up_auth', { write: { clean: 'allow' } }, { rules: [{ category: 'tor', then: 'block' }] })
  const failing = over(() => 'perhaps' as 'allow')
  const cases: [Parameters<typeof ruling>[0], IpRisk, Parameters<typeof ruling>[2], Decision, IpRisk['decidedBy']][] = [
    [basePolicy, risk('suspicious'), write, 'elevate_risk', 'policy'],
    [basePolicy, of('relay'), write, 'elevate_risk', 'rule'],
    [tor, risk('clean', { categories: ['tor'] }), write, 'block', 'rule'],
    [tor, risk('clean', { categories: ['tor'] }), read, 'elevate_risk', 'rule'],
    [tor, risk('vpn_detected', { categories: ['tor'] }), write, 'block', 'policy'],
    [tor, risk('clean', { categories: ['crawler'] }), write, 'allow', 'policy'],
    [own, risk('suspicious'), write, 'step_up_auth', 'function'],
    [own, risk('clean'), write, 'allow', 'policy'],
    [own, risk('suspicious', { categories: ['tor'] }), write, 'block', 'rule'],
    [own, risk('suspicious'), read, 'elevate_risk', 'function'],
    [failing, risk('vpn_detected'), write, 'block', 'policy'],
    [over(() => 'allow'), risk('vpn_detected'), write, 'allow', 'function']
  ]
  for (const [policy, risk, route, decision, decidedBy] of cases) {
    t.same(ruling(policy, risk, route), { decision, decidedBy }, `${risk.verdict} ${risk.categories.join()} ${decision} by ${decidedBy}`)
  }
})

t.test('a wrong policy is refused by the name of its cell', async t => {
  const wrong: [unknown, RegExp][] = [
    [7, /"policy" must be a table or a function/],
    [null, /"policy" must be a table or a function/],
    [{ writes: {} }, /"policy\.writes" does not exist: use one of write, read/],
    [{ write: { vpn: 'block' } }, /"policy\.write\.vpn" does not exist: use one of clean, suspicious/],
    [{ write: { clean: 'deny' } }, /"policy\.write\.clean" must be one of allow, elevate_risk, step_up_auth, block, got "deny"/],
    [{ write: { clean: { default: 'block' } } }, /"policy\.write\.clean" must be one of/],
    [{ write: { unknown: { timeout: 'block' } } }, /"policy\.write\.unknown\.default" is missing/],
    [{ write: { unknown: { default: 'allow', slow: 'block' } } }, /"policy\.write\.unknown\.slow" does not exist/],
    [{ write: { unknown: { default: 'allow', timeout: 1 } } }, /"policy\.write\.unknown\.timeout" must be one of .*, got 1/],
    [{ write: { unknown: null } }, /"policy\.write\.unknown" must be one of/],
    [{ write: 'block' }, /"policy\.write" must be an object/],
    [{ rules: {} }, /"policy\.rules" must be an array/],
    [{ rules: [undefined] }, /"policy\.rules\[0\]" must be/],
    [{ rules: [{ category: 'isp', then: 'block' }] }, /"policy\.rules\[0\]\.category" must be one of vpn, proxy/],
    [{ rules: [{ category: 'tor' }] }, /"policy\.rules\[0\]" must say either "atMost", "then" or "atLeast"/],
    [{ rules: [{ category: 'tor', atMost: 'block', then: 'block' }] }, /"policy\.rules\[0\]" must say either/],
    [{ rules: [{ category: 'tor', atMost: 'deny' }] }, /"policy\.rules\[0\]\.atMost" must be one of/],
    [{ rules: [{ category: 'tor', then: 'deny' }] }, /"policy\.rules\[0\]\.then" must be one of/],
    [{ rules: [{ category: 'tor', then: 'block' }, { category: 'tor', atMost: 'block' }] }, /"policy\.rules\[1\]" has the conditions of policy\.rules\[0\]/],
    [{ allowBlockingReads: 'yes' }, /"policy\.allowBlockingReads" must be true or false/]
  ]
  for (const [policy, message] of wrong) t.throws(() => over(policy as Policy), { code: 'FST_IP_RISK_BAD_OPTION', message })
  try {
    over({ writes: {} } as Policy)
  } catch (err) {
    t.ok(err instanceof IpRiskError)
  }
  t.doesNotThrow(() => over({ write: { unknown: { default: 'allow', timeout: undefined } } } as unknown as Policy))
})

t.test('decide answers for tests and tools', async t => {
  t.equal(decide(risk('vpn_detected'), { write: true }), 'block')
  t.equal(decide(risk('vpn_detected'), { write: false }), 'allow')
  t.equal(decide(risk('vpn_detected'), { write: true }, { write: { vpn_detected: 'elevate_risk' } }), 'elevate_risk')
  const routes: RouteContext[] = []
  decide(risk('clean'), { write: false }, (_risk, route) => { routes.push(route); return 'allow' })
  decide(risk('clean'), { ...write }, (_risk, route) => { routes.push(route); return 'allow' })
  t.same(routes, [{ action: null, write: false, method: 'GET', url: undefined }, write])
})

t.test('whether a step-up may come is known at boot', async t => {
  const may = (write: boolean, ...policies: Policy[]): boolean => canStepUp(over(...policies), write)
  t.equal(may(true), true)
  t.equal(may(false), false)
  t.equal(may(true, { write: { vpn_likely: 'block' } }), false)
  t.equal(may(true, { write: { vpn_likely: 'block', unknown: { default: 'allow', timeout: 'step_up_auth' } } }), true)
  t.equal(may(true, { write: { vpn_likely: 'block' }, rules: [{ category: 'tor', then: 'step_up_auth' }] }), true)
  t.equal(may(true, { write: { vpn_likely: 'block' } }, () => 'allow'), true, 'a function may say anything')
  t.equal(may(false, () => 'step_up_auth'), false, 'but is clamped on reads')
  t.equal(may(false, { allowBlockingReads: true }, () => 'step_up_auth'), true)
})

t.test('no policy whatever stops a read or leaves the four decisions', async () => {
  const decision = fc.constantFrom(...decisions)
  const mild = fc.constantFrom<Decision>('allow', 'elevate_risk')
  const cells = (of: fc.Arbitrary<Decision>): fc.Arbitrary<object> =>
    fc.record({ clean: of, suspicious: of, vpn_likely: of, vpn_detected: of, unknown: of }, { requiredKeys: [] })
  const category = fc.constantFrom<Category>('vpn', 'tor', 'relay', 'cgnat')
  const rule = fc.oneof(fc.record({ category, then: decision }), fc.record({ category, atMost: decision }))
  const rules = fc.uniqueArray(rule, { selector: rule => rule.category })
  const table = fc.record({ write: cells(decision), read: cells(mild), rules }, { requiredKeys: [] }) as fc.Arbitrary<PolicyTable>
  const policies = fc.array(fc.oneof(table, decision.map(decision => () => decision)), { maxLength: 3 })
  const verdict = fc.constantFrom<IpRisk['verdict']>('clean', 'suspicious', 'vpn_likely', 'vpn_detected', 'unknown')
  const categories = fc.subarray<Category>(['vpn', 'tor', 'relay', 'cgnat'])
  fc.assert(fc.property(policies, verdict, categories, fc.boolean(), (policies, verdict, categories, isWrite) => {
    const decision = judge(over(...policies), risk(verdict, { categories }), isWrite ? write : read)
    return isWrite ? decisions.includes(decision) : milder(decision, 'elevate_risk') === decision
  }))
})

t.test('the challenge is RFC 9470\'s, quoted as RFC 9110 wants', async t => {
  const challenge = (option: object): string => readStepUp('stepUp', { isSatisfied: () => true, ...option })!.challenge
  const start = 'error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required"'
  t.equal(challenge({}), `Bearer ${start}`)
  t.equal(challenge({ scheme: 'DPoP', acrValues: ['phr', 'urn:example:mfa'], maxAgeSeconds: 0 }), `DPoP ${start}, acr_values="phr urn:example:mfa", max_age="0"`)
  t.equal(challenge({ realm: 'a "bank" \\ co', maxAgeSeconds: 300 }), `Bearer realm="a \\"bank\\" \\\\ co", ${start}, max_age="300"`)
  t.equal(readStepUp('stepUp', undefined), undefined)
})

t.test('a wrong stepUp is refused by its name', async t => {
  const wrong: [unknown, RegExp][] = [
    [true, /"stepUp" must be an object/],
    [{}, /"stepUp\.isSatisfied" is missing/],
    [{ isSatisfied: 'yes' }, /"stepUp\.isSatisfied" must be a function/],
    [{ scheme: 'Bearer realm' }, /"stepUp\.scheme" must be one HTTP token/],
    [{ scheme: 7 }, /"stepUp\.scheme" must be a string/],
    [{ realm: 'a\r\nset-cookie: x' }, /"stepUp\.realm" must be printable ASCII/],
    [{ acrValues: ['two words'] }, /"stepUp\.acrValues\[0\]" must be printable ASCII without spaces/],
    [{ acrValues: ['ok', 'qu"ote'] }, /"stepUp\.acrValues\[1\]"/],
    [{ acrValues: 'phr' }, /"stepUp\.acrValues" must be an array/],
    [{ maxAgeSeconds: -1 }, /"stepUp\.maxAgeSeconds" must be an integer from 0/],
    [{ max_age: 1 }, /"stepUp\.max_age" does not exist/]
  ]
  for (const [option, message] of wrong) {
    const given = typeof option === 'object' && Object.keys(option as object).length > 0 ? { isSatisfied: () => true, ...option as object } : option
    t.throws(() => readStepUp('stepUp', given as never), { code: 'FST_IP_RISK_BAD_OPTION', message })
  }
})
