import type { Policy } from './policy.ts'

export type LookupMode = 'wait' | 'background' | 'cache' | 'skip'
/** `enforce`: decisions stop visitors. `monitor`: they are only recorded. */
export type Mode = 'enforce' | 'monitor'

/**
 * A mode, or the share of addresses, 0 to 1, whose decisions are enforced; the others are monitored. An address (an
 * IPv6 /64) stays on its side while the share grows, and each action has other addresses. Needs `cache.keySecret`: the
 * side is an HMAC, which no visitor can compute. `DecisionRecord.mode` is the side of the request.
 */
export type ModeOption = Mode | { readonly enforceShare: number }

/**
 * The declared actions. Applications add their own names by augmentation, beside the option `actions`:
 * `declare module 'fastify-ip-risk' { interface IpRiskActions { transfer: 'write' } }`. Other names do not compile.
 */
export interface IpRiskActions { signup: 'write', payment: 'write', kyc: 'write', withdrawal: 'write', admin: 'write' }
export type IpRiskAction = keyof IpRiskActions
/** The names declared as writes, or as reads. */
export type ActionThat<Kind extends 'write' | 'read'> = {
  [A in IpRiskAction]: IpRiskActions[A] extends Kind ? A : never
}[IpRiskAction]

/** What `config.ipRisk` of a route may name, written out. */
export interface RouteIpRiskOptions {
  readonly action?: IpRiskAction | undefined
  /** Whether its requests are writes. Default: what the action is declared as, else whether the method is unsafe. */
  readonly write?: boolean | undefined
  /** Over the policies of the plugin and the scope, cell by cell. */
  readonly policy?: Policy | undefined
  readonly mode?: ModeOption | undefined
  /** Default `wait`. */
  readonly lookup?: LookupMode | undefined
  readonly timeoutMs?: number | undefined
  /** No string is one: without this, Fastify's inference of `config` would let undeclared action names through. */
  readonly [Symbol.iterator]?: never
}

/**
 * `config.ipRisk` of a route, written out: at least one of its options. Fastify infers the type of `config` from what
 * is written, so the compiler does not look for excess properties there; an object that has none of these names is a
 * mistake that it does find. Boot refuses every other unknown name.
 */
export type RouteIpRisk = RouteIpRiskOptions & {
  [Name in RouteOptionName]: { readonly [N in Name]: RouteIpRiskOptions[N] }
}[RouteOptionName]
type RouteOptionName = 'action' | 'write' | 'policy' | 'mode' | 'lookup' | 'timeoutMs'

/** `config.ipRisk`: an action name, `true`, `false` (nothing happens), or written out. */
export type RouteIpRiskOption = IpRiskAction | boolean | RouteIpRisk
