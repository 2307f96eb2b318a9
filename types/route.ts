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
 * `config.ipRisk` of a route, written out: at least one of its options, and no other name. Boot refuses other names,
 * too.
 */
export type RouteIpRisk = RouteIpRiskOptions & NoOtherOption & {
  [Name in RouteOptionName]: { readonly [N in Name]: RouteIpRiskOptions[N] }
}[RouteOptionName]
/** The names of a route's options. */
type RouteOptionName = keyof RouteIpRiskOptions & string

/**
 * Fastify infers the type of `config` from what is written, so the compiler does not look for excess properties there.
 * An index signature for the other names does it.
 */
type NoOtherOption = { readonly [Name in OtherName]?: NoSuchOption }
/** What the compiler prints where a name is wrong. */
type NoSuchOption = 'no such option: use action, write, policy, mode, lookup or timeoutMs'
/** A name that is no option ends early, or goes on with another character than the options that begin like it. */
type OtherName<Start extends string = StartOf<RouteOptionName>> = Start extends string
  ? Exclude<Start, RouteOptionName | ''> | `${Start}${Exclude<Character, NextIn<RouteOptionName, Start>>}${string}`
  : never
/** The empty text, the name, and what is between them. */
type StartOf<Name extends string, Start extends string = ''> =
  Name extends `${infer Next}${infer Rest}` ? Start | StartOf<Rest, `${Start}${Next}`> : Start
/** The character after `Start`. */
type NextIn<Name extends string, Start extends string> = Name extends `${Start}${infer Next}${string}` ? Next : never
/** What a name may begin or go on with. */
type Character = Lower | Uppercase<Lower> | '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '_' | '-' | '$'
/** Lower-case letters. */
type Lower = 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm' | 'n' | 'o' | 'p' | 'q' | 'r' |
  's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z'

/** `config.ipRisk`: an action name, `true`, `false` (nothing happens), or written out. */
export type RouteIpRiskOption = IpRiskAction | boolean | RouteIpRisk
