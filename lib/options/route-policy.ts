import type { LookupMode, Mode, ModeOption, Policy, RouteIpRiskOptions } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { type CompiledPolicy, compilePolicy, shareOfAddresses } from '../policy/index.ts'
import { checkBoolean, int, oneOf, optional, readObject, shown, type Specification, text } from '../util/index.ts'
import { checkRulesApply, lookupModes, type PluginScope, readMode } from './plugin-scope.ts'

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
export function isWrite (routePolicy: RoutePolicy, method: string): boolean {
  return routePolicy.write ?? !isSafeMethod(method)
}

function specificationIn (scope: PluginScope) {
  return {
    action: text(undefined),
    write: optional((path, given) => checkBoolean(path, given, false)),
    policy: (path, given) => compilePolicy(scope.policy, given as Policy | undefined, path),
    mode: (_path, given) => given as ModeOption | undefined,
    lookup: oneOf(lookupModes, 'wait'),
    timeoutMs: int(1, 60_000, scope.timeoutMs)
  } satisfies Specification<RouteIpRiskOptions>
}

/** Reads `config.ipRisk`. Throws an `IpRiskError` that names the option; `path` names the route. */
export function readRoutePolicy (path: string, option: unknown, scope: PluginScope): RoutePolicy | null {
  if (option === false) return null
  if (option === undefined) {
    const { policy, mode, unmarked, timeoutMs } = scope
    return { marked: false, action: null, write: undefined, policy, mode, lookup: unmarked, timeoutMs }
  }
  const given = readObject(path, writtenOut(path, option), specificationIn(scope))
  const { action = null, policy, lookup, timeoutMs } = given
  const kind = action === null ? undefined : scope.actions.get(action)
  if (action !== null && kind === undefined) {
    throw badOption(path, `names the action ${shown(action)}, which is not declared: use one of ` +
      `${[...scope.actions.keys()].join(', ')}, ` +
      'or declare it in the plugin option "actions", { write: [...] } or { read: [...] }, and await the ' +
        'registration in this scope')
  }
  checkRulesApply(`${path}.policy`, policy, scope)
  const declared = kind === undefined ? undefined : kind === 'write'
  const { mode, enforceShare } = readMode(`${path}.mode`, given.mode, scope, scope.keySecret)
  const routePolicy = { marked: true, action, write: given.write ?? declared, policy, mode, lookup, timeoutMs }
  if (enforceShare === undefined) return routePolicy
  const has = shareOfAddresses(scope.keySecret![0]!, enforceShare, action ?? '')
  return { ...routePolicy, share: { has, enforced: { ...routePolicy, mode: 'enforce' } } }
}

function writtenOut (path: string, option: unknown): object {
  if (option === true) return {}
  if (typeof option === 'string') return { action: option }
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    throw badOption(path, `must be an action name, true, false or an object, got ${shown(option)}`)
  }
  return option
}
