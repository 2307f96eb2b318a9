import type {
  BulkOptions, BulkRun, ClientIpExplanation, Decision, IpRisk, RawRequest, RouteContext, RouteIpRiskOption,
  ScopeChanges, SetCloudflareRanges, Stats, UpdateNote, UpdateRecord
} from './contract.ts'
import type { AddressException, ExceptionNote, ExceptionOptions } from './exceptions.ts'
import type { RiskReport } from './report.ts'
import type { Health } from './telemetry.ts'

/** `app.ipRisk`, and what `createIpRisk` gives. */
export interface IpRiskApi {
  /**
   * The verdict on an address, through the cache; waits `timeoutMs` at most. Never rejects: what is no address is
   * `unknown`, `no_ip`.
   */
  lookup (ip: string): Promise<IpRisk>
  /**
   * Verdicts on many addresses, each once, as they come: the cache first, then the provider as fast as its limits
   * allow. `break` cancels. Text that is no address comes back as `unknown`, `no_ip`.
   */
  bulk (ips: Iterable<string>, options?: BulkOptions): BulkRun<IpRisk>
  /** The decision of this scope's policy about a risk on a route. */
  decide (risk: IpRisk, route: Partial<RouteContext> & Pick<RouteContext, 'write'>): Decision
  /** How the address of a request was found, hop by hop; for people, not for the hot path. */
  explain (request: {
    /** The Node request of a Fastify request. */
    readonly raw: RawRequest
  } | RawRequest): ClientIpExplanation
  /**
   * Lets an address or CIDR pass in every process, for `ttlSeconds` or until `revoke()`: a false positive that support
   * has just cleared. A second one for the same network replaces the first. Wins over everything, as the option
   * `allow` does. Logged at `info` with its reason and author. Resolves when Redis has it, or after the time limit of
   * Redis; then it is published later. Rejects with an `IpRiskError` when something is wrong, or 10,000 exceptions are
   * in force, or 1,000 of networks and denied addresses.
   *
   * @example
   * await app.ipRisk.allow('203.0.113.0/24', { ttlSeconds: 86_400, reason: 'office of a customer', author: 'ada' })
   */
  allow (network: string, options?: ExceptionOptions): Promise<AddressException>
  /** Blocks an address or CIDR on marked routes, as the option `deny` does, in every process. Else as `allow()`. */
  deny (network: string, options?: ExceptionOptions): Promise<AddressException>
  /**
   * Ends the `allow()` and `deny()` of exactly this address or CIDR, in every process. True where this process knew
   * one.
   */
  revoke (network: string, note?: ExceptionNote): Promise<boolean>
  /** What `allow()` and `deny()` have in force, the oldest first. Rejects when Redis does not answer. */
  exceptions (): Promise<readonly AddressException[]>
  /** Forgets what is known of an address, in every process and in Redis, and ends an `allow()` of it. */
  invalidate (ip: string): Promise<void>
  /**
   * Remembers the network of this request for its account, as the application trusts it: after a successful login. It
   * becomes `similar`; only a satisfied step-up makes it `known`. Takes the request of Fastify, Express or Node.
   * The account is the one that `familiarity.account` named for this request; where that was nobody, it is asked
   * again. Name the `account` on a route that logs in while another account may still be logged in. Rejects when Redis
   * does not answer, and with an `IpRiskError` without the option `familiarity`.
   */
  trust (request: object, account?: string | number): Promise<void>
  /**
   * Forgets all that is remembered of an account, in Redis, in this process and, by a broadcast, in all others. One
   * that misses the broadcast uses what it has for less than a minute. Requests that began before teach nothing.
   * Rejects when Redis does not answer: call it again then.
   */
  forget (account: string | number): Promise<void>
  /**
   * Changes mode, policy and lists of this scope in this process, for the requests that come from now on. Child scopes
   * with options of their own keep theirs. Throws an `IpRiskError` that names what is wrong; then nothing has changed.
   *
   * @example
   * app.ipRisk.update({ mode: 'monitor' }, { reason: 'false positives of a carrier', author: 'ada' })
   */
  update (changes: ScopeChanges, note?: UpdateNote): UpdateRecord
  /** Takes a newer list of Cloudflare's ranges, for this process; nothing is fetched by itself. */
  setCloudflareRanges: SetCloudflareRanges
  /** Counters since start. Cheap enough to call every second. */
  stats (): Stats
  /**
   * What enforcing would have stopped since start, per action, network, country, verdict and reason. It holds no
   * address. `ip-risk report` makes the same of a file of decision records.
   */
  report (): RiskReport
  /**
   * Whether everything works. Requests continue when a provider or Redis fails, so it is `degraded` at worst, and a
   * readiness probe should pass with it. docs/runbook.md has an entry for each reason.
   */
  health (): Health
}

/** All that a visitor may see. */
export interface IpRiskRejection {
  /** HTTP status: 401 for a step-up, 403 for a block, 431 for truncated headers, 499 for a client that is gone. */
  readonly statusCode: number
  /** One of `errorCodes`, such as `FST_IP_RISK_BLOCKED`. */
  readonly code: string
  /** One sentence that may be sent to the visitor: it says nothing about the verdict. */
  readonly message: string
  /** `www-authenticate` with a step-up. */
  readonly headers: { readonly [name: string]: string }
  /** Whether `onRejected` has answered already: then send nothing. */
  readonly sent: boolean
}

/** The part of a response that `assess` uses. `http.ServerResponse` and `http2.Http2ServerResponse` have it. */
export interface RawResponse {
  /** Whether an answer was begun: if not when the response closes, its client is gone. */
  readonly headersSent: boolean
  /** Whether `close` was emitted already. */
  readonly closed?: boolean | undefined
  /** Calls the listener when the response was sent, or its connection closed before that. */
  once (event: 'close', listener: () => void): unknown
}

/** The engine without Fastify. */
export interface IpRiskEngine extends IpRiskApi {
  /**
   * Judges a raw Node request as the route says (default `true`). Acting on it is the caller's part, by `enforce`.
   * Each call is one assessment with one decision record, so call it once per request. The record is published at
   * once, except where a step-up is demanded: then `enforce` publishes it. If `enforce` is never called, the record is
   * published as `not_enforced` when `response` closes, or without a `response` when the connection (in HTTP/2 the
   * stream) closes. Rejects only on a wrong route option, with an `IpRiskError`.
   */
  assess (
    request: RawRequest & {
      /** The HTTP method. A route without `write` and without an action is a write if it is unsafe. */
      readonly method?: string | undefined
    },
    route?: Exclude<RouteIpRiskOption, false>,
    response?: RawResponse
  ): Promise<IpRisk>
  /**
   * What to answer instead of going on: where the client is gone (499, for hooks and logs: nobody receives it), where
   * a block is enforced, and where a step-up is, unless `stepUp.isSatisfied(request)`. Ask it behind authentication,
   * last before the handler. null: go on. `risk` is what `assess` gave for this request. Never rejects.
   */
  enforce (request: RawRequest, risk: IpRisk): Promise<IpRiskRejection | null>
  /**
   * What was found last for a request that `assess` judged; else null. With `familiarity`, `enforce` judges a marked
   * write again, and this has the second decision and how well the account knows the network.
   */
  risk (request: RawRequest): IpRisk | null
  /** Resolves when Redis is there, or after a second without it; lookups before that do without the shared cache. */
  ready (): Promise<void>
  /**
   * Ends lookups in flight and closes what the engine opened. A Redis client that was given as an option stays open.
   */
  close (): Promise<void>
}
