import type { IpRiskLogger } from './logger.ts'
import type { ProviderAnswer, UnknownAnswer } from './verdict.ts'

/** Where knowledge comes from. docs/providers.md shows how to write one. */
export interface Provider {
  /** Stands in the cache entry; flags that change answers are part of it. */
  readonly name: string
  /** Of a combination: every name that may answer. */
  readonly names?: readonly string[]
  /** Answers at once: no cache, no flight, no await. */
  readonly sync?: boolean
  /** Of a combination: whom it asks (by `context.ask`). Each has its own breaker, budget and counters, and is closed with it. */
  readonly members?: readonly Provider[]
  /** Providers of one budget (one account, one source address) say the same here. Default `name`. */
  readonly quotaName?: string
  readonly families?: readonly (4 | 6)[]
  readonly limits?: ProviderLimits
  /** The provider's own limit on one call, retries included; it may be longer than what a request waits. Default 5 000. */
  readonly timeoutMs?: number
  /**
   * Longest time, in seconds, that an answer may be used after it was given, `staleIfErrorSeconds` included: 1..31 536 000. Default: none
   * but the limits of `cache`. In a composite, the limit of the member that answered counts. GetIPIntel's terms allow 21 600.
   */
  readonly maxAgeSeconds?: number
  /**
   * A known answer younger than this is not final, in milliseconds: 1..60 000. Default: every answer is final. `lookup` asks
   * for the settled one by `context.later`, with a delay that is at least 100 ms longer. A write that meets an unsettled answer
   * waits for the settled one where its `timeoutMs` allows. GetIPIntel without flags: 5 000, as its documentation says.
   */
  readonly settlesAfterMs?: number
  /** Calls under way at once. Default 50. */
  readonly maxConcurrent?: number
  /** The part of a budget kept for writes, 0..1. Default 0.5. */
  readonly reserveForWrites?: number
  /** Answers for one public address, canonical text. May reject or throw: it counts as `unavailable`. */
  lookup (ip: string, context: LookupContext): ProviderAnswer | Promise<ProviderAnswer>
  /** Rows by address, in any order; a missing row is `unknown`. */
  bulk? (ips: readonly string[], context: LookupContext): AsyncIterable<[string, ProviderAnswer]>
  /** Called once at boot, before the first lookup: watches files, says what is missing. May throw an `IpRiskError`. */
  start? (log: IpRiskLogger): void
  close? (): void | Promise<void>
}

export interface ProviderLimits {
  readonly perMinute?: number
  readonly perDay?: number
  /**
   * Calls in any one second. It only smooths: further lookups wait for their turn, writes first, at most `maxConcurrent` of them,
   * as long as a request waits for them. A longer queue is `overloaded`. Default: none.
   */
  readonly burst?: number
}

/** What a provider may use while it answers. */
export interface LookupContext {
  /** Aborts when the provider's own time is over. It belongs to the shared lookup, never to one request. */
  readonly signal: AbortSignal
  /** Somebody waits for this answer on a write; quotas keep a part for writes. */
  readonly write: boolean
  readonly log: IpRiskLogger
  /**
   * For combinations: asks a member behind its own limit, breaker and budget. Never throws or rejects. The answer of a `sync` member is no
   * promise. `timeoutMs` shortens the member's own time.
   */
  ask (member: Provider, ip: string, options?: { readonly timeoutMs?: number }): ProviderAnswer | Promise<ProviderAnswer>
  /** The same for many addresses. Each of them gets one row. `wait: false`: without waiting for room in the member's budget. */
  askAll (member: Provider, ips: readonly string[], options?: { readonly wait?: boolean }): AsyncIterable<[string, ProviderAnswer]>
  /**
   * Before every further call for the same question (a retry, each chunk of a `bulk`): counts it against the limits. null: go on; else the
   * answer to give instead. In `bulk` it waits for room within the minute.
   */
  spend (): Promise<UnknownAnswer | null>
  /**
   * Asks once more, in the background, from the reads' part of the budget, and replaces what was cached with the answer, here
   * and in other processes. Once an address at a time. Absent where nobody would see the answer: in `bulk`, and where a
   * composite merges answers.
   */
  later? (delayMs: number, look: (context: LookupContext) => ProviderAnswer | Promise<ProviderAnswer>): void
}
