import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import fastify from 'fastify'
import t from 'tap'
import { decide } from '../lib/index.ts'
import { applyPolicy, basePolicy, compilePolicy, decisions } from '../lib/policy/index.ts'
import { categoryNames, unknownReasons } from '../lib/verdict/index.ts'
import type { IpRisk, PolicyRule, PolicyTable, RouteContext } from '../types/contract.ts'

const route: RouteContext = { action: 'payment', write: true, method: 'POST', url: '/payments' }

const regular: IpRisk = {
  ip: '203.0.113.7',
  source: 'remote_address',
  verdict: 'vpn_detected',
  score: 0.8,
  isVpn: true,
  confidence: null,
  signals: [{ type: 'vpn_list', weight: 0.5, detail: '' }],
  info: { asn: 'AS64500', countryCode: 'de', vpnProvider: 'ExampleVPN' },
  categories: ['vpn', 'hosting'],
  provider: 'iplogs',
  cache: 'memory',
  ageSeconds: 0,
  action: 'payment',
  write: true,
  decision: 'allow',
  decidedBy: 'policy',
  familiarity: 'similar'
}

function judge (rules: readonly PolicyRule[], risk: IpRisk = regular, where = route) {
  return applyPolicy(compilePolicy(basePolicy, { rules }), risk, where)
}

t.test('a rule applies where each condition it names holds', async t => {
  const holding: Omit<PolicyRule, 'then'>[] = [
    { category: 'vpn' }, { category: ['tor', 'hosting'] }, { asn: 64500 }, { asn: 'as64500' }, { asn: [1, '64500'] },
    { country: 'DE' }, { country: ['fr', 'de'] }, { vpnProvider: 'EXAMPLEvpn' }, { provider: 'iplogs' },
    { score: { min: 0.8 } }, { score: { max: 0.8 } }, { score: { min: 0.1, max: 0.9 } }, { signal: 'vpn_list' },
    { familiarity: 'similar' }, { familiarity: ['new', 'similar'] }, { action: 'payment' }, { action: ['kyc', 'payment'] }
  ]
  const failing: Omit<PolicyRule, 'then'>[] = [
    { category: 'tor' }, { asn: 6450 }, { country: 'FR' }, { vpnProvider: 'Example' }, { provider: 'lists' },
    { score: { min: 0.81 } }, { score: { max: 0.79 } }, { signal: 'vpn' }, { familiarity: 'new' }, { action: 'kyc' }
  ]
  for (const rule of holding) t.equal(judge([{ ...rule, then: 'allow' }]).decision, 'allow', JSON.stringify(rule))
  for (const rule of failing) t.equal(judge([{ ...rule, then: 'allow' }]).decision, 'block', JSON.stringify(rule))
  for (const one of holding) {
    for (const other of failing) {
      if (Object.keys(one)[0] === Object.keys(other)[0]) continue
      t.equal(judge([{ ...one, ...other, then: 'allow' }]).decision, 'block', JSON.stringify({ ...one, ...other }))
    }
  }
})

t.test('no condition holds for what is not known', async t => {
  const { familiarity, ...rest } = regular
  const bare: IpRisk = { ...rest, score: null, signals: [], info: {}, categories: [], provider: 'none' }
  const conditions: Omit<PolicyRule, 'then'>[] = [
    { category: 'vpn' }, { asn: 64500 }, { country: 'DE' }, { vpnProvider: 'ExampleVPN' }, { score: { min: 0 } },
    { signal: 'vpn_list' }, { familiarity: 'unknown' }
  ]
  for (const rule of conditions) t.equal(judge([{ ...rule, then: 'allow' }], bare).decision, 'block', JSON.stringify(rule))
  t.equal(judge([{ action: 'payment', then: 'allow' }], bare, { ...route, action: null }).decision, 'block')
})

t.test('the record names the rule that decided', async t => {
  const rules: PolicyRule[] = [{ name: 'office VPN', asn: 64500, atMost: 'elevate_risk' }]
  t.same(judge(rules), { decision: 'elevate_risk', decidedBy: 'rule', rule: 'office VPN' })
  t.same(judge(rules, { ...regular, verdict: 'clean' }), { decision: 'allow', decidedBy: 'policy' })
})

t.test('then comes first, atMost softens, and atLeast has the last word', async t => {
  const then: PolicyRule = { name: 'then', provider: 'iplogs', then: 'block' }
  const atMost: PolicyRule = { name: 'cap', asn: 64500, atMost: 'elevate_risk' }
  const atLeast: PolicyRule = { name: 'floor', country: 'DE', atLeast: 'step_up_auth' }
  const rows: [PolicyRule[], string, string | undefined][] = [
    [[then], 'block', undefined],
    [[atMost, then], 'elevate_risk', 'cap'],
    [[atMost, atLeast, then], 'step_up_auth', 'floor'],
    [[atLeast], 'block', undefined],
    [[{ name: 'first', asn: 64500, then: 'allow' }, { country: 'DE', then: 'step_up_auth' }], 'allow', 'first']
  ]
  for (const [rules, decision, rule] of rows) t.match(judge(rules), { decision, rule })
})

t.test('atMost never softens an unknown verdict, and atLeast raises one', async t => {
  const unknown: IpRisk = { ...regular, verdict: 'unknown', reason: 'no_data' }
  const failClosed: PolicyTable = { write: { unknown: 'step_up_auth' }, rules: [{ asn: 64500, atMost: 'allow' }] }
  t.equal(decide(unknown, route, failClosed), 'step_up_auth')
  t.equal(judge([{ country: 'DE', atLeast: 'step_up_auth' }], unknown).decision, 'step_up_auth')
})

t.test('no rule stops a read unless the policy allows that', async t => {
  const rules: PolicyRule[] = [{ country: 'DE', atLeast: 'block' }]
  t.equal(judge(rules, regular, { ...route, write: false }).decision, 'elevate_risk')
  t.equal(decide(regular, { ...route, write: false }, { allowBlockingReads: true, rules }), 'block')
})

t.test('a rule replaces the inherited rule with the same name or the same conditions', async t => {
  const above = compilePolicy(basePolicy, {
    rules: [{ name: 'a', asn: 1, then: 'block' }, { country: ['FR', 'DE'], then: 'block' }]
  })
  const { table } = compilePolicy(above, { rules: [{ name: 'a', asn: 2, then: 'allow' }, { country: ['DE', 'FR'], then: 'allow' }] })
  t.same(table.rules.slice(0, 2), [{ name: 'a', asn: 2, then: 'allow' }, { country: ['DE', 'FR'], then: 'allow' }])
  t.equal(table.rules.length, 2 + basePolicy.table.rules.length)
})

const wrong: [unknown, RegExp][] = [
  [{ then: 'block' }, /has no condition: give at least one of category, asn/],
  [{ asn: 0, then: 'block' }, /rules\[0\]\.asn" must be an AS number/],
  [{ asn: 'AS4294967296', then: 'block' }, /asn" must be an AS number/],
  [{ asn: [], then: 'block' }, /asn" is empty/],
  [{ country: 'Germany', then: 'block' }, /country" must be two letters/],
  [{ score: {}, then: 'block' }, /score" must have "min", "max" or both/],
  [{ score: { min: 2 }, then: 'block' }, /score" must be within 0 and 1/],
  [{ score: { min: 0.5, max: 0.4 }, then: 'block' }, /"min" above its "max"/],
  [{ familiarity: 'friend', then: 'block' }, /familiarity" must be one of known, similar/],
  [{ signal: '', then: 'block' }, /signal" must be a non-empty string/],
  [{ name: 'two\nlines', asn: 1, then: 'block' }, /name" must be 1 to 64 printable/],
  [{ asn: 1, then: 'block', atLeast: 'block' }, /must say either/],
  [{ asn: 1, atLeast: 'never' }, /atLeast" must be one of allow/],
  [null, /must be/]
]

t.test('a wrong rule fails at boot and names what is wrong', async t => {
  for (const [rule, message] of wrong) {
    t.throws(() => compilePolicy(basePolicy, { rules: [rule as PolicyRule] }), { message })
  }
  const rule: PolicyRule = { name: 'a', asn: 1, then: 'block' }
  t.throws(() => compilePolicy(basePolicy, { rules: [rule, { ...rule, asn: 2 }] }), /has the name "a" of policy\.rules\[0\]/)
  t.throws(() => compilePolicy(basePolicy, { rules: Array.from({ length: 1001 }, (_, i) => ({ asn: i + 1, then: 'block' as const })) }), { message: /at most 1000/ })
})

t.test('the JSON schema accepts what the code accepts, and refuses what it refuses', async t => {
  const schemaText = readFileSync(new URL('../docs/policy.schema.json', import.meta.url), 'utf8')
  const schema = JSON.parse(schemaText) as {
    definitions: { category: { enum: string[] }, decision: { enum: string[] }, rule: { properties: object } }
  }
  t.same([...schema.definitions.category.enum].sort(), [...categoryNames].sort())
  t.same(schema.definitions.decision.enum, decisions)
  for (const reason of unknownReasons) t.ok(schemaText.includes(`"${reason}"`), `the schema has a cell for ${reason}`)
  const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } })
  app.post('/', { schema: { body: schema } }, async () => 'valid')
  const isValid = async (payload: object): Promise<boolean> => (await app.inject({ method: 'POST', url: '/', payload })).statusCode === 200
  for (const [rule, message] of wrong) {
    if (/4294967296|above its/.test(`${JSON.stringify(rule)} ${message.source}`)) continue // arithmetic is beyond a schema
    t.notOk(await isValid({ rules: [rule] }), JSON.stringify(rule))
  }
  const right: PolicyTable[] = [
    {}, { $schema: './policy.schema.json', write: { clean: 'allow', unknown: { default: 'allow', no_ip: 'block' } } },
    { read: { unknown: 'elevate_risk' }, rules: [{ name: 'x', category: ['vpn'], asn: [1, 'AS2'], country: 'de', score: { min: 0 }, atLeast: 'block' }] },
    { rules: [{ vpnProvider: 'a', provider: ['b'], signal: 'c', familiarity: ['new'], action: 'payment', atMost: 'allow' }] }
  ]
  for (const policy of right) {
    t.ok(await isValid(policy), JSON.stringify(policy))
    t.doesNotThrow(() => compilePolicy(basePolicy, JSON.parse(JSON.stringify(policy)) as PolicyTable))
  }
  t.notOk(await isValid({ write: { unknown: { no_ip: 'block' } } }))
  t.notOk(await isValid({ writes: {} }))
})

t.test('an atLeast never lets a decision be milder, whatever the other rules are', async t => {
  const decision = fc.constantFrom(...decisions)
  const rule = fc.record({ asn: fc.constantFrom(64500, 1), country: fc.constantFrom('DE', 'FR'), effect: fc.constantFrom('then', 'atMost', 'atLeast'), decision })
  t.doesNotThrow(() => fc.assert(fc.property(fc.uniqueArray(rule, { selector: one => `${one.asn} ${one.country}`, maxLength: 4 }), decision, (rows, floor) => {
    const rules = rows.map(row => ({ asn: row.asn, country: row.country, [row.effect]: row.decision })) as PolicyRule[]
    const without = judge(rules).decision
    const raised = judge([...rules, { provider: 'iplogs', atLeast: floor }]).decision
    return decisions.indexOf(raised) === Math.max(decisions.indexOf(without), decisions.indexOf(floor))
  })))
})
