import type { Decision, Familiarity, IpRisk } from './risk.ts'
import type { Category, UnknownReason, VerdictName } from './verdict.ts'

/** A table, or a function that decides in its place. */
export type Policy = PolicyTable | PolicyFunction

/** Plain JSON. What a table leaves out keeps the value of the scope above. */
export interface PolicyTable {
  /** Where the schema of this file is, for editors. Not read. */
  readonly $schema?: string | undefined
  /** Decisions about writes, by verdict. */
  readonly write?: PolicyRow | undefined
  /** Decisions about reads, by verdict. */
  readonly read?: PolicyRow | undefined
  /** Default `false`: a policy that blocks or steps up reads is refused at boot. */
  readonly allowBlockingReads?: boolean | undefined
  /** At most 1 000 in each table. */
  readonly rules?: readonly PolicyRule[] | undefined
}

/** A row names some cells; the others keep what they were. */
export type PolicyRow = {
  readonly [V in VerdictName]?: Decision | undefined
} & {
  /** Where nothing is known: one decision, or one for each reason. */
  readonly unknown?: UnknownCell | undefined
}

/**
 * Decisions where nothing is known: one for every reason, or a default and others for some reasons.
 *
 * @example
 * { default: 'allow', timeout: 'step_up_auth' }
 */
export type UnknownCell = Decision | ({
  /** For each reason that is not named. */
  readonly default: Decision
} & {
  readonly [R in UnknownReason]?: Decision | undefined
})

/**
 * A rule on what is known: every condition given must hold, and a list means any of its values. Give one effect:
 * `then`, `atMost` or `atLeast`. The first `then` that applies replaces the table's decision, every `atMost` softens
 * the result, and every `atLeast` raises it last. Rules are plain JSON (`fastify-ip-risk/policy.schema.json` describes
 * them).
 *
 * @example
 * { name: 'our office VPN', vpnProvider: 'ExampleVPN', asn: 64500, atMost: 'elevate_risk' }
 */
export interface PolicyRule {
  /** 1 to 64 characters; `IpRisk.rule` where this rule decided. Two rules of one name replace each other. */
  readonly name?: string | undefined
  /** A category of the address. */
  readonly category?: Category | readonly Category[] | undefined
  /** The AS number of the network: `13335` or `'AS13335'`. */
  readonly asn?: number | string | readonly (number | string)[] | undefined
  /** ISO 3166-1 alpha-2, such as `DE`. Holds only where the provider gave a country code. */
  readonly country?: string | readonly string[] | undefined
  /** `info.vpnProvider`, in any case. */
  readonly vpnProvider?: string | readonly string[] | undefined
  /** The provider that answered, as in `IpRisk.provider`. */
  readonly provider?: string | readonly string[] | undefined
  /** The score within these bounds, both included, 0 to 1. Without a score the condition does not hold. */
  readonly score?: {
    /** Lowest score, 0 to 1. Default: no bound. */
    readonly min?: number | undefined
    /** Highest score, 0 to 1. Default: no bound. */
    readonly max?: number | undefined
  } | undefined
  /** The type of a signal that matched. */
  readonly signal?: string | readonly string[] | undefined
  /** How well the account's network is known. Needs the option `familiarity`: an error at boot without it. */
  readonly familiarity?: Familiarity | readonly Familiarity[] | undefined
  /** The action of the route. */
  readonly action?: string | readonly string[] | undefined
  /** The mildest of this and the decision so far. Does not soften the decision about an `unknown` verdict. */
  readonly atMost?: Decision | undefined
  /** The hardest of this and the decision so far. Reads are stopped only with `allowBlockingReads`. */
  readonly atLeast?: Decision | undefined
  /** Instead of the table's decision. */
  readonly then?: Decision | undefined
}

/**
 * Synchronous. If it throws, returns a promise or returns no decision, the table decides and an error is logged, code
 * `IP_RISK_POLICY_FUNCTION_FAILED`. It cannot stop reads without `allowBlockingReads`.
 */
export type PolicyFunction = (risk: IpRisk, route: RouteContext) => Decision

/** What a policy function learns about the route of a request. */
export interface RouteContext {
  /** The route's action; null where it has none. */
  readonly action: string | null
  /** Whether the request is a write. */
  readonly write: boolean
  /** The HTTP method. */
  readonly method: string
  /** The route's pattern (`/users/:id`), never what the visitor typed; undefined on a 404. */
  readonly url: string | undefined
}
