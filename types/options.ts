import type { IncomingMessage } from 'node:http'
import type { CacheOptions } from './cache.ts'
import type { ClientIpOptions } from './client-ip.ts'
import type { IpRiskLogger } from './logger.ts'
import type { Policy } from './policy.ts'
import type { Provider } from './provider.ts'
import type { OnDecision } from './record.ts'
import type { RedisClientLike, RedisOptionsLike } from './redis.ts'
import type { ActionThat, LookupMode, Mode } from './route.ts'
import type { StepUp } from './step-up.ts'

/** What the engine takes, with and without Fastify. */
export interface EngineOptions {
  /** Default `lists()`, embedded and offline. */
  readonly provider?: Provider | undefined
  /** URL, options for ioredis, or an ioredis `Redis` or `Cluster`, which the application closes. Default: no Redis. */
  readonly redis?: string | RedisOptionsLike | RedisClientLike | undefined
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
export type LogAddress = 'full' | 'truncated' | 'hmac' | 'none'
