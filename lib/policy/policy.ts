import type {
  DecidedBy, Decision, IpRisk, IpRiskLogger, Policy, PolicyFunction, PolicyRule, RouteContext
} from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type FailureState, failureState, shown } from '../util/index.ts'
import { decisions, isDecision, stops } from './decisions.ts'
import { mergeRules } from './read-rules.ts'
import { applyRules, compileRules, type Ruled, type Rules } from './rules.ts'
import { defaultPolicy, mergeTable, namedCells, type NamedCells, type Row, type Table } from './table.ts'

/** Policies of plugin, scope and route on top of each other, checked and ready to decide. */
export interface CompiledPolicy {
  readonly table: Table
  readonly rules: Rules
  /** The nearest function, if any: it decides instead of the table … */
  readonly policyFunction?: PolicyFunction
  /** … but for what nearer scopes and the route say in tables of their own. */
  readonly nearer?: Nearer
}
interface Nearer {
  readonly write: NamedCells
  readonly read: NamedCells
  readonly listed: readonly PolicyRule[]
  readonly rules: Rules
}

/** Who can decide in place of the policy: the options `allow` and `deny`, and the API's `allow()` and `deny()`. */
export type ListedBy = Extract<DecidedBy, 'allow_list' | 'deny_list' | 'temporary_allow' | 'temporary_deny'>

/** A decision and who made it; `rule` is the name of the rule that changed it last, where it has one. */
export interface PolicyDecision {
  readonly decision: Decision
  readonly decidedBy: DecidedBy
  readonly rule?: string | undefined
}
type Rulings = { readonly [D in Decision]: PolicyDecision }

/** One object each, made once: a decision allocates none. */
const rulings: { readonly [B in DecidedBy]: Rulings } = {
  policy: rulingsOf('policy'),
  rule: rulingsOf('rule'),
  function: rulingsOf('function'),
  allow_list: rulingsOf('allow_list'),
  deny_list: rulingsOf('deny_list'),
  temporary_allow: rulingsOf('temporary_allow'),
  temporary_deny: rulingsOf('temporary_deny'),
  skip: rulingsOf('skip')
}

function rulingsOf (decidedBy: DecidedBy): Rulings {
  const entries = decisions.map(decision => [decision, Object.freeze({ decision, decidedBy })])
  return Object.fromEntries(entries) as Rulings
}

export const basePolicy: CompiledPolicy = { table: defaultPolicy, rules: compileRules(defaultPolicy.rules) }

/** `policy` on top of `base`. Throws an `IpRiskError` that names the cell. */
export function compilePolicy (base: CompiledPolicy, policy: Policy | undefined, path = 'policy'): CompiledPolicy {
  if (policy === undefined) return base
  if (typeof policy === 'function') return { table: base.table, rules: base.rules, policyFunction: policy }
  if (typeof policy !== 'object' || policy === null) {
    throw badOption(path, `must be a table or a function (risk, route) => decision, got ${shown(policy)}`)
  }
  const table = mergeTable(base.table, policy, path)
  const rules = compileRules(table.rules)
  if (base.policyFunction === undefined) return { table, rules }
  const { write, read, listed: above = [] } = base.nearer ?? {}
  const listed = mergeRules(above, policy.rules, `${path}.rules`)
  return {
    table,
    rules,
    policyFunction: base.policyFunction,
    nearer: {
      write: { ...write, ...namedCells(policy.write) },
      read: { ...read, ...namedCells(policy.read) },
      listed,
      rules: compileRules(listed)
    }
  }
}

/**
 * What the policy says of this risk on this route, and which part of it. For an address on a list, it is the list that
 * decides; `risk.decidedBy` names it. Pure but for the log line of a function that fails. Never throws.
 */
export function applyPolicy (
  policy: CompiledPolicy, risk: IpRisk, route: RouteContext, log?: IpRiskLogger
): PolicyDecision {
  if (risk.reason === 'listed') {
    if (risk.decidedBy === 'deny_list' || risk.decidedBy === 'temporary_deny') return rulings[risk.decidedBy].block
    if (risk.decidedBy === 'allow_list' || risk.decidedBy === 'temporary_allow') return rulings[risk.decidedBy].allow
  }
  // The visitor chose how many lines to send: no policy lets a request pass for it that it could stop.
  if (risk.reason === 'truncated_headers' && (route.write || policy.table.allowBlockingReads)) {
    return rulings.policy.block
  }
  const { table, nearer } = policy
  const named = nearer?.[route.write ? 'write' : 'read'][risk.verdict]
  if (policy.policyFunction === undefined || named !== undefined) return byTable(policy, risk, route)
  const decision = byFunction(policy.policyFunction, risk, route, log)
  if (decision === undefined) return byTable(policy, risk, route)
  return nearer === undefined
    ? rulings.function[clamped(decision, table, route.write)]
    : withRules(nearer.rules, 'function', decision, risk, table, route)
}

function byTable ({ table, rules }: CompiledPolicy, risk: IpRisk, route: RouteContext): PolicyDecision {
  const { verdict, reason } = risk
  return withRules(rules, 'policy', cell(route.write ? table.write : table.read, verdict, reason), risk, table, route)
}

/**
 * What `applyPolicy` decides where no list, function or rule can have a say, which spares it the whole risk; otherwise
 * undefined. `isPlain`: the address has no category.
 */
export function decideByTable (
  { table, rules, policyFunction }: CompiledPolicy, verdict: IpRisk['verdict'], reason: IpRisk['reason'],
  isPlain: boolean, familiarity: IpRisk['familiarity'], action: RouteContext['action'], write: boolean
): PolicyDecision | undefined {
  if (policyFunction !== undefined || (isPlain ? rules.withoutCategory : rules.all).length > 0) return undefined
  if (reason === 'listed' || reason === 'truncated_headers') return undefined
  const decision = clamped(cell(write ? table.write : table.read, verdict, reason), table, write)
  if (familiarity === 'known') return softened(decision, verdict, action)
  return decision === 'allow' ? rulings.policy.allow : rulings.policy[decision]
}

/** A rule has decided only where it changed something. */
function withRules (
  rules: Rules, by: 'policy' | 'function', decision: Decision, risk: IpRisk, table: Table, route: RouteContext
): PolicyDecision {
  const ruled = applyRules(rules, risk, route.action, decision)
  if (ruled !== undefined) return byRule(ruled, table, route)
  if (risk.familiarity === 'known' && by === 'policy') {
    return softened(clamped(decision, table, route.write), risk.verdict, route.action)
  }
  return rulings[by][clamped(decision, table, route.write)]
}

/** Where the default for known networks does not apply. */
const neverSoftened: ReadonlySet<string | null> = new Set(['withdrawal', 'admin'])
const familiarNetwork = {
  elevate_risk: Object.freeze({ decision: 'elevate_risk', decidedBy: 'rule', rule: 'familiar_network' }),
  step_up_auth: Object.freeze({ decision: 'step_up_auth', decidedBy: 'rule', rule: 'familiar_network' })
} as const

/**
 * The default for a network that a satisfied step-up of this account confirmed: no further step-up, and a step-up in
 * place of a block. Softens verdicts only, as `atMost` does.
 */
function softened (
  decision: Decision, verdict: IpRisk['verdict'], action: RouteContext['action']
): PolicyDecision {
  if (!stops(decision) || verdict === 'unknown' || neverSoftened.has(action)) return rulings.policy[decision]
  return decision === 'block' ? familiarNetwork.step_up_auth : familiarNetwork.elevate_risk
}

function byRule ({ decision, rule }: Ruled, table: Table, route: RouteContext): PolicyDecision {
  const clampedDecision = clamped(decision, table, route.write)
  const name = rule?.name
  return name === undefined
    ? rulings.rule[clampedDecision]
    : { decision: clampedDecision, decidedBy: 'rule', rule: name }
}

/** The usual verdict has a line of its own: V8 reads a property faster by its name than by a variable. */
function cell (row: Row, verdict: IpRisk['verdict'], reason: IpRisk['reason']): Decision {
  if (verdict === 'clean') return row.clean
  if (verdict !== 'unknown') return row[verdict]
  if (typeof row.unknown === 'string') return row.unknown
  return row.unknown[reason!] ?? row.unknown.default
}

function byFunction (
  decide: PolicyFunction, risk: IpRisk, route: RouteContext, log?: IpRiskLogger
): Decision | undefined {
  const where = { action: route.action, method: route.method, route: route.url }
  try {
    const decision: unknown = decide(risk, route)
    if (isDecision(decision)) {
      failing.get(decide)?.recovered()
      return decision
    }
    const isPromise = decision instanceof Promise
    if (isPromise) decision.catch(() => {}) // its rejection must not end the process
    if (log !== undefined && begins(decide)) {
      const what = isPromise ? 'returned a promise, and a policy is synchronous' : 'returned no decision'
      log.error({ code: 'IP_RISK_POLICY_FUNCTION_FAILED', ...where, got: isPromise ? 'a promise' : shown(decision) },
        `the function given as "policy" ${what}, so the table decides: let it return one of ${decisions.join(', ')}`)
    }
  } catch (err) {
    if (log !== undefined && begins(decide)) {
      log.error({ code: 'IP_RISK_POLICY_FUNCTION_FAILED', ...where, err },
        'the function given as "policy" threw, so the table decides: fix it')
    }
  }
  return undefined
}

/** Logged once, and again after it has worked for a while. */
const failing = new WeakMap<PolicyFunction, FailureState>()

function begins (decide: PolicyFunction): boolean {
  const state = failing.get(decide) ?? failureState()
  failing.set(decide, state)
  return state.failed()
}

/** Reads are never stopped by a rule or a function unless the policy says so in as many words. */
function clamped (decision: Decision, table: Table, write: boolean): Decision {
  return write || table.allowBlockingReads || !stops(decision) ? decision : 'elevate_risk'
}

/** Whether `step_up_auth` may come of writes, or of reads; a function may say anything that it is not clamped from. */
export function canStepUp ({ table, policyFunction }: CompiledPolicy, write: boolean): boolean {
  const row = Object.values(write ? table.write : table.read)
    .flatMap(cell => typeof cell === 'string' ? [cell] : Object.values(cell))
  if (row.includes('step_up_auth')) return true
  if (!write && !table.allowBlockingReads) return false
  return policyFunction !== undefined || table.rules.some(rule => [rule.then, rule.atLeast].includes('step_up_auth'))
}

/**
 * The decision of a policy (default: the default table) for a risk on a route; pure, for tests and tools. A risk with
 * the reason `listed` is decided by the list that its `decidedBy` names.
 */
export function decide (
  risk: IpRisk, route: Pick<RouteContext, 'write'> & Partial<RouteContext>, policy?: Policy
): Decision {
  const { action = null, write, method = write ? 'POST' : 'GET', url } = route
  return applyPolicy(compilePolicy(basePolicy, policy), risk, { action, write, method, url }).decision
}
