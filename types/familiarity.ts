/**
 * The id of an account, or nothing where nobody is logged in. A number must be a safe integer. `1`, `1n` and `'1'` are
 * one account. Scopes on one Redis and `keyPrefix` share their memory: where two kinds of accounts may have one id, put
 * the kind before it (`admin 1`).
 */
export type AccountId = string | number | bigint | null | undefined

/**
 * Remembers for each account the networks it came from, as HMACs. Needs `stepUp`, and with Redis `cache.keySecret`.
 * Marked writes are assessed a second time after the route's own preHandlers, with `IpRisk.familiarity`.
 */
export interface FamiliarityOptions<Request> {
  /**
   * Whose request it is. Called once for a request, behind the route's own preHandlers; by `trust()` again where it was
   * nobody. If it throws, takes longer than the `timeoutMs` of the route, or returns what is no id, nobody is logged
   * in, and that is logged, code `IP_RISK_FAMILIARITY_FAILED`.
   */
  readonly account: (request: Request) => AccountId | Promise<AccountId>
  /**
   * A device that the visitor cannot choose freely: a signed cookie of its own, a client certificate. Synchronous; if
   * it fails, nobody is logged in, as above. Default: none.
   */
  readonly device?: ((request: Request) => string | null | undefined) | undefined
  /** After how many days without use a network is forgotten, 1 to 365. Default 90. */
  readonly rememberDays?: number | undefined
  /** Networks for each account, 1 to 50. The weakest and oldest are dropped. Default 20. */
  readonly maxNetworks?: number | undefined
}
