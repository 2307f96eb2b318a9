import type { Outcome } from './record.ts'
import type { Decision } from './risk.ts'
import type { RejectedAddresses, RequestCount } from './telemetry.ts'
import type { UnknownReason } from './verdict.ts'

/** Counters since start; quota as known now. */
export interface Stats {
  /** Lookups by where their answer came from. */
  readonly lookups: {
    /** Answered from the memory of this process. */
    readonly memory: number
    /** Answered from Redis. */
    readonly redis: number
    /**
     * Calls to the provider, or to all members of a combination: the sum of `providers[name].calls`. Retries count,
     * and so does each chunk of a bulk. A lookup that a quota, a pause or an open circuit breaker refused is no call.
     */
    readonly provider: number
    /** Answers that another request or process had asked for. */
    readonly shared: number
    /** Answered by an expired verdict, because the provider failed (`cache.staleIfErrorSeconds`). */
    readonly stale: number
    /** Answered by the verdicts on other addresses of the same IPv6 /64. */
    readonly subnet: number
    /** Started in the background, because a request met a verdict near the end of its life. */
    readonly refreshed: number
  }
  /** Requests by the reason of their `unknown`, counted with their record. */
  readonly unknown: { readonly [R in UnknownReason]?: number }
  /** Requests by their decision, counted with their record. */
  readonly decisions: { readonly [D in Decision]: number }
  /** Requests by their outcome. Each is counted once, when its record is due, whether or not anything listens. */
  readonly outcomes: { readonly [O in Outcome]: number }
  /** The same requests, by everything that the counters tell apart. */
  readonly requests: readonly RequestCount[]
  /** Verdicts in the memory of this process, fresh or stale. */
  readonly cache: {
    /** Verdicts that are kept now. */
    readonly entries: number
    /** The option `cache.maxEntries`. */
    readonly maxEntries: number
  }
  /** What was remarkable about addresses and their headers. */
  readonly clientIp: {
    /** Requests whose headers were not believed, or that have no usable address. */
    readonly rejected: RejectedAddresses
    /** Absent where no list of ranges is used, and where its age is not known. */
    readonly cloudflareRangesAgeSeconds?: number
  }
  /** `degraded`: some nodes of a Cluster do not answer; verdicts that live there are not shared. */
  readonly redis: 'none' | 'up' | 'degraded' | 'down'
  /** By the name of each provider that is called, members of composites included. */
  readonly providers: { readonly [name: string]: ProviderStats }
  /** By the name of each composite with a budget in money, an escalation or a shadow. */
  readonly composites: { readonly [name: string]: CompositeStats }
}

/** Counters of one provider. */
export interface ProviderStats {
  /** Calls made, retries and chunks of a bulk included. */
  readonly calls: number
  /** Answers that are `unknown` for another reason than `no_data`. */
  readonly failures: number
  /**
   * Calls that have ended without a failure, of `calls`. It only grows, which `calls` less `failures` does not while
   * calls are in flight.
   */
  readonly succeeded: number
  /** The failures by their reason. */
  readonly errors: { readonly [R in UnknownReason]?: number }
  /** Calls in flight. */
  readonly active: number
  /** Whole seconds for which the provider is not called, because it refused the account or the rate. 0: none. */
  readonly pausedSeconds: number
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
  /** Calls left in this day, as last known: the least of `perDay`, `perCalendarDay` and what the service reports. */
  readonly dayLeft?: number
  /**
   * Calls left in this calendar month: the least of `perMonth` and what the service reports. Absent without either.
   */
  readonly monthLeft?: number
  /** Calls left of a prepaid credit, as the service last said. Absent where it does not say. */
  readonly creditLeft?: number
  /** Calls that the provider's `limits` allow in a minute, a day and a month. Absent without such a limit. */
  readonly minuteLimit?: number
  /** Calls allowed in a day, of which `dayLeft` are left. Absent without such a limit. */
  readonly dayLimit?: number
  /** Calls allowed in a calendar month, of which `monthLeft` are left. Absent without such a limit. */
  readonly monthLimit?: number
  /** What this process's calls have cost: `calls` times `costPerCall`. Absent without a price. */
  readonly cost?: number
  /** Whole seconds since the data that the provider answers from were built. Absent where it is not known: services. */
  readonly dataAgeSeconds?: number
  /** Where it has no data yet, because they are being made or fetched in the background. */
  readonly dataIsLoading?: true
  /** Where it has no data, and nothing is under way to get them. */
  readonly dataIsMissing?: true
  /**
   * Age from which `health()` has the reason `data_old`: 172 800 for the lists of `ip-risk lists pull`, which is to run
   * daily. Absent: never.
   */
  readonly dataOldAfterSeconds?: number
}

/** Counters of one composite, in this process since start. */
export interface CompositeStats {
  /** Money used today (UTC), as last known, with `maxCostPerDay`: of the fleet with Redis. */
  readonly costToday?: number
  /** The option of that name. Absent without it. */
  readonly maxCostPerDay?: number
  /** Of `escalate()`. */
  readonly escalation?: EscalationStats
  /** Of `shadow()`. */
  readonly shadow?: ShadowStats
}

/** How often the expensive provider of `escalate()` was asked. */
export interface EscalationStats {
  /** Lookups that the cheap provider answered. */
  readonly lookups: number
  /** Of these, those for which the expensive provider was asked. */
  readonly escalated: number
  /** Of these, those that it answered with another verdict. */
  readonly changed: number
  /** Of the escalated ones, those that it could not answer: a spent limit, an error, no data. */
  readonly unanswered: number
}

/** How the candidate of `shadow()` compares with the primary provider. */
export interface ShadowStats {
  /** Lookups for which the candidate was asked. */
  readonly asked: number
  /** Both know the address, with the same verdict. */
  readonly agreed: number
  /** Both know the address, with different verdicts. */
  readonly disagreed: number
  /** Only one of them knows the address. */
  readonly onlyPrimary: number
  /** Only the candidate knows the address. */
  readonly onlyCandidate: number
  /** Answers of the candidate that failed, by reason; `no_data` is not a failure. */
  readonly errors: { readonly [reason: string]: number }
  /** Different verdicts, by `<primary>_to_<candidate>`, such as `clean_to_vpn_detected`. */
  readonly verdicts: { readonly [pair: string]: number }
  /** Categories that only one of them found, by category. */
  readonly categories: { readonly [category: string]: number }
  /** Time of the candidate's answers, in milliseconds. */
  readonly latencyMs: {
    /** Answers that were timed. */
    readonly count: number
    /** All of them together; divide by `count` for the mean. */
    readonly sum: number
    /** The longest. */
    readonly max: number
  }
  /** What the calls to the candidate, and to its members, have cost: lookups refused without a call cost nothing. */
  readonly cost: number
}
