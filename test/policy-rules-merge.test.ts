import t from 'tap'
import { compilePolicy, basePolicy } from '../lib/policy/policy.ts'
import type { PolicyRule } from '../types/contract.ts'

const merged = (...all: PolicyRule[][]) => all.reduce((base, rules) => compilePolicy(base, { rules }), basePolicy).table.rules

t.test('a rule takes the place of one with the same conditions, however they are spelled', async t => {
  const pairs: [PolicyRule, PolicyRule][] = [
    [{ category: 'relay', then: 'block' }, { category: ['relay', 'relay'], then: 'allow' }],
    [{ asn: 64500, then: 'block' }, { asn: ['AS64500'], then: 'allow' }],
    [{ asn: [64500, 64501], then: 'block' }, { asn: ['64501', 'as64500'], then: 'allow' }],
    [{ country: 'de', then: 'block' }, { country: ['DE'], then: 'allow' }],
    [{ score: { min: 0.5, max: 0.9 }, then: 'block' }, { score: { max: 0.9, min: 0.5 }, then: 'allow' }]
  ]
  for (const [first, second] of pairs) {
    const rules = merged([first], [second])
    t.equal(rules.filter(rule => rule === first).length, 0, JSON.stringify(first))
    t.ok(rules.includes(second))
  }
  t.ok(merged([{ asn: 64500, then: 'block' }], [{ asn: 64501, then: 'allow' }]).length > 2, 'others stay')
})

t.test('updates do not add up to more rules than one policy may have', async t => {
  const rules = (from: number): PolicyRule[] => Array.from({ length: 600 }, (_, i) => ({ asn: from + i, then: 'block' as const }))
  t.throws(() => merged(rules(1), rules(1000)), { message: /policy\.rules" makes 120\d rules.*at most 1000 are possible/ })
})
