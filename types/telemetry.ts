import type { Mode } from './route.ts'
import type { Decision } from './risk.ts'
import type { Outcome } from './record.ts'
import type { VerdictName } from './verdict.ts'

/** How many requests agree in all of these. */
export interface RequestCount {
  /**
   * The action's name; `none` on marked routes without one, `unmarked` on routes that are not marked. After 32
   * different names, further ones are counted as `other`.
   */
  readonly action: string
  /** What the policy decided. */
  readonly decision: Decision
  /** The verdict on the address. */
  readonly verdict: VerdictName | 'unknown'
  /** What came of them. */
  readonly outcome: Outcome
  /** As in a decision record: what the visitor would meet in `enforce` mode. */
  readonly wouldBe: Decision
  /** Whether the decision was enforced. */
  readonly mode: Mode
  /** Whether they were writes. */
  readonly write: boolean
  /** Since start. Never 0. */
  readonly count: number
}

/** Requests whose forwarding headers were not believed, or whose address could not be found. Counted since start. */
export interface RejectedAddresses {
  /** A header named an address and was not believed, because who sent it is no trusted proxy. */
  readonly forged_header: number
  /** A trusted proxy sent a header that could not be read: an invalid entry, two values, too few entries. */
  readonly bad_entry: number
  /** The request has no address that can be judged. */
  readonly no_address: number
}

/**
 * Why `health()` is `degraded`. Each has an entry in docs/runbook.md.
 * - `redis_down`, `redis_degraded`: Redis, or a node of a Cluster, does not answer.
 * - `provider_circuit_open`: a provider keeps failing and is not called.
 * - `provider_paused`: a provider refused the account or the rate, and is not called for a while.
 * - `quota_exhausted`: no call is left in a provider's minute or day.
 * - `quota_offline_share`: this process uses only its own share of a provider's limits.
 * - `data_old`: the lists of a provider were not renewed for 48 hours, or for its `dataOldAfterSeconds`.
 * - `data_loading`: a provider has no data yet and is getting them.
 * - `data_missing`: a provider has no data, and nothing is under way to get them.
 * - `cloudflare_ranges_old`: the list of Cloudflare's ranges is older than 180 days.
 */
export type HealthReason =
  | 'redis_down' | 'redis_degraded' | 'provider_circuit_open' | 'provider_paused' | 'quota_exhausted'
  | 'quota_offline_share' | 'data_old' | 'data_loading' | 'data_missing' | 'cloudflare_ranges_old'

/** For readiness probes. It is never worse than `degraded`: requests continue without a provider and without Redis. */
export interface Health {
  /** `degraded` while there is at least one reason. */
  readonly status: 'ok' | 'degraded'
  /** Empty with `ok`. */
  readonly reasons: readonly {
    /** What is wrong, for programs. */
    readonly code: HealthReason
    /** Of which provider. */
    readonly provider?: string
    /** One sentence for people: what it means. No address, no secret. */
    readonly message: string
  }[]
}
