import type { Policy } from './policy.ts'
import type { ModeOption } from './route.ts'

/** What `update()` can change while the process runs. */
export interface ScopeChanges {
  /** In place of the present mode. */
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
  /** Why. Default: no reason. */
  readonly reason?: string | undefined
  /** Who does it. Default: nobody is named. */
  readonly author?: string | undefined
}

/** What `update()` did: returned, logged at `info`, and published on the channel `fastify-ip-risk:update`. Frozen. */
export interface UpdateRecord {
  /** ISO 8601. */
  readonly at: string
  /** Who did it; null where nobody was named. */
  readonly author: string | null
  /** Why; null where no reason was given. */
  readonly reason: string | null
  /** As they were given; a policy function appears as the text `function`. */
  readonly changes: { readonly [name: string]: unknown }
}
