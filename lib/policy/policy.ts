import type { Decision, IpRisk, IpRiskLogger, Policy, PolicyTable, RouteContext } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { shown } from '../options.ts'
import { isDecision, milder, stops } from './decision.ts'
import { defaultPolicy, mergeTable, type Row, type Table } from './table.ts'

/** Policies of plugin, scope and route on top of each other, checked and ready to judge. */
export interface CompiledPolicy {
  readonly table: Table
  /** The nearest function, if any: it decides instead of the table … */
  readonly judge?: (risk: IpRisk, route: RouteContext) => Decision
  /** … but for the cells that a nearer scope or route names. */
  readonly nearer?: PolicyTable
}

/** The provider names of an address that a list decided. */
export const ALLOW_LIST = 'allow-list'
export const DENY_LIST = 'deny-list'

export const basePolicy: CompiledPolicy = { table: defaultPolicy }

/** `policy` on top of `base`. Throws an `IpRiskError` that names the cell. */
export function compilePolicy (base: CompiledPolicy, policy: Policy | undefined, path = 'policy'): CompiledPolicy {
  if (policy === undefined) return base
  if (typeof policy === 'function') return { table: base.table, judge: policy }
  if (typeof policy !== 'object' || policy === null) {
    throw badOption(path, `must be a table or a function (risk, route) => decision, got ${shown(policy)}`)
  }
  const table = mergeTable(base.table, policy, path)
  if (base.judge === undefined) return { table }
  const nearer = { write: { ...base.nearer?.write, ...policy.write }, read: { ...base.nearer?.read, ...policy.read } }
  return { table, judge: base.judge, nearer }
}

/** What the policy says of this risk on this route. Pure but for the log line of a function that fails. Never throws. */
export function judge (policy: CompiledPolicy, risk: IpRisk, route: RouteContext, log?: IpRiskLogger): Decision {
  if (risk.reason === 'listed') return risk.provider === DENY_LIST ? 'block' : 'allow'
  const { table } = policy
  if (policy.judge === undefined || policy.nearer?.[route.write ? 'write' : 'read']?.[risk.verdict] !== undefined) return byTable(table, risk, route)
  const decision = byFunction(policy.judge, risk, route, log) ?? byTable(table, risk, route)
  return clamped(decision, table, route)
}

function byTable (table: Table, risk: IpRisk, route: RouteContext): Decision {
  const decision = cell(route.write ? table.write : table.read, risk)
  return risk.categories.length === 0 ? decision : clamped(byRules(table, risk, decision), table, route)
}

function cell (row: Row, risk: IpRisk): Decision {
  if (risk.verdict !== 'unknown') return row[risk.verdict]
  if (typeof row.unknown === 'string') return row.unknown
  return row.unknown[risk.reason!] ?? row.unknown.default
}

function byRules (table: Table, risk: IpRisk, decision: Decision): Decision {
  let result = decision
  let replaced = false
  for (const rule of table.rules) {
    if (rule.then !== undefined && !replaced && risk.categories.includes(rule.category)) {
      result = rule.then
      replaced = true
    }
  }
  for (const rule of table.rules) {
    if (rule.atMost !== undefined && risk.categories.includes(rule.category)) result = milder(result, rule.atMost)
  }
  return result
}

function byFunction (decide: NonNullable<CompiledPolicy['judge']>, risk: IpRisk, route: RouteContext, log?: IpRiskLogger): Decision | undefined {
  try {
    const decision: unknown = decide(risk, route)
    if (isDecision(decision)) return decision
    log?.error({ action: route.action, route: route.url, got: shown(decision) }, 'the ip-risk policy function gave no decision; the table decides')
  } catch (err) {
    log?.error({ err, action: route.action, route: route.url }, 'the ip-risk policy function threw; the table decides')
  }
  return undefined
}

/** Reads are never stopped by a rule or a function unless the policy says so in as many words. */
function clamped (decision: Decision, table: Table, route: RouteContext): Decision {
  return !route.write && stops(decision) && !table.allowBlockingReads ? 'elevate_risk' : decision
}

/** Whether any cell or rule says `step_up_auth`; a function might, and is not asked. */
export function canStepUp ({ table }: CompiledPolicy): boolean {
  const cells = [...Object.values(table.write), ...Object.values(table.read)].flatMap(cell => typeof cell === 'string' ? [cell] : Object.values(cell))
  return cells.includes('step_up_auth') || table.rules.some(rule => rule.then === 'step_up_auth')
}

/** The decision of a policy (default: the default table) for a risk on a route; pure, for tests and tools. */
export function decide (risk: IpRisk, route: Pick<RouteContext, 'write'> & Partial<RouteContext>, policy?: Policy): Decision {
  const { action = null, method = route.write ? 'POST' : 'GET', url } = route
  return judge(compilePolicy(basePolicy, policy), risk, { action, write: route.write, method, url })
}
