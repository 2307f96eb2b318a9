import type { Policy } from './policy.ts'
import type { ModeOption } from './route.ts'

/** What `update()` can change while the process runs. */
export interface ScopeChanges {
  readonly mode?: ModeOption | undefined
  /** Merged over the present policy, as the policy of a nearer scope is. */
  readonly policy?: Policy | undefined
  /** In place of the present list; `[]` empties it. */
  readonly allow?: readonly string[] | undefined
  /** In place of the present list; `[]` empties it. */
  readonly deny?: readonly string[] | undefined
}

/** For the audit record. At most 500 characters each. */
export interface UpdateNote {
  readonly reason?: string | undefined
  readonly author?: string | undefined
}

/** What `update()` did: returned, logged at `info`, and published on the channel `fastify-ip-risk:update`. Frozen. */
export interface UpdateRecord {
  /** ISO 8601. */
  readonly at: string
  readonly author: string | null
  readonly reason: string | null
  /** As they were given; the text `function` stands for a policy function. */
  readonly changes: { readonly [name: string]: unknown }
}
