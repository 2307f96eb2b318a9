import fc from 'fast-check'
import t from 'tap'
import { decisions } from '../lib/policy/decisions.ts'
import type { Category, KnownAnswer, UnknownReason, VerdictName } from '../types/contract.ts'
import { rims } from './support/rims.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const verdicts: VerdictName[] = ['clean', 'suspicious', 'vpn_likely', 'vpn_detected']
const reasons: UnknownReason[] = ['timeout', 'unavailable', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response', 'no_data']
const categories: Category[] = ['vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'crawler', 'abuse', 'gateway']
const fixed = ['date', 'content-length', 'connection', 'keep-alive', 'transfer-encoding']

/** What a visitor may learn of each decision: one reply, byte for byte, whatever was known of the address. */
t.test('the replies leak nothing: they depend on the decision alone', async t => {
  const ip = '203.0.113.9'
  const secret = fc.string({ minLength: 12, maxLength: 20, unit: fc.constantFrom(...'ghjkmqwxyz') }) // in no reply by chance
  const cell = fc.constantFrom(...decisions)
  const known = fc.record({
    verdict: fc.constantFrom(...verdicts),
    score: fc.constantFrom(null, 0.123456, 0.987654),
    isVpn: fc.boolean(),
    confidence: fc.constantFrom(null, 0.5),
    signals: fc.array(fc.record({ type: secret, weight: fc.double({ min: 0, max: 1, noNaN: true }), detail: secret }), { maxLength: 3 }),
    info: fc.record({ org: secret, city: secret, countryCode: secret, vpnProvider: secret }),
    categories: fc.subarray(categories),
    provider: secret
  })
  const cause = secret.map(text => new Error(text))
  const unknown = fc.record({ verdict: fc.constant('unknown' as const), reason: fc.constantFrom(...reasons), cause })
  const said = fc.oneof(known, unknown)
  const row = fc.record({ clean: cell, suspicious: cell, vpn_likely: cell, vpn_detected: cell, unknown: cell })
  const rule = fc.record({ category: fc.constantFrom(...categories), then: cell })
  const rules = fc.uniqueArray(rule, { selector: rule => rule.category, maxLength: 3 })

  for (const [name, numRuns] of [['Fastify, injected', 120], ['Express', 60]] as const) {
    const replies = new Map<string, string>()
    await fc.assert(fc.asyncProperty(said, row, rules, secret, async (said, write, rules, provider) => {
      const rim = await rims[name]!({
        provider: tableProvider({ [ip]: said }, { name: provider }), satisfied: false, policy: { write, rules }
      }, { '/signup': 'signup' })
      try {
        const { status, headers, body, risk } = await rim.ask('POST', '/signup', ip)
        const handled = status === 200
        const shown = Object.entries(headers).filter(([name]) => !fixed.includes(name) && !(handled && name === 'etag')).sort()
        const all = JSON.stringify([shown, handled ? '' : body])
        const told = risk?.decision ?? (status === 403 ? 'block' : 'step_up_auth')
        const key = handled ? 'handled' : told
        if (!replies.has(key)) replies.set(key, all)
        return replies.get(key) === all && [provider, ip, ...secretsOf(said)].every(text => !all.includes(text))
      } finally {
        await rim.close()
      }
    }), { numRuns })
    t.same([...replies.keys()].sort(), ['block', 'handled', 'step_up_auth'], `${name}: every kind of reply was seen`)
  }
})

function secretsOf (said: KnownAnswer | { cause: Error }): string[] {
  if ('cause' in said) return [said.cause.message]
  return [said.provider!, ...Object.values(said.info) as string[], ...said.signals.flatMap(({ type, detail }) => [type, detail])]
}

t.test('a policy function that throws, and an own provider that does, tell the visitor nothing', async t => {
  const secret = 'the database password'
  const rim = await rims['Fastify, injected']!({
    provider: { name: 'own', lookup () { throw new Error(secret) } }, policy: () => { throw new Error(secret) }
  }, { '/signup': 'signup' })
  t.teardown(() => rim.close())
  const reply = await rim.ask('POST', '/signup', '203.0.113.9')
  t.equal(reply.status, 200)
  t.match(reply.risk, { verdict: 'unknown', reason: 'unavailable', decision: 'allow' })
  t.notMatch(reply.body, secret)
  const blocking = await rims['Fastify, injected']!({
    provider: tableProvider({ '203.0.113.9': answer('vpn_detected') }), policy: () => { throw new Error(secret) }
  }, { '/signup': 'signup' })
  t.teardown(() => blocking.close())
  const blocked = await blocking.ask('POST', '/signup', '203.0.113.9')
  t.equal(blocked.status, 403)
  t.notMatch(blocked.body, secret)
})
