import type { BulkOptions, ClientIpExplanation, Decision, IpRisk, RawRequest, RouteContext, RouteIpRiskOption, Stats } from './contract.ts'

/** `app.ipRisk`, and what `createIpRisk` gives. */
export interface IpRiskApi {
  /** The verdict on an address, through the cache; waits `timeoutMs` at most. Never rejects: what is not an address is `unknown`, `no_ip`. */
  lookup (ip: string): Promise<IpRisk>
  /** Verdicts on many addresses, each once, as they come; `break` cancels. Never throws on a wrong address. */
  bulk (ips: Iterable<string>, options?: BulkOptions): AsyncIterable<[string, IpRisk]>
  /** What this scope's policy says of a risk on a route. */
  decide (risk: IpRisk, route: Partial<RouteContext> & Pick<RouteContext, 'write'>): Decision
  /** How the address of a request was found, hop by hop; for people, not for the hot path. */
  explain (request: { readonly raw: RawRequest } | RawRequest): ClientIpExplanation
  /** Lets an address pass in every process for a while (a false positive that support has just cleared). */
  allow (ip: string, options: { readonly ttlSeconds: number }): Promise<void>
  /** Forgets what is known of an address, in every process and in Redis. */
  invalidate (ip: string): Promise<void>
  stats (): Stats
}

/** The engine without Fastify. */
export interface IpRiskEngine extends IpRiskApi {
  /**
   * Judges a raw Node request as the route says (default `true`); acting on `decision` where `enforced` is true is the caller's part.
   * Rejects only on a wrong route option, with an `IpRiskError`.
   */
  check (request: RawRequest & { readonly method?: string | undefined }, route?: Exclude<RouteIpRiskOption, false>): Promise<IpRisk>
  close (): Promise<void>
}
