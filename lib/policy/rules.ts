import type { Category, Decision, IpRisk, PolicyRule, RouteContext } from '../../types/contract.ts'
import { categoryNames } from '../verdict/index.ts'
import { harder, milder } from './decisions.ts'

/** Rules in the order in which they are asked, ready to match. */
export interface Rules {
  readonly all: readonly CompiledRule[]
  /** Those that an address without a category can meet. */
  readonly withoutCategory: readonly CompiledRule[]
}

/** All conditions that are there must hold. One shape for all rules, so that matching stays fast. */
interface CompiledRule {
  readonly name: string | undefined
  /** A bit for each category, any of which must be there; 0: no condition. */
  readonly categories: number
  readonly asn: ReadonlySet<number> | undefined
  readonly country: ReadonlySet<string> | undefined
  readonly vpnProvider: ReadonlySet<string> | undefined
  readonly provider: ReadonlySet<string> | undefined
  readonly minScore: number
  readonly maxScore: number
  readonly scored: boolean
  readonly signal: ReadonlySet<string> | undefined
  readonly familiarity: ReadonlySet<string> | undefined
  readonly action: ReadonlySet<string> | undefined
  readonly then: Decision | undefined
  readonly atMost: Decision | undefined
  readonly atLeast: Decision | undefined
}

export const categoryBits: ReadonlyMap<string, number> = new Map(categoryNames.map((name, i) => [name, 1 << i]))

export function compileRules (rules: readonly PolicyRule[]): Rules {
  const all = rules.map(compileRule)
  return { all, withoutCategory: all.filter(rule => rule.categories === 0) }
}

function compileRule (rule: PolicyRule): CompiledRule {
  const { name, category, asn, country, vpnProvider, provider, score, signal, familiarity, action } = rule
  return {
    name,
    categories: listOf(category).reduce((mask, one) => mask | categoryBits.get(one)!, 0),
    asn: asn === undefined ? undefined : new Set(listOf(asn).map(asnOf)),
    // Both spellings that occur: changing the case of a text for each rule would cost more than all the rest.
    country: country === undefined ? undefined : new Set(listOf(country).flatMap(bothCases)),
    vpnProvider: setOf(vpnProvider, text => text.toLowerCase()),
    provider: setOf(provider),
    scored: score !== undefined,
    minScore: score?.min ?? 0,
    maxScore: score?.max ?? 1,
    signal: setOf(signal),
    familiarity: setOf(familiarity),
    action: setOf(action),
    then: rule.then,
    atMost: rule.atMost,
    atLeast: rule.atLeast
  }
}

const bothCases = (code: string): string[] => [code.toUpperCase(), code.toLowerCase()]

export function listOf<T> (given: T | readonly T[] | undefined): readonly T[] {
  return given === undefined ? [] : Array.isArray(given) ? given : [given as T]
}

function setOf (
  given: string | readonly string[] | undefined, normal: (text: string) => string = text => text
): ReadonlySet<string> | undefined {
  return given === undefined ? undefined : new Set(listOf(given).map(normal))
}

/** The AS number of `AS13335`, `13335`, `AS13335 Cloudflare`; 0 where there is none. */
export function asnOf (text: string | number | undefined): number {
  if (typeof text !== 'string') return text ?? 0
  let i = (text.charCodeAt(0) | 32) === 97 && (text.charCodeAt(1) | 32) === 115 ? 2 : 0
  let number = 0
  for (; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
  }
  return number
}

/** What the rules made of a decision, and the rule that changed it last. */
export interface Ruled { readonly decision: Decision, readonly rule: CompiledRule | undefined }

/**
 * The first `then` that applies takes the decision's place. Every `atMost` that applies softens the result, then every
 * `atLeast` raises it, so the stricter of two rules wins. `atMost` softens verdicts only: the decision about an
 * `unknown` stays, or no route could fail closed.
 */
export function applyRules (
  { all, withoutCategory }: Rules, risk: IpRisk, action: RouteContext['action'], decision: Decision
): Ruled | undefined {
  const { categories } = risk
  const rules = categories.length === 0 ? withoutCategory : all
  if (rules.length === 0) return undefined
  const mask = categories.length === 0 ? 0 : maskOf(categories)
  let result = decision
  let by: CompiledRule | undefined
  let replaced = false
  let bounds = false
  for (const rule of rules) {
    if (rule.then === undefined) bounds = true
    else if (!replaced && matches(rule, risk, mask, action)) {
      replaced = true
      if (rule.then !== result) by = rule
      result = rule.then
    }
  }
  if (!bounds) return by === undefined ? undefined : { decision: result, rule: by }
  let floor: Decision = 'allow'
  let floorBy: CompiledRule | undefined
  for (const rule of rules) {
    if (rule.then !== undefined || !matches(rule, risk, mask, action)) continue
    if (rule.atMost !== undefined) {
      const softened = risk.verdict === 'unknown' ? result : milder(result, rule.atMost)
      if (softened !== result) by = rule
      result = softened
    } else if (harder(floor, rule.atLeast!) !== floor) {
      floor = rule.atLeast!
      floorBy = rule
    }
  }
  const raised = harder(result, floor)
  if (raised !== result) by = floorBy
  return raised === decision || by === undefined ? undefined : { decision: raised, rule: by }
}

function maskOf (categories: readonly Category[]): number {
  let mask = 0
  for (const category of categories) mask |= categoryBits.get(category) ?? 0
  return mask
}

function matches (rule: CompiledRule, risk: IpRisk, mask: number, action: RouteContext['action']): boolean {
  const { info, score } = risk
  if (rule.categories !== 0 && (rule.categories & mask) === 0) return false
  if (rule.action !== undefined && (action === null || !rule.action.has(action))) return false
  if (rule.familiarity !== undefined && !rule.familiarity.has(risk.familiarity!)) return false
  if (rule.provider !== undefined && !rule.provider.has(risk.provider)) return false
  if (rule.scored && (score === null || score < rule.minScore || score > rule.maxScore)) return false
  if (rule.country !== undefined && !rule.country.has(info.countryCode!)) return false
  if (rule.asn !== undefined && (info.asn === undefined || !rule.asn.has(asnOf(info.asn)))) return false
  if (rule.vpnProvider !== undefined) {
    if (info.vpnProvider === undefined || !rule.vpnProvider.has(info.vpnProvider.toLowerCase())) return false
  }
  return rule.signal === undefined || hasSignal(risk, rule.signal)
}

function hasSignal ({ signals }: IpRisk, wanted: ReadonlySet<string>): boolean {
  for (const { type } of signals) if (wanted.has(type)) return true
  return false
}
