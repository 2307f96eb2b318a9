import type { ClientIp, IpRisk, Outcome, RawRequest } from '../../types/contract.ts'
import type { Visit } from '../familiarity/index.ts'
import type { RoutePolicy } from '../options/index.ts'
import type { LookupResult } from '../verdict/index.ts'
import type { AssessmentContext, Time } from './context.ts'
import type { Engine } from './engine.ts'

/**
 * Whether nobody waits for the answer to this request any more. A client that only stopped sending (a half-close) is
 * not gone. After a reset the peer's address cannot be read, so a policy would judge nobody: an attacker needs no
 * answer to a withdrawal.
 */
export function isGone ({ socket, stream }: RawRequest): boolean {
  if (stream?.destroyed === true || stream?.closed === true || socket?.destroyed === true) return true
  return socket?.remoteAddress === undefined && socket?.localAddress !== undefined
}

/**
 * Whether the request ends here because its client is gone. Monitor mode never acts: a sender that does not wait for
 * answers would lose its requests on the day it is switched on.
 */
export function endsAsGone (request: RawRequest, { marked, mode }: Pick<RoutePolicy, 'marked' | 'mode'>): boolean {
  return marked && mode === 'enforce' && isGone(request)
}

/** One request, from its address to its one record. */
export interface Assessment {
  readonly engine: Engine
  /** Its route is replaced where the request belongs to the enforced share. */
  context: AssessmentContext
  /** Fastify's, Express's or Node's own. */
  readonly request: object
  /** Milliseconds since 1970. A verdict from memory is judged by this one reading of the clock. */
  readonly startedAtMs: number
  /** The same by `performance.now()`, where somebody reads how long it took. */
  readonly startedMs: number | undefined
  address: ClientIp | undefined
  verdict: LookupResult | undefined
  /** Undefined until it is judged. */
  risk: IpRisk | undefined
  /** When it was judged; kept only where the record is published later. */
  judged: Time | undefined
  /** The client left before it was judged. */
  gone: boolean
  /** Its decision may change, once it is known whose request it is. */
  awaitsFamiliarity: boolean
  /** Whose request it is; null: nobody's. Undefined until the application was asked. */
  visit: Visit | null | Promise<Visit | null> | undefined
  /** The second assessment, while it is under way: two callers share one. */
  again: Promise<void> | undefined
  /** What came of it; set when the record is published. */
  outcome: Outcome | undefined
}
/** One that has been judged. */
export type CompletedAssessment = Assessment & { readonly risk: IpRisk }
