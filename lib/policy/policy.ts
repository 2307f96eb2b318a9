import type { Decision, IpRisk, IpRiskLogger, Policy, PolicyFunction, PolicyRule, RouteContext } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { shown } from '../options.ts'
import { type Trouble, trouble } from '../trouble.ts'
import { isDecision, stops } from './decision.ts'
import { applyRules, compileRules, type Rules } from './rules.ts'
import { defaultPolicy, mergeRules, mergeTable, namedCells, type NamedCells, type Row, type Table } from './table.ts'

/** Policies of plugin, scope and route on top of each other, checked and ready to judge. */
export interface CompiledPolicy {
  readonly table: Table
  readonly rules: Rules
  /** The nearest function, if any: it decides instead of the table … */
  readonly judge?: PolicyFunction
  /** … but for what nearer scopes and the route say in tables of their own. */
  readonly nearer?: Nearer
}
interface Nearer { readonly write: NamedCells, readonly read: NamedCells, readonly listed: readonly PolicyRule[], readonly rules: Rules }

/** The provider names of an address that a list decided. */
export const ALLOW_LIST = 'allow-list'
export const DENY_LIST = 'deny-list'

export const basePolicy: CompiledPolicy = { table: defaultPolicy, rules: compileRules(defaultPolicy.rules) }

/** `policy` on top of `base`. Throws an `IpRiskError` that names the cell. */
export function compilePolicy (base: CompiledPolicy, policy: Policy | undefined, path = 'policy'): CompiledPolicy {
  if (policy === undefined) return base
  if (typeof policy === 'function') return { table: base.table, rules: base.rules, judge: policy }
  if (typeof policy !== 'object' || policy === null) {
    throw badOption(path, `must be a table or a function (risk, route) => decision, got ${shown(policy)}`)
  }
  const table = mergeTable(base.table, policy, path)
  const rules = compileRules(table.rules)
  if (base.judge === undefined) return { table, rules }
  const { write, read, listed: above = [] } = base.nearer ?? {}
  const listed = mergeRules(above, policy.rules, `${path}.rules`)
  return {
    table,
    rules,
    judge: base.judge,
    nearer: {
      write: { ...write, ...namedCells(policy.write) },
      read: { ...read, ...namedCells(policy.read) },
      listed,
      rules: compileRules(listed)
    }
  }
}

/** What the policy says of this risk on this route. Pure but for the log line of a function that fails. Never throws. */
export function judge (policy: CompiledPolicy, risk: IpRisk, route: RouteContext, log?: IpRiskLogger): Decision {
  if (risk.reason === 'listed') {
    if (risk.provider === ALLOW_LIST) return 'allow'
    if (risk.provider === DENY_LIST) return 'block'
  }
  // The visitor chose how many lines to send: no policy lets a request pass for it that it could stop.
  if (risk.reason === 'truncated_headers' && (route.write || policy.table.allowBlockingReads)) return 'block'
  const { table, nearer } = policy
  if (policy.judge === undefined || nearer?.[route.write ? 'write' : 'read'][risk.verdict] !== undefined) return byTable(policy, risk, route)
  const decision = byFunction(policy.judge, risk, route, log)
  if (decision === undefined) return byTable(policy, risk, route)
  return clamped(nearer === undefined ? decision : applyRules(nearer.rules, risk, decision), table, route)
}

function byTable ({ table, rules }: CompiledPolicy, risk: IpRisk, route: RouteContext): Decision {
  const decision = cell(route.write ? table.write : table.read, risk)
  return risk.categories.length === 0 ? decision : clamped(applyRules(rules, risk, decision), table, route)
}

function cell (row: Row, risk: IpRisk): Decision {
  if (risk.verdict !== 'unknown') return row[risk.verdict]
  if (typeof row.unknown === 'string') return row.unknown
  return row.unknown[risk.reason!] ?? row.unknown.default
}

function byFunction (decide: PolicyFunction, risk: IpRisk, route: RouteContext, log?: IpRiskLogger): Decision | undefined {
  const where = { action: route.action, method: route.method, route: route.url }
  try {
    const decision: unknown = decide(risk, route)
    if (isDecision(decision)) {
      failing.get(decide)?.works()
      return decision
    }
    if (decision instanceof Promise) decision.catch(() => {}) // an async function is no policy: its rejection must not end the process
    if (log !== undefined && begins(decide)) {
      log.error({ code: 'IP_RISK_POLICY_FUNCTION_FAILED', ...where, got: shown(decision) },
        'the function given as "policy" returned no decision, so the table decides: let it return one of allow, elevate_risk, step_up_auth, block')
    }
  } catch (err) {
    if (log !== undefined && begins(decide)) {
      log.error({ code: 'IP_RISK_POLICY_FUNCTION_FAILED', ...where, err }, 'the function given as "policy" threw, so the table decides: mend it')
    }
  }
  return undefined
}

/** Logged once, and again after it has worked for a while. */
const failing = new WeakMap<PolicyFunction, Trouble>()

function begins (decide: PolicyFunction): boolean {
  const state = failing.get(decide) ?? trouble()
  failing.set(decide, state)
  return state.shows()
}

/** Reads are never stopped by a rule or a function unless the policy says so in as many words. */
function clamped (decision: Decision, table: Table, route: RouteContext): Decision {
  return !route.write && stops(decision) && !table.allowBlockingReads ? 'elevate_risk' : decision
}

/** Whether `step_up_auth` may come of writes, or of reads; a function may say anything that it is not clamped from. */
export function canStepUp ({ table, judge }: CompiledPolicy, write: boolean): boolean {
  const row = Object.values(write ? table.write : table.read).flatMap(cell => typeof cell === 'string' ? [cell] : Object.values(cell))
  if (row.includes('step_up_auth')) return true
  if (!write && !table.allowBlockingReads) return false
  return judge !== undefined || table.rules.some(rule => rule.then === 'step_up_auth')
}

/** The decision of a policy (default: the default table) for a risk on a route; pure, for tests and tools. */
export function decide (risk: IpRisk, route: Pick<RouteContext, 'write'> & Partial<RouteContext>, policy?: Policy): Decision {
  const { action = null, write, method = write ? 'POST' : 'GET', url } = route
  return judge(compilePolicy(basePolicy, policy), risk, { action, write, method, url })
}
