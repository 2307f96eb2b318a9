import type { IpRiskAction, LookupMode, Mode, RouteIpRiskOptions } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type CompiledPolicy, compilePolicy, shareOfAddresses } from '../policy/index.ts'
import { checkBoolean, checkNumber, checkObject, checkOneOf, checkString, shown } from '../util/index.ts'
import { lookupModes, type PluginScope, readMode } from './plugin-scope.ts'

/** What a route wants, read once. `null` means a route with `ipRisk: false`. */
export interface RoutePolicy {
  readonly marked: boolean
  readonly action: string | null
  /** Undefined: the method decides. */
  readonly write: boolean | undefined
  readonly policy: CompiledPolicy
  readonly mode: Mode
  /** Which addresses get `enforced` in place of this. */
  readonly share?: RouteShare | undefined
  readonly lookup: LookupMode
  readonly timeoutMs: number
}

/** The addresses for which a route is enforced, and what it is then. */
export interface RouteShare {
  readonly has: (ip: string) => boolean
  readonly enforced: RoutePolicy
}

/** RFC 9110 section 9.2.1. Asked several times a request, and comparing is faster than a Set. */
export function isSafeMethod (method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/** Whether a request with this method on this route is a write. */
export function isWrite (plan: RoutePolicy, method: string): boolean {
  return plan.write ?? !isSafeMethod(method)
}

/** Reads `config.ipRisk`. Throws an `IpRiskError` that names the option; `path` names the route. */
export function readRoutePolicy (path: string, option: unknown, scope: PluginScope): RoutePolicy | null {
  if (option === false) return null
  if (option === undefined) {
    const { policy, mode, unmarked, timeoutMs } = scope
    return { marked: false, action: null, write: undefined, policy, mode, lookup: unmarked, timeoutMs }
  }
  const given = writtenOut(path, option)
  const action = checkString(`${path}.action`, given.action, undefined) ?? null
  const kind = action === null ? undefined : scope.actions.get(action)
  if (action !== null && kind === undefined) {
    throw badOption(path, `names the action ${shown(action)}, which is not declared: use one of ` +
      `${[...scope.actions.keys()].join(', ')}, ` +
      'or declare it in the plugin option "actions", { write: [...] } or { read: [...] }, and await the ' +
        'registration in this scope')
  }
  const declared = kind === undefined ? undefined : kind === 'write'
  const { mode, enforceShare } = readMode(`${path}.mode`, given.mode, scope, scope.keySecret)
  const plan = {
    marked: true,
    action,
    write: given.write === undefined ? declared : checkBoolean(`${path}.write`, given.write, false),
    policy: compilePolicy(scope.policy, given.policy, `${path}.policy`),
    mode,
    lookup: checkOneOf(`${path}.lookup`, given.lookup, lookupModes, 'wait'),
    timeoutMs: checkNumber(`${path}.timeoutMs`, given.timeoutMs, scope.timeoutMs, { min: 1, max: 60_000 })
  }
  if (enforceShare === undefined) return plan
  const has = shareOfAddresses(scope.keySecret![0]!, enforceShare, action ?? '')
  return { ...plan, share: { has, enforced: { ...plan, mode: 'enforce' } } }
}

function writtenOut (path: string, option: unknown): RouteIpRiskOptions {
  if (option === true) return {}
  if (typeof option === 'string') return { action: option as IpRiskAction }
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    throw badOption(path, `must be an action name, true, false or an object, got ${shown(option)}`)
  }
  return checkObject<RouteIpRiskOptions>(path, option, ['action', 'write', 'policy', 'mode', 'lookup', 'timeoutMs'])
}
