import type { Decision, IpRisk } from './risk.ts'
import type { Category, UnknownReason, VerdictName } from './verdict.ts'

export type Policy = PolicyTable | PolicyFunction

export interface PolicyTable {
  readonly write?: PolicyRow
  readonly read?: PolicyRow
  /** Without it a policy that blocks or steps up reads is refused. */
  readonly allowBlockingReads?: boolean
  readonly rules?: readonly PolicyRule[]
}

/** A row names some cells; the others keep what they were. */
export type PolicyRow = { readonly [V in VerdictName]?: Decision } & { readonly unknown?: UnknownCell }
export type UnknownCell = Decision | ({ readonly default: Decision } & { readonly [R in UnknownReason]?: Decision })

export interface PolicyRule {
  readonly category: Category
  /** The mildest of this and the table's decision. */
  readonly atMost?: Decision
  /** Instead of the table's decision. */
  readonly then?: Decision
}

/**
 * Synchronous. One that throws or gives no decision gives way to the table, and is logged. On reads it cannot stop
 * anybody.
 */
export type PolicyFunction = (risk: IpRisk, route: RouteContext) => Decision

export interface RouteContext {
  readonly action: string | null
  readonly write: boolean
  readonly method: string
  /** The route's pattern (`/users/:id`), never what the visitor typed; undefined on a 404. */
  readonly url: string | undefined
}
