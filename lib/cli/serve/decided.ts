import type { IpRiskApi } from '../../../types/api.ts'
import type { DecidedBy, Decision, IpRisk, Outcome } from '../../../types/contract.ts'
import { internalsOf } from '../../core/index.ts'
import { applyPolicy, stops } from '../../policy/index.ts'
import type { Json } from '../../verdict/index.ts'
import { Problem } from './problem.ts'

const ACTION_MAX = 64

/** The visitor's request as the client describes it, for the policy. Null: it wants no decision. */
export interface Wanted { readonly action: string | null, readonly write: boolean }

export interface DecidedBody { readonly decision?: Decision, readonly decided_by?: DecidedBy, readonly rule?: string }

/** Throws a `Problem`. */
export function wantedDecision ({ action, write }: Json): Wanted | null {
  const isAction = action === undefined || action === null ||
    (typeof action === 'string' && action.length > 0 && action.length <= ACTION_MAX)
  if (!isAction || (write !== undefined && typeof write !== 'boolean')) throw new Problem('invalid_action')
  if (write === undefined && (action === undefined || action === null)) return null
  return { action: action ?? null, write: write ?? true }
}

/** The decision where it is wanted, counted as one of a request whose application enforces it. */
export function decided (api: IpRiskApi, risk: IpRisk, wanted: Wanted | null): DecidedBody {
  if (wanted === null) return {}
  const { engine, scope } = internalsOf(api)!
  const { write } = wanted
  // The policy compares the name of an action; which names there are is the business of the policy file.
  const action = wanted.action as IpRisk['action']
  const method = write ? 'POST' : 'GET'
  const { decision, decidedBy, rule } = applyPolicy(scope.policy, risk, { action, write, method, url: undefined })
  const { policy, timeoutMs } = scope
  const route = { marked: true, action, write, policy, mode: 'monitor', lookup: 'wait', timeoutMs } as const
  const context = { scope, route, method, url: undefined, requestId: '', log: engine.log }
  const counted = { ...risk, action, write, decision }
  engine.count({ ...counted, risk: counted }, context, outcomeOf(decision))
  return { decision, decided_by: decidedBy, ...rule !== undefined && { rule } }
}

/** Nothing is enforced here, and nobody says what the client does. */
function outcomeOf (decision: Decision): Outcome {
  return stops(decision) ? 'not_enforced' : decision === 'allow' ? 'allowed' : 'flagged'
}
