import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CacheOptions } from './cache.ts'
import type { ClientIpOptions } from './client-ip.ts'
import type { FamiliarityOptions } from './familiarity.ts'
import type { IpRiskLogger } from './logger.ts'
import type { Policy } from './policy.ts'
import type { Provider } from './provider.ts'
import type { OnDecision } from './record.ts'
import type { RedisClientLike, RedisOptionsLike } from './redis.ts'
import type { IpRisk } from './risk.ts'
import type { ActionThat, LookupMode, ModeOption } from './route.ts'
import type { StepUp } from './step-up.ts'

/** What the engine takes, with and without Fastify. */
export interface EngineOptions {
  /** Default `lists()`, embedded and offline. */
  readonly provider?: Provider | undefined
  /** URL, options for ioredis, or an ioredis `Redis` or `Cluster`, which the application closes. Default: no Redis. */
  readonly redis?: string | RedisOptionsLike | RedisClientLike | undefined
  /** How the client's address is found. Default: the address of the connection; no header is read. */
  readonly clientIp?: ClientIpOptions | undefined
  /** How long verdicts are kept, and where. Default: `CacheOptions` says it for each. */
  readonly cache?: CacheOptions | undefined
  /** Longest a request waits for a verdict, retry included. Default 5 000. */
  readonly timeoutMs?: number | undefined
  /** Added to the default writes; the names are those of `IpRiskActions`. */
  readonly actions?: {
    /** Names of writes. Default: none besides the declared ones. */
    readonly write?: readonly ActionThat<'write'>[] | undefined
    /** Names of reads. Default: none. */
    readonly read?: readonly ActionThat<'read'>[] | undefined
  } | undefined
  /** Over the default policy, cell by cell. */
  readonly policy?: Policy | undefined
  /** Default `enforce`. */
  readonly mode?: ModeOption | undefined
  /** What unmarked routes get. Default `cache`. */
  readonly unmarked?: LookupMode | undefined
  /** Addresses and CIDRs decided without a lookup; `allow` wins over everything. */
  readonly allow?: readonly string[] | undefined
  /** Addresses and CIDRs that are blocked on marked routes, without a lookup. Default: none. */
  readonly deny?: readonly string[] | undefined
  /** How log lines show addresses. Default `truncated` (/24, /48). `hmac` needs `cache.keySecret`. */
  readonly logAddress?: LogAddress | undefined
  /**
   * How decision and lookup records show addresses: what `onDecision` and the diagnostics channels get. Default
   * `truncated` (/24, /48). `hmac` needs `cache.keySecret`. Log lines follow `logAddress` instead.
   */
  readonly recordAddress?: LogAddress | undefined
}

/**
 * Whether a request is allowed without being judged: synchronous, and only `true` skips. Such a request has the reason
 * `skipped` and `decidedBy: 'skip'`. What the function reads of a request may be forged: that is your risk.
 */
export type Skip<Request> = (request: Request) => boolean

/**
 * Called before a rejection (403, 401, 431) is sent, for a body or a page of your own. The status and the challenge are
 * set on the reply already. Under `createIpRisk` it is called by `enforce`, if `assess` was given the response. If it
 * begins no answer before it settles, the default error goes its way. If it throws, rejects, or does not settle within
 * the `timeoutMs` of the route, that is logged, code `IP_RISK_ON_REJECTED_FAILED`. It cannot let the request
 * pass. Not called for a client that is gone.
 */
export type OnRejected<Request, Reply> = (request: Request, reply: Reply, risk: IpRisk) => unknown

/** The options that call functions of the application with the framework's own request. */
export interface RequestOptions<Request, Reply = never> {
  /** How a step-up is demanded and checked. Without it, a decision `step_up_auth` lets the request continue. */
  readonly stepUp?: StepUp<Request> | undefined
  /** Gets every decision record and its request. Default: none. */
  readonly onDecision?: OnDecision<Request> | undefined
  /** Requests that are allowed without being judged. Default: none. */
  readonly skip?: Skip<Request> | undefined
  /** Remembers the networks of accounts. Default: off. */
  readonly familiarity?: FamiliarityOptions<Request> | undefined
  /** Answers rejected requests with a body of your own. Default: none. */
  readonly onRejected?: OnRejected<Request, Reply> | undefined
}

/** `createIpRisk`: without a log given, warnings go to standard output as pino writes them. */
export interface CreateIpRiskOptions extends EngineOptions, RequestOptions<IncomingMessage, ServerResponse> {
  /** Default: warnings and errors, to standard output as pino writes them. */
  readonly log?: IpRiskLogger | undefined
}

/** How an address is shown: whole, cut to its /24 or /48, as an HMAC under `cache.keySecret`, or not at all. */
export type LogAddress = 'full' | 'truncated' | 'hmac' | 'none'
