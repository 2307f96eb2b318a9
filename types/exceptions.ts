/** Why an exception is made or ended, for the audit record and the list. At most 500 characters each. */
export interface ExceptionNote {
  /** Why. Default: no reason. */
  readonly reason?: string | undefined
  /** Who does it. Default: nobody is named. */
  readonly author?: string | undefined
}

/** The options of `allow()` and `deny()`. */
export interface ExceptionOptions extends ExceptionNote {
  /** 1..31 536 000. Default: 31 536 000, a year. For what never ends use the options `allow` and `deny`. */
  readonly ttlSeconds?: number | undefined
}

/** What `allow()` or `deny()` said about an address or a network. Frozen. */
export interface AddressException {
  /** `allow`: passes everywhere. `deny`: blocked on marked routes. */
  readonly effect: 'allow' | 'deny'
  /** Canonical: `203.0.113.9`, or `203.0.113.0/24` with the host bits cleared. */
  readonly network: string
  /** Why it was made; null where no reason was given. */
  readonly reason: string | null
  /** Who made it; null where nobody was named. */
  readonly author: string | null
  /** ISO 8601. */
  readonly since: string
  /** ISO 8601. */
  readonly until: string
}

/** On the channel `fastify-ip-risk:exception`, and in a log line at `info`: who did what, and why. Frozen. */
export interface ExceptionRecord {
  /** The method that was called. */
  readonly verb: 'allow' | 'deny' | 'revoke'
  /**
   * As the option `recordAddress` shows it, in the log line as `logAddress` does; a network of /24 or /48 and wider in
   * full.
   */
  readonly network: string | null
  /** Why; null where no reason was given. */
  readonly reason: string | null
  /** Who did it; null where nobody was named. */
  readonly author: string | null
  /** ISO 8601; null for `revoke`. */
  readonly until: string | null
  /** ISO 8601. */
  readonly at: string
}
