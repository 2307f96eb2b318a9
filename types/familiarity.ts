/** The id of an account, or nothing where nobody is logged in. */
export type AccountId = string | number | null | undefined

/**
 * Remembers for each account the networks it came from, as HMACs. Needs `stepUp`, and with Redis `cache.keySecret`.
 * Marked writes are assessed a second time after the route's own preHandlers, with `IpRisk.familiarity`.
 */
export interface FamiliarityOptions<Request> {
  /**
   * Whose request it is. Called once for a request, behind the route's own preHandlers; by `trust()` again where it was
   * nobody. If it throws, nobody is logged in, and that is logged, code `IP_RISK_FAMILIARITY_FAILED`.
   */
  readonly account: (request: Request) => AccountId | Promise<AccountId>
  /**
   * A device that the visitor cannot choose freely: a signed cookie of its own, a client certificate. Default: none.
   */
  readonly device?: ((request: Request) => string | null | undefined) | undefined
  /** After how many days without use a network is forgotten, 1 to 365. Default 90. */
  readonly rememberDays?: number | undefined
  /** Networks for each account, 1 to 50. The weakest and oldest are dropped. Default 20. */
  readonly maxNetworks?: number | undefined
}
