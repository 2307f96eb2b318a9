import type { Familiarity, PolicyRule } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkObject, shown } from '../util/index.ts'
import { categoryNames } from '../verdict/index.ts'
import { checkDecision } from './decisions.ts'
import { asnOf, categoryBits, listOf } from './rules.ts'

const familiarities: readonly Familiarity[] = ['known', 'similar', 'new', 'first', 'impossible', 'unknown']
const conditions = [
  'category', 'asn', 'country', 'vpnProvider', 'provider', 'score', 'signal', 'familiarity', 'action'
] as const
const effects = ['atMost', 'then', 'atLeast'] as const

/** More than anybody writes by hand, and what ten requests a millisecond can still pay for. */
const MAX_RULES = 1000

/**
 * The rules of both, the nearer ones first. A rule takes the place of the base's rule with the same name or the same
 * conditions. Throws on a wrong rule.
 */
export function mergeRules (
  base: readonly PolicyRule[], over: readonly PolicyRule[] | undefined, path: string
): readonly PolicyRule[] {
  if (over === undefined) return base
  if (!Array.isArray(over)) {
    throw badOption(path, `must be an array of { category, atMost?, then? }, got ${shown(over)}`)
  }
  if (over.length > MAX_RULES) throw badOption(path, `has ${over.length} rules: at most ${MAX_RULES} are possible`)
  const seen = new Map<string, number>()
  over.forEach((rule: PolicyRule, i) => {
    const at = `${path}[${i}]`
    checkRule(at, rule)
    for (const key of keysOf(rule)) {
      const before = seen.get(key)
      if (before !== undefined) throw badOption(at, `has the ${whatOf(key)} of ${path}[${before}]: leave one of them`)
      seen.set(key, i)
    }
  })
  const merged = [...over, ...base.filter(rule => !keysOf(rule).some(key => seen.has(key)))]
  if (merged.length > MAX_RULES) {
    throw badOption(path, `makes ${merged.length} rules, with those of the scope above or before the update: at most ` +
      `${MAX_RULES} are possible`)
  }
  return merged
}

/** What makes two rules one: the name, and the conditions whatever their order and spelling. */
function keysOf (rule: PolicyRule): string[] {
  const written = conditions.map(name => {
    if (name === 'score') return [rule.score?.min, rule.score?.max]
    const given: readonly unknown[] = listOf<unknown>(rule[name])
    const normal = given.map(value => name === 'asn' ? String(asnOf(value as string)) : String(value).toLowerCase())
    return [...new Set(normal)].sort()
  })
  const keys = [`conditions ${JSON.stringify(written)}`]
  return rule.name === undefined ? keys : [...keys, `name ${rule.name}`]
}

const whatOf = (key: string): string => key.startsWith('name ') ? `name "${key.slice(5)}"` : 'conditions'

function checkRule (at: string, rule: PolicyRule): void {
  if (rule === undefined || rule === null) {
    throw badOption(at, `must be { category, atMost } or { category, then }, got ${shown(rule)}`)
  }
  checkObject<PolicyRule>(at, rule, [...conditions, ...effects, 'name'])
  if (rule.name !== undefined && (typeof rule.name !== 'string' || !/^[\x20-\x7e]{1,64}$/.test(rule.name))) {
    throw badOption(`${at}.name`, `must be 1 to 64 printable ASCII characters, got ${shown(rule.name)}`)
  }
  if (conditions.every(name => rule[name] === undefined)) {
    throw badOption(at, `has no condition: give at least one of ${conditions.join(', ')}`)
  }
  const given = effects.filter(name => rule[name] !== undefined)
  if (given.length !== 1) throw badOption(at, 'must say either "atMost", "then" or "atLeast", and not two of them')
  checkDecision(`${at}.${given[0]!}`, rule[given[0]!])
  checkEach(`${at}.category`, rule.category, `one of ${categoryNames.join(', ')}`,
    value => categoryBits.has(value as string))
  checkEach(`${at}.familiarity`, rule.familiarity, `one of ${familiarities.join(', ')}`,
    value => familiarities.includes(value as Familiarity))
  checkEach(`${at}.asn`, rule.asn, 'an AS number such as 13335 or "AS13335"', isAsn)
  checkEach(`${at}.country`, rule.country, 'two letters of ISO 3166-1 such as "DE"',
    value => typeof value === 'string' && /^[a-z]{2}$/i.test(value))
  for (const name of ['vpnProvider', 'provider', 'signal', 'action'] as const) {
    checkEach(`${at}.${name}`, rule[name], 'a non-empty string', value => typeof value === 'string' && value !== '')
  }
  checkScore(`${at}.score`, rule.score)
}

function isAsn (value: unknown): boolean {
  if (typeof value === 'string') return /^(as)?[1-9]\d{0,9}$/i.test(value) && asnOf(value) < 2 ** 32
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32
}

function checkEach (path: string, given: unknown, wanted: string, isRight: (value: unknown) => boolean): void {
  if (given === undefined) return
  if (Array.isArray(given) && given.length === 0) {
    throw badOption(path, 'is empty, so the rule never applies: leave it out')
  }
  for (const value of listOf<unknown>(given)) {
    if (!isRight(value)) throw badOption(path, `must be ${wanted}, got ${shown(value)}`)
  }
}

function checkScore (path: string, score: PolicyRule['score']): void {
  if (score === undefined) return
  const { min, max } = checkObject<NonNullable<PolicyRule['score']>>(path, score, ['min', 'max'])
  if (min === undefined && max === undefined) throw badOption(path, 'must have "min", "max" or both')
  for (const bound of [min, max]) {
    if (bound !== undefined && !(typeof bound === 'number' && bound >= 0 && bound <= 1)) {
      throw badOption(path, `must be within 0 and 1, got ${shown(bound)}`)
    }
  }
  if ((min ?? 0) > (max ?? 1)) throw badOption(path, 'has a "min" above its "max"')
}
