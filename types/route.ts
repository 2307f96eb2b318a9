import type { Policy } from './policy.ts'

/**
 * How a route asks. `wait`: waits for a verdict, `timeoutMs` at most. `background`: starts a lookup and continues with
 * `unknown`, `pending`. `cache`: uses what is known already, else `unknown`, `not_asked`. `skip`: no lookup.
 */
export type LookupMode = 'wait' | 'background' | 'cache' | 'skip'
/** `enforce`: decisions stop visitors. `monitor`: they are only recorded. */
export type Mode = 'enforce' | 'monitor'

/**
 * A mode, or the share of addresses, 0 to 1, whose decisions are enforced; the others are monitored. An address (an
 * IPv6 /64) stays on its side while the share grows, and each action has other addresses. Needs `cache.keySecret`: the
 * side is an HMAC, which no visitor can compute. `DecisionRecord.mode` is the side of the request.
 */
export type ModeOption = Mode | {
  /** Share of addresses whose decisions are enforced: 0 to 1. */
  readonly enforceShare: number
}

/**
 * The declared actions. Applications add their own names by augmentation, beside the option `actions`:
 * `declare module 'fastify-ip-risk' { interface IpRiskActions { transfer: 'write' } }`. Other names do not compile.
 */
export interface IpRiskActions {
  /** Making an account. */
  signup: 'write'
  /** Paying. */
  payment: 'write'
  /** Proving who somebody is. */
  kyc: 'write'
  /** Taking money out. */
  withdrawal: 'write'
  /** Changing what other people may do. */
  admin: 'write'
}

/** The name of an action: one of those above, or of your own. */
export type IpRiskAction = keyof IpRiskActions
/** The names declared as writes, or as reads. */
export type ActionThat<Kind extends 'write' | 'read'> = {
  [A in IpRiskAction]: IpRiskActions[A] extends Kind ? A : never
}[IpRiskAction]

/** What `config.ipRisk` of a route may name, written out. */
export interface RouteIpRiskOptions {
  /** What the route does: a declared action, or one of your own. Default: none. */
  readonly action?: IpRiskAction | undefined
  /** Whether its requests are writes. Default: what the action is declared as, else whether the method is unsafe. */
  readonly write?: boolean | undefined
  /** Over the policies of the plugin and the scope, cell by cell. */
  readonly policy?: Policy | undefined
  /** Whether decisions are enforced. Default: the scope's. */
  readonly mode?: ModeOption | undefined
  /** Default `wait`. */
  readonly lookup?: LookupMode | undefined
  /** Longest wait for a verdict, in milliseconds: 1 to 60 000. Default: the scope's, 5 000. */
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
/** The names of a route's options. */
type RouteOptionName = 'action' | 'write' | 'policy' | 'mode' | 'lookup' | 'timeoutMs'

/** `config.ipRisk`: an action name, `true`, `false` (nothing happens), or written out. */
export type RouteIpRiskOption = IpRiskAction | boolean | RouteIpRisk
