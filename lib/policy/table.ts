import type {
  Category, Decision, IpRisk, PolicyRow, PolicyRule, PolicyTable, UnknownCell, UnknownReason, VerdictName
} from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { checkBoolean, checkObject, shown } from '../util/index.ts'
import { categoryNames } from '../verdict/index.ts'

/** From the mildest to the hardest. */
export const decisions: readonly Decision[] = ['allow', 'elevate_risk', 'step_up_auth', 'block']

const severity: { readonly [D in Decision]: number } = { allow: 0, elevate_risk: 1, step_up_auth: 2, block: 3 }

export function isDecision (value: unknown): value is Decision {
  return decisions.includes(value as Decision)
}

export function milder (a: Decision, b: Decision): Decision {
  return severity[a] <= severity[b] ? a : b
}

/** Whether the visitor would be stopped: what a read never meets unless the policy says so in as many words. */
export function stops (decision: Decision): boolean {
  return severity[decision] > severity.elevate_risk
}

/** Rules by their category, one for each; asked on every request, and for the few categories of one address only. */
export type Rules = ReadonlyMap<Category, Rule>
interface Rule { readonly place: number, readonly then: Decision | undefined, readonly atMost: Decision | undefined }

export function compileRules (rules: readonly PolicyRule[]): Rules {
  return new Map(rules.map(({ category, then, atMost }, place) => [category, { place, then, atMost }]))
}

/**
 * The first `then` that applies takes the decision's place; every `atMost` that applies softens what stands then. `atMost` softens
 * verdicts only: the decision about an `unknown` stays, or no route could fail closed.
 */
export function applyRules (rules: Rules, { verdict, categories }: Pick<IpRisk, 'verdict' | 'categories'>, decision: Decision): Decision {
  let result = decision
  let place = Infinity
  for (const category of categories) {
    const rule = rules.get(category)
    if (rule?.then !== undefined && rule.place < place) {
      result = rule.then
      place = rule.place
    }
  }
  if (verdict === 'unknown') return result
  for (const category of categories) {
    const atMost = rules.get(category)?.atMost
    if (atMost !== undefined) result = milder(result, atMost)
  }
  return result
}

/** A policy with every cell filled. */
export interface Table {
  readonly write: Row
  readonly read: Row
  readonly rules: readonly PolicyRule[]
  readonly allowBlockingReads: boolean
}
export type NamedCells = { readonly [V in keyof Row]?: Row[V] }
export type Row = { readonly [V in VerdictName]: Decision } & { readonly unknown: UnknownCell }

/**
 * Writes are judged, reads are never stopped. Relays, WARP, carrier NAT and security gateways carry ordinary customers,
 * so they are flagged at most. An unknown visitor is let in, because a failing provider must not close the application.
 * What a visitor can bring about at will is flagged.
 */
export const defaultPolicy: Table = Object.freeze({
  write: Object.freeze({
    clean: 'allow',
    suspicious: 'elevate_risk',
    vpn_likely: 'step_up_auth',
    vpn_detected: 'block',
    unknown: Object.freeze({
      default: 'allow',
      no_ip: 'elevate_risk',
      infrastructure: 'elevate_risk',
      overloaded: 'elevate_risk',
      quota_exhausted: 'elevate_risk',
      rate_limited: 'elevate_risk'
    })
  }),
  read: Object.freeze({ clean: 'allow', suspicious: 'allow', vpn_likely: 'allow', vpn_detected: 'allow', unknown: 'allow' }),
  rules: Object.freeze((['relay', 'warp', 'cgnat', 'gateway'] as const)
    .map(category => Object.freeze({ category, atMost: 'elevate_risk' as const }))),
  allowBlockingReads: false
})

/**
 * For routes where money leaves: nobody gets through because nothing is known. `unknown` writes need a step-up (give the option `stepUp`,
 * without which nothing asks for one), and are blocked where not even an address is known. The other cells stay what they are.
 */
export const failClosed: { readonly write: { readonly unknown: Exclude<UnknownCell, Decision> } } = Object.freeze({
  write: Object.freeze({ unknown: Object.freeze({ default: 'step_up_auth', no_ip: 'block', infrastructure: 'block' }) })
})

const verdicts: readonly string[] = Object.keys(defaultPolicy.write)
const reasons: readonly UnknownReason[] = [
  'pending', 'not_asked', 'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected',
  'bad_response', 'no_data', 'not_public', 'infrastructure', 'no_ip', 'truncated_headers', 'unsupported_family', 'listed', 'skipped'
]

/** The cells that `over` names, on top of `base`; a rule takes the place of the base's rule for its category. Throws on a wrong cell. */
export function mergeTable (base: Table, over: PolicyTable, path: string): Table {
  checkObject<PolicyTable>(path, over, ['write', 'read', 'rules', 'allowBlockingReads'])
  const allowBlockingReads = checkBoolean(`${path}.allowBlockingReads`, over.allowBlockingReads, base.allowBlockingReads)
  const table = {
    write: mergeRow(base.write, over.write, `${path}.write`),
    read: mergeRow(base.read, over.read, `${path}.read`),
    rules: mergeRules(base.rules, over.rules, `${path}.rules`),
    allowBlockingReads
  }
  if (!allowBlockingReads) refuseStoppedReads(table.read, `${path}.read`)
  return table
}

function mergeRow (base: Row, over: PolicyRow | undefined, path: string): Row {
  checkObject(path, over, verdicts as (keyof PolicyRow & string)[])
  if (over === undefined) return base
  const named = namedCells(over)
  for (const [verdict, cell] of Object.entries(named)) {
    if (verdict === 'unknown' && typeof cell === 'object' && cell !== null) checkUnknownCell(`${path}.unknown`, cell)
    else checkDecision(`${path}.${verdict}`, cell)
  }
  return { ...base, ...named }
}

/** The cells that a row gives a value: `undefined` names nothing. */
export function namedCells (row: PolicyRow | undefined): NamedCells {
  return Object.fromEntries(Object.entries(row ?? {}).filter(([, cell]) => cell !== undefined))
}

function checkUnknownCell (path: string, cell: object): void {
  const cells = checkObject<{ [name: string]: unknown }>(path, cell, ['default', ...reasons])
  if (cells['default'] === undefined) throw badOption(`${path}.default`, 'is missing: say what happens for the reasons that are not named')
  for (const [reason, decision] of Object.entries(cells)) if (decision !== undefined) checkDecision(`${path}.${reason}`, decision)
}

function checkDecision (path: string, value: unknown): void {
  if (!isDecision(value)) throw badOption(path, `must be one of ${decisions.join(', ')}, got ${shown(value)}`)
}

/** A rule takes the place of the base's rule for its category; the nearer ones come first. */
export function mergeRules (base: readonly PolicyRule[], over: readonly PolicyRule[] | undefined, path: string): readonly PolicyRule[] {
  if (over === undefined) return base
  if (!Array.isArray(over)) throw badOption(path, `must be an array of { category, atMost?, then? }, got ${shown(over)}`)
  const named = new Set<Category>()
  over.forEach((rule: PolicyRule, i) => {
    const at = `${path}[${i}]`
    if (rule === undefined) throw badOption(at, 'must be { category, atMost } or { category, then }, got undefined')
    checkObject<PolicyRule>(at, rule, ['category', 'atMost', 'then'])
    if (!categoryNames.includes(rule.category)) throw badOption(`${at}.category`, `must be one of ${categoryNames.join(', ')}, got ${shown(rule.category)}`)
    if ((rule.atMost === undefined) === (rule.then === undefined)) throw badOption(at, 'must say either "atMost" or "then", and not both')
    checkDecision(rule.then === undefined ? `${at}.atMost` : `${at}.then`, rule.then ?? rule.atMost)
    if (named.has(rule.category)) throw badOption(`${at}.category`, `names "${rule.category}" a second time: leave one rule for it`)
    named.add(rule.category)
  })
  return [...over, ...base.filter(rule => !named.has(rule.category))]
}

function refuseStoppedReads (row: Row, path: string): void {
  for (const [verdict, cell] of Object.entries(row)) {
    const stopping = typeof cell === 'string' ? stops(cell) : Object.values(cell).some(stops)
    if (stopping) {
      throw badOption(`${path}.${verdict}`, 'would stop reads, and people who only look are mostly ordinary customers: ' +
        'use "elevate_risk" at most, or say "allowBlockingReads: true" beside it')
    }
  }
}
