import type { IpRiskLogger } from './logger.ts'
import type { ProviderAnswer, UnknownAnswer } from './verdict.ts'

/** What a provider may use while it answers. */
export interface LookupContext {
  /** Aborts when the provider's time is over. It belongs to the shared lookup, never to one request. */
  readonly signal: AbortSignal
  /** Whether a write waits for this answer. Quotas keep a part for writes. */
  readonly write: boolean
  /** The application's log. Do not log addresses or secrets. */
  readonly log: IpRiskLogger
  /**
   * Counts one more call (a retry; of a `bulk`, each address or each chunk, as the service counts) against the limits.
   * Returns null when the call may be made, else the answer to give instead. In `bulk` it waits until the minute's
   * limit allows the call. Never rejects.
   */
  spend (): Promise<UnknownAnswer | null>
  /** What `prepare` returned. */
  readonly prepared?: unknown
  /** Reports what the service says is left. Of a calendar day or month, it only lowers our own count. */
  remaining? (left: Remaining): void
}

/** Calls that a service says are left. */
export interface Remaining {
  /** In this calendar day of `limits.timeZone`. */
  readonly day?: number | undefined
  /** In this calendar month of `limits.timeZone`. */
  readonly month?: number | undefined
  /** Of a prepaid credit, which has no window. Shown as `creditLeft`; stops no call, since credit can be bought. */
  readonly credit?: number | undefined
}

/**
 * Where knowledge about addresses comes from. A provider of your own needs `name` and `lookup`; docs/providers.md
 * shows one. Composites: {@link CompositeProvider}. Answers that are not final at first: {@link SettlingProvider}.
 *
 * @example
 * const office: Provider = {
 *   name: 'office',
 *   sync: true,
 *   lookup: ip => ip === '203.0.113.7' ? knownAnswer('clean') : { verdict: 'unknown', reason: 'no_data' }
 * }
 */
export interface Provider {
  /** Part of each cache entry: whatever changes the answers (a model, flags) belongs in it. */
  readonly name: string
  /**
   * The answer about one public address, in canonical text. A throw or a rejection counts as `unavailable`, an answer
   * that lacks fields as `bad_response`.
   */
  lookup (ip: string, context: LookupContext): ProviderAnswer | Promise<ProviderAnswer>
  /**
   * What a `lookup` needs before its call, such as a key; the lookup gets it as `context.prepared`. It runs within the
   * time of the lookup and before the limits and budgets are charged. An `unknown` answer ends the lookup without a
   * call. A `bulk` prepares itself, before `context.spend()`. Default: nothing.
   */
  prepare? (signal: AbortSignal): unknown
  /**
   * Answers about many addresses, in any order. A missing address is `unknown`. Default: one `lookup` for each
   * address.
   */
  bulk? (ips: readonly string[], context: LookupContext): AsyncIterable<[string, ProviderAnswer]>
  /**
   * Called once at boot, before the first lookup, to open files or report what is missing. May throw an `IpRiskError`.
   */
  start? (log: IpRiskLogger): void
  /** Called when the application closes. */
  close? (): void | Promise<void>
  /**
   * `true`: `lookup` returns its answer without a promise, within microseconds. Such a provider has no cache. Default
   * false.
   */
  readonly sync?: boolean | undefined
  /** Address families that it knows; others are `unknown`, `unsupported_family`. Default both. */
  readonly families?: readonly (4 | 6)[] | undefined
  /** Calls that the service allows. Default: no limit. */
  readonly limits?: ProviderLimits | undefined
  /**
   * Longest time of one call in milliseconds, retries included: 1 to 600 000. It may be longer than a request waits.
   * Default 5 000.
   */
  readonly timeoutMs?: number | undefined
  /** Calls in flight at once: 1 to 1 000 000. Default 50. */
  readonly maxConcurrent?: number | undefined
  /** The part of the limits that is kept for writes: 0 to 1. Default 0.5. */
  readonly reserveForWrites?: number | undefined
  /**
   * Scheme, host and port of the service, such as `https://api.example.com`, without a path: `server.address` and
   * `server.port` of the spans around its calls. Default: the spans have neither.
   */
  readonly origin?: string | undefined
  /** Price of one call, in a currency of your choice: the same in a whole composite. Default: not counted. */
  readonly costPerCall?: number | undefined
  /** Providers on one account, or with one source address, share one quota under one name. Default: `name`. */
  readonly quotaName?: string | undefined
  /**
   * Longest time, in seconds, that an answer may be used after it was given, `staleIfErrorSeconds` included: 1 to
   * 31 536 000. Default: only the limits of `cache`. In a composite, the limit of the member that answered counts.
   * GetIPIntel's terms allow 21 600.
   */
  readonly maxAgeSeconds?: number | undefined
  /**
   * Unix milliseconds at which the data that it answers from were built; read each time, so it may be a getter. Shown
   * as `dataAgeSeconds`. Default: not known, as with services.
   */
  readonly dataBuiltAtMs?: number | undefined
  /**
   * Whether it has no data yet and is getting them; read each time. The line at boot and `health()` then say that they
   * are loading. One that loads at its first lookup says it from then on. Default `false`.
   */
  readonly dataIsLoading?: boolean | undefined
  /**
   * Whether it has no data, and nothing is under way to get them; read each time. `health()` then has the reason
   * `data_missing`. Default `false`.
   */
  readonly dataIsMissing?: boolean | undefined
  /** Age of these data, in seconds, from which `health()` has the reason `data_old`. Default: never. */
  readonly dataOldAfterSeconds?: number | undefined
}

/** Calls that a service allows. Windows slide. */
export interface ProviderLimits {
  /** Calls in any minute. Default: no limit. */
  readonly perMinute?: number | undefined
  /** Calls in any 24 hours. Default: no limit. */
  readonly perDay?: number | undefined
  /** Calls in one calendar day of `timeZone`. Default: no limit. */
  readonly perCalendarDay?: number | undefined
  /** Calls in one calendar month of `timeZone`. Default: no limit. */
  readonly perMonth?: number | undefined
  /** The service's time zone, an IANA name such as `Europe/Berlin`, for calendar days and months. Default `UTC`. */
  readonly timeZone?: string | undefined
  /**
   * Calls in any second. It only smooths: further lookups wait for their turn, writes first, at most `maxConcurrent`
   * of them, as long as a request waits for them. A longer queue is `overloaded`. Default: no limit.
   */
  readonly burst?: number | undefined
}
