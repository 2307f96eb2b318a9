/** Step-up authentication by RFC 9470. `Request` is Fastify's, Express's or Node's own. */
export interface StepUp<Request> {
  /**
   * Asked after authentication ran. A rejection, or no answer within the `timeoutMs` of the route, counts as "no" and
   * is logged, code `IP_RISK_STEP_UP_FAILED`.
   */
  isSatisfied (request: Request): boolean | Promise<boolean>
  /** The authentication scheme of the challenge. Default `Bearer`. */
  readonly scheme?: string | undefined
  /** What would satisfy, in order of preference. Sent to the client, not checked: `isSatisfied` decides. */
  readonly acrValues?: readonly string[] | undefined
  /** How old an authentication may be, in seconds. Sent to the client, not checked. */
  readonly maxAgeSeconds?: number | undefined
  /** The protection space of the challenge (RFC 9110, 11.5). Default: none. */
  readonly realm?: string | undefined
}
