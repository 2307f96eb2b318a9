import type { Outcome } from './record.ts'
import type { Decision } from './risk.ts'
import type { UnknownReason } from './verdict.ts'

/** Counters since start; quota as known now. */
export interface Stats {
  readonly lookups: {
    readonly memory: number
    readonly redis: number
    /**
     * Calls to the provider, or to all members of a combination: the sum of `providers[name].calls`. Retries count,
     * and so does each chunk of a bulk. A lookup that a quota, a pause or an open circuit breaker refused is no call.
     */
    readonly provider: number
    /** Answers that another request or process had asked for. */
    readonly shared: number
    readonly stale: number
    /** Answered by the verdicts on other addresses of the same IPv6 /64. */
    readonly subnet: number
    readonly refreshed: number
  }
  /** Requests by the reason of their `unknown`, counted with their record. */
  readonly unknown: { readonly [R in UnknownReason]?: number }
  /** Requests by their decision, counted with their record. */
  readonly decisions: { readonly [D in Decision]: number }
  /** Requests by their outcome. Each is counted once, when its record is due, whether or not anything listens. */
  readonly outcomes: { readonly [O in Outcome]: number }
  /** `degraded`: some nodes of a Cluster do not answer; verdicts that live there are not shared. */
  readonly redis: 'none' | 'up' | 'degraded' | 'down'
  readonly providers: { readonly [name: string]: ProviderStats }
}

/** Counters of one provider. */
export interface ProviderStats {
  /** Calls made, retries and chunks of a bulk included. */
  readonly calls: number
  /** Answers that are `unknown` for another reason than `no_data`. */
  readonly failures: number
  /** State of the circuit breaker. */
  readonly breaker: 'closed' | 'open' | 'half_open'
  /**
   * Where calls are counted against the provider's limits. `shared`: in Redis, for all processes. `offline_share`:
   * Redis does not answer, or was restarted less than a minute ago, and this process uses only its own share. Absent
   * without Redis and without limits.
   */
  readonly quota?: 'shared' | 'offline_share'
  /** Calls left in this minute; with `offline_share`, of this process's share. Absent without such a limit. */
  readonly minuteLeft?: number
  /** Calls left in this day, as last known. Absent without such a limit. */
  readonly dayLeft?: number
}
