/** The public types, in one read. Names and behaviour: README.md. */
import type { IncomingMessage } from 'node:http'
import type { Redis, Cluster, RedisOptions } from 'ioredis'
import type { FastifyRequest } from 'fastify'

export type VerdictName = 'clean' | 'suspicious' | 'vpn_likely' | 'vpn_detected'
export type Decision = 'allow' | 'elevate_risk' | 'step_up_auth' | 'block'
export type Category = 'vpn' | 'proxy' | 'tor' | 'hosting' | 'relay' | 'warp' | 'cgnat' | 'crawler' | 'abuse'
/** Why nothing is known. README has the table of when. */
export type UnknownReason =
  | 'pending' | 'not_asked' | 'timeout' | 'unavailable' | 'overloaded' | 'rate_limited' | 'quota_exhausted' | 'rejected'
  | 'bad_response' | 'no_data' | 'not_public' | 'infrastructure' | 'no_ip' | 'truncated_headers' | 'unsupported_family' | 'listed' | 'skipped'

/** A finding that matched. `weight` 0..1 as the provider says; unknown types are kept. */
export interface Signal { readonly type: string, readonly weight: number, readonly detail: string }

export interface IpInfo {
  readonly asn?: string
  readonly org?: string
  readonly isp?: string
  readonly country?: string
  readonly countryCode?: string
  readonly city?: string
  readonly lat?: number
  readonly lon?: number
  readonly type?: string
  readonly isProxy?: boolean
  readonly vpnProvider?: string
  readonly vpnProviderSources?: readonly string[]
}

export interface KnownAnswer {
  readonly verdict: VerdictName
  /** 0..1, or null where the provider has none. */
  readonly score: number | null
  readonly isVpn: boolean
  readonly confidence: number | null
  /** The matched ones only. */
  readonly signals: readonly Signal[]
  readonly info: IpInfo
  readonly categories: readonly Category[]
  /** Who said it, where that is not the provider's own name: the member of a combination. */
  readonly provider?: string
  readonly requestId?: string
}

export interface UnknownAnswer {
  readonly verdict: 'unknown'
  readonly reason: UnknownReason
  /** With `rate_limited`, `rejected` and `quota_exhausted`: nobody asks the provider before. */
  readonly retryAfterSeconds?: number
  /** With `rejected` and `rate_limited`: what a human has to do. Logged as an error, once while it lasts. No secret, no address. */
  readonly alert?: string
  /** For the log; secrets are already redacted. */
  readonly cause?: unknown
  /** What is known all the same: `cgnat` of shared address space. */
  readonly categories?: readonly Category[]
  readonly signals?: readonly Signal[]
  /** Who runs the network, from a database that says nothing about risk. */
  readonly info?: IpInfo
}

/** What a provider says. Absent is not false. */
export type ProviderAnswer = KnownAnswer | UnknownAnswer

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

export interface BulkOptions {
  /** Cancels: the iteration ends with the signal's reason, as does what is under way. */
  readonly signal?: AbortSignal
  /** Called after every row. */
  readonly onProgress?: (progress: BulkProgress) => void
}
export interface BulkProgress {
  /** Different addresses. */
  readonly total: number
  readonly done: number
  /** Of these, known without asking the provider. */
  readonly cached: number
  readonly unknown: number
}
/** `[canonical address, verdict]` as they come, each address once; text that is no address comes back as it was. `break` cancels. */
export interface BulkRun<V> extends AsyncIterableIterator<[string, V]> {
  readonly progress: BulkProgress
}

export type AddressSource = 'cf-connecting-ip' | 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | 'remote_address' | 'none'
/**
 * Where a verdict came from. `miss`: the provider, just now. `stale`: memory, after its time, because the provider failed. `subnet`: other
 * addresses of the same IPv6 /64, because too many of them are new; such a verdict is not cached. `none`: nobody was asked.
 */
export type CacheState = 'memory' | 'redis' | 'miss' | 'stale' | 'subnet' | 'none'

/** `request.ipRisk`: frozen, and of the same shape on a hit and on a miss. */
export interface IpRisk {
  /** Canonical: RFC 5952, mapped IPv4 unwrapped. */
  readonly ip: string | null
  readonly source: AddressSource
  readonly verdict: VerdictName | 'unknown'
  /** With `unknown` only. */
  readonly reason?: UnknownReason
  readonly score: number | null
  readonly isVpn: boolean
  readonly confidence: number | null
  readonly signals: readonly Signal[]
  readonly info: IpInfo
  readonly categories: readonly Category[]
  /** The name of the provider that answered; `none` where no provider was asked, which includes addresses on a list. */
  readonly provider: string
  readonly cache: CacheState
  /** Age of the verdict. */
  readonly ageSeconds: number
  readonly action: string | null
  readonly write: boolean
  /** What was decided. Whether it is enforced depends on the route's mode; `DecisionRecord.outcome` says what came of it. */
  readonly decision: Decision
  /** Who decided that. */
  readonly decidedBy: DecidedBy
}

/**
 * Who made a decision.
 * - `policy`: the policy's table. Also the block of a client that is gone, and of a write with truncated headers.
 * - `rule`: a category rule that changed what the table or a policy function said.
 * - `function`: a policy function.
 * - `allow_list`, `deny_list`: the options `allow` and `deny`.
 * - `temporary_allow`: the API's `allow(ip, { ttlSeconds })`.
 */
export type DecidedBy = 'policy' | 'rule' | 'function' | 'allow_list' | 'deny_list' | 'temporary_allow'

/**
 * What came of a request.
 * - `allowed`: the decision was `allow`.
 * - `flagged`: the decision was `elevate_risk`. The handler runs and sees it, in every mode.
 * - `blocked`: refused with 403.
 * - `challenged`: a step-up was demanded with 401.
 * - `satisfied`: a step-up was demanded, and `stepUp.isSatisfied` said yes.
 * - `not_enforced`: the decision was `block` or `step_up_auth`, and the request continued: monitor mode, an unmarked
 *   route, no option `stepUp`, or (under `createIpRisk`) no call of `refusal`.
 * - `not_reached`: another hook answered the request first, such as an authentication with its own 401 ahead of a step-up.
 * - `client_gone`: the client closed the connection before the request was judged, or before its step-up was answered.
 */
export type Outcome =
  | 'allowed' | 'flagged' | 'challenged' | 'satisfied' | 'blocked' | 'not_enforced' | 'not_reached' | 'client_gone'

/**
 * The declared actions. Applications add their own names by augmentation, beside the option `actions`:
 * `declare module 'fastify-ip-risk' { interface IpRiskActions { transfer: 'write' } }`. Other names do not compile.
 */
export interface IpRiskActions { signup: 'write', payment: 'write', kyc: 'write', withdrawal: 'write', admin: 'write' }
export type IpRiskAction = keyof IpRiskActions
type ActionThat<Kind extends 'write' | 'read'> = { [A in IpRiskAction]: IpRiskActions[A] extends Kind ? A : never }[IpRiskAction]

export type UnknownCell = Decision | ({ readonly default: Decision } & { readonly [R in UnknownReason]?: Decision })
/** A row names some cells; the others keep what they were. */
export type PolicyRow = { readonly [V in VerdictName]?: Decision } & { readonly unknown?: UnknownCell }
export interface PolicyRule {
  readonly category: Category
  /** The mildest of this and the table's decision. */
  readonly atMost?: Decision
  /** Instead of the table's decision. */
  readonly then?: Decision
}
export interface PolicyTable {
  readonly write?: PolicyRow
  readonly read?: PolicyRow
  /** Without it a policy that blocks or steps up reads is refused. */
  readonly allowBlockingReads?: boolean
  readonly rules?: readonly PolicyRule[]
}
/** Synchronous. One that throws or gives no decision gives way to the table, and is logged. On reads it cannot stop anybody. */
export type PolicyFunction = (risk: IpRisk, route: RouteContext) => Decision
export type Policy = PolicyTable | PolicyFunction
export interface RouteContext {
  readonly action: string | null
  readonly write: boolean
  readonly method: string
  /** The route's pattern (`/users/:id`), never what the visitor typed; undefined on a 404. */
  readonly url: string | undefined
}

export type LookupMode = 'wait' | 'background' | 'cache' | 'skip'
export type Mode = 'enforce' | 'monitor'
/** `config.ipRisk` of a route, written out. */
export interface RouteIpRisk {
  readonly action?: IpRiskAction | undefined
  /** Whether its requests are writes. Default: what the action is declared as, else whether the method is unsafe. */
  readonly write?: boolean | undefined
  /** Over the policies of the plugin and the scope, cell by cell. */
  readonly policy?: Policy | undefined
  readonly mode?: Mode | undefined
  /** Default `wait`. */
  readonly lookup?: LookupMode | undefined
  readonly timeoutMs?: number | undefined
  /** No string is one: without this, Fastify's inference of `config` would let undeclared action names through. */
  readonly [Symbol.iterator]?: never
}
/** `config.ipRisk`: an action name, `true`, `false` (nothing happens), or written out. */
export type RouteIpRiskOption = IpRiskAction | boolean | RouteIpRisk

/**
 * One request: to `onDecision`, to the channel `fastify-ip-risk:decision` and to the log. Frozen. Each judged request has
 * exactly one. It is published when the request is judged; where a step-up is demanded, when its outcome is known.
 */
export interface DecisionRecord extends Omit<IpRisk, 'ip'> {
  /** As the option `recordAddress` shows it, in a log line as `logAddress` does. null with `none`, or without an address. */
  readonly address: string | null
  /** What came of the request. */
  readonly outcome: Outcome
  /** Empty where the request has no id (outside Fastify, unless something set `request.id`). */
  readonly requestId: string
  readonly method: string
  /** The route's pattern, never what the visitor typed. */
  readonly route: string | undefined
  /** What the visitor would meet in `enforce` mode: `allow` on unmarked routes; `elevate_risk` for a step-up that is not configured. */
  readonly wouldBe: Decision
  readonly mode: Mode
  /** Milliseconds from the plugin's hook to the decision. The time until a step-up was answered is not included. */
  readonly durationMs: number
  /** When the decision was made, ISO 8601. */
  readonly at: string
}

/**
 * Called with every decision record and its request: Fastify's, Express's or Node's own. Not awaited. If it throws or
 * rejects, one error is logged, code `IP_RISK_ON_DECISION_FAILED`, and the next one only after a minute without failures.
 */
export type OnDecision<Request = FastifyRequest> = (record: DecisionRecord, request: Request) => unknown

/** One question about an address and its answer, on the channel `fastify-ip-risk:lookup`. Frozen. */
export interface LookupRecord extends Pick<IpRisk, 'verdict' | 'reason' | 'score' | 'categories' | 'provider' | 'cache'> {
  /** As the option `recordAddress` shows it. */
  readonly address: string | null
  readonly write: boolean
  readonly lookup: LookupMode
  readonly durationMs: number
  /** ISO 8601. */
  readonly at: string
}

/** Step-up authentication by RFC 9470. `Request` is Fastify's, Express's or Node's own. */
export interface StepUp<Request = FastifyRequest> {
  /** Asked after authentication ran. A rejection counts as "no". */
  isSatisfied (request: Request): boolean | Promise<boolean>
  /** Default `Bearer`. */
  readonly scheme?: string | undefined
  /** What would satisfy, in order of preference. Told, not checked: `isSatisfied` decides. */
  readonly acrValues?: readonly string[] | undefined
  /** How old an authentication may be. Told, not checked. */
  readonly maxAgeSeconds?: number | undefined
  readonly realm?: string | undefined
}

/** Counters since start; quota as known now. */
export interface Stats {
  readonly lookups: {
    readonly memory: number
    readonly redis: number
    /**
     * Calls to the provider, or to all members of a combination: the sum of `providers[name].calls`. Retries count, and
     * so does each chunk of a bulk. A lookup that a quota, a pause or an open circuit breaker refused is no call.
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
export interface ProviderStats {
  readonly calls: number
  readonly failures: number
  readonly breaker: 'closed' | 'open' | 'probing'
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

/** How the client's address is found. Nothing given: forwarding headers are never read. */
export interface ClientIpOptions {
  /** Addresses and CIDRs of your proxies, and the words `unix loopback private linklocal cgnat`. */
  readonly trusted?: readonly string[]
  /** 1..32: the n-th entry from the right. Second best; prefer `trusted`. */
  readonly hops?: number
  /** `true`: the bundled list of Cloudflare's ranges. `false`: not behind Cloudflare, its addresses are clients. */
  readonly cloudflare?: boolean | CloudflareOptions
  /** Default `x-forwarded-for`. */
  readonly header?: 'x-forwarded-for' | 'forwarded' | 'x-real-ip'
  /** Believes every hop, so every visitor can forge an address. For tests behind nothing. */
  readonly dangerouslyTrustEveryHop?: boolean
}
export interface CloudflareOptions {
  /** Replaces the bundled list; `setCloudflareRanges` replaces it again while the process runs. */
  readonly ranges?: readonly string[]
  /** Other addresses that may carry CF-Connecting-IP: cloudflared, a proxy that only Cloudflare can reach. Words as in `trusted`. */
  readonly via?: readonly string[]
  /**
   * Strong proof of the edge (a client certificate, a secret header). When given, a Cloudflare hop counts only if it returns `true`,
   * at once: a promise is no proof, and a throw is none either; both are logged once.
   */
  readonly proof?: (request: RawRequest) => boolean
}
/** The part of a Node request that is read to find the client's address and to see that the client is gone. */
export interface RawRequest {
  /**
   * `authorized` is for a proof: whether a TLS client certificate was accepted.
   * The client is gone when its socket is `destroyed`, or has a `localAddress` and no `remoteAddress`: a reset leaves only the first,
   * and a unix socket never has either.
   */
  readonly socket: {
    readonly remoteAddress?: string | undefined
    readonly localAddress?: string | undefined
    readonly destroyed?: boolean | undefined
    readonly server?: unknown
    readonly authorized?: boolean | undefined
  }
  /** HTTP/2 only. A stream that is closed or destroyed has no client, even while its connection is open. */
  readonly stream?: { readonly closed?: boolean | undefined, readonly destroyed?: boolean | undefined } | undefined
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
  /** Names and values in turn. As many as Node keeps at most: then some may be missing, and no header is believed. */
  readonly rawHeaders?: readonly string[]
  /** 2: header lines are never dropped, however many there are. */
  readonly httpVersionMajor?: number
}
export type AddressScope =
  | 'public' | 'unspecified' | 'this_network' | 'loopback' | 'private' | 'shared' | 'link_local' | 'documentation' | 'benchmarking'
  | 'protocol' | 'translation' | '6to4' | 'teredo' | 'discard' | 'dummy' | 'srv6' | 'site_local' | 'multicast' | 'reserved' | 'broadcast'
export type ResolveReason =
  | 'peer_untrusted' | 'header_missing' | 'multiple_values' | 'invalid_value' | 'invalid_hop' | 'hop_limit' | 'too_few_hops'
  | 'not_cloudflare' | 'private_client_from_public_proxy' | 'conflict' | 'all_hops_trusted' | 'no_peer' | 'truncated_headers'
/** A header that named an address and was not believed. Its value is not repeated: it is the visitor's. */
export interface IgnoredHeader { readonly header: string, readonly why: ResolveReason }
/** Every key is always there; `undefined` where it does not apply. */
export interface ClientIp {
  /** Canonical: RFC 5952, mapped IPv4 unwrapped. null where nothing can be said: without a usable peer, or with `truncated_headers`. */
  readonly ip: string | null
  readonly source: AddressSource
  /** The address of the TCP connection; null on a unix socket. */
  readonly peer: string | null
  /** Verified hops walked over: 0 is the peer itself. */
  readonly hops: number
  /** null where there is no address. */
  readonly scope: AddressScope | null
  /** The operator's own hop, or a Cloudflare peer while `cloudflare` is not set: not a client. */
  readonly infrastructure: boolean
  /** A client in Cloudflare's ranges that was reached from a Cloudflare edge: a Worker, or an egress of WARP or Private Relay. */
  readonly worker: boolean
  readonly reason?: ResolveReason | undefined
  readonly ignored: readonly IgnoredHeader[]
  readonly version?: 4 | 6 | undefined
  /** Inside 6to4, Teredo, NAT64 and IPv4-compatible text. For lookups and deny lists; never trusted. */
  readonly embeddedIPv4?: string | undefined
}
/** Never throws. */
export interface ClientIpResolver {
  (request: RawRequest): ClientIp
  /** The whole chain with the verdict on every hop. For people: slow. */
  readonly explain: (request: RawRequest) => ClientIpExplanation
  /** What is doubtful about the options. */
  readonly warnings: readonly string[]
  readonly setCloudflareRanges: SetCloudflareRanges
}
/**
 * Takes a new list of Cloudflare's ranges (lines, or the text of https://www.cloudflare.com/ips-v4 and ips-v6 put together).
 * Accepted only when it is plausible; otherwise the old one stays, a warning is logged, and the answer says why.
 */
export type SetCloudflareRanges = (ranges: string | readonly string[]) => { readonly accepted: boolean, readonly problem?: string }
export type HopVerdict = 'trusted' | 'cloudflare' | 'counted' | 'client' | 'unusable' | 'not_read'
export interface ExplainedHop {
  /** 0 is the peer, then the entries of the header from right to left; null for CF-Connecting-IP, which stands in no list. */
  readonly position: number | null
  readonly from: AddressSource
  /** As it was written, cut to 60 characters: for a terminal, show it quoted. */
  readonly text: string
  /** Canonical, or null where it is no address. */
  readonly address: string | null
  readonly scope: AddressScope | null
  readonly verdict: HopVerdict
  /** One sentence. */
  readonly why: string
}
export interface ClientIpExplanation {
  readonly result: ClientIp
  readonly chain: readonly ExplainedHop[]
  /** Entries further left that are not shown. */
  readonly unshown: number
  /** One sentence on the result. */
  readonly summary: string
}

export interface CacheOptions {
  /** Default 300, at most 21 600 (six hours, what GetIPIntel allows). */
  readonly ttlSeconds?: number
  /** In this process's memory. Default 10 000. */
  readonly maxEntries?: number
  /** Before the plain address. Default `''`. */
  readonly keyPrefix?: string
  /**
   * Keeps addresses out of Redis: keys, leases and broadcasts carry an HMAC-SHA-256 of the address, and values leave it out. It also signs
   * what `allow()` and `invalidate()` say to other processes, so that nobody else can let an address pass. At least 16 characters each.
   *
   * To change it: `[old, new]` everywhere first, then `[new, old]`, then `new`. The first one writes; statements are understood under both,
   * verdicts under the first.
   */
  readonly keySecret?: string | readonly [current: string, previous: string]
  /** In memory only. Default 10. */
  readonly unknownTtlSeconds?: number
  /** In memory only. Default 3 600. */
  readonly staleIfErrorSeconds?: number
  /** Longest that one request waits for Redis, over all its commands, in milliseconds: 1 to 10 000. Default 100. */
  readonly redisTimeoutMs?: number
}
export type LogAddress = 'full' | 'truncated' | 'hmac' | 'none'

/** What the engine takes, with and without Fastify. */
export interface EngineOptions {
  /** Default `lists()`, embedded and offline. */
  readonly provider?: Provider | undefined
  /** URL, ioredis options, or an instance, which stays the application's own. */
  readonly redis?: string | RedisOptions | Redis | Cluster | undefined
  readonly clientIp?: ClientIpOptions | undefined
  readonly cache?: CacheOptions | undefined
  /** Longest a request waits for a verdict, retry included. Default 5 000. */
  readonly timeoutMs?: number | undefined
  /** Added to the default writes; the names are those of `IpRiskActions`. */
  readonly actions?: { readonly write?: readonly ActionThat<'write'>[], readonly read?: readonly ActionThat<'read'>[] } | undefined
  /** Over the default policy, cell by cell. */
  readonly policy?: Policy | undefined
  /** Default `enforce`. */
  readonly mode?: Mode | undefined
  /** What unmarked routes get. Default `cache`. */
  readonly unmarked?: LookupMode | undefined
  /** Addresses and CIDRs decided without a lookup; `allow` wins over everything. */
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
  /** How log lines show addresses. Default `truncated` (/24, /48). `hmac` needs `cache.keySecret`. */
  readonly logAddress?: LogAddress | undefined
  /**
   * How decision and lookup records show addresses: what `onDecision` and the diagnostics channels get. Default
   * `truncated` (/24, /48). `hmac` needs `cache.keySecret`. Log lines follow `logAddress` instead.
   */
  readonly recordAddress?: LogAddress | undefined
}
export interface FastifyIpRiskOptions extends EngineOptions {
  readonly stepUp?: StepUp | undefined
  /** Gets every decision record and Fastify's request. Default: none. */
  readonly onDecision?: OnDecision | undefined
}
/** `createIpRisk`: without a log given, warnings go to standard output as pino writes them. */
export interface CreateIpRiskOptions extends EngineOptions {
  readonly stepUp?: StepUp<IncomingMessage> | undefined
  /** Gets every decision record and the request that `check` was given. Default: none. */
  readonly onDecision?: OnDecision<IncomingMessage> | undefined
  readonly log?: IpRiskLogger | undefined
}

export interface IpRiskLogger {
  debug (fields: object, message?: string): void
  info (fields: object, message?: string): void
  warn (fields: object, message?: string): void
  error (fields: object, message?: string): void
}
