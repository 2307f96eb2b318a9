import type {
  ClientIp, Decision, Familiarity, IpRisk, Outcome, RawRequest, UnknownReason
} from '../../types/contract.ts'
import type { Visit } from '../familiarity/index.ts'
import { isWrite, type RoutePolicy } from '../options/index.ts'
import { decideByTable, type PolicyDecision } from '../policy/index.ts'
import type { LookupResult } from '../verdict/index.ts'
import type { AssessmentContext, Time } from './context.ts'
import type { Engine } from './engine.ts'
import { categoriesOf, decidedRisk, riskOf } from './risk.ts'

/**
 * Whether nobody waits for the answer to this request any more. A client that only stopped sending (a half-close) is
 * not gone. After a reset the peer's address cannot be read, so a policy would apply to nobody: an attacker needs no
 * answer to a withdrawal. Node.js keeps an address that was read once, so `peer` spares its later readers a slow one.
 */
function isGone (request: RawRequest, peer: string | undefined): boolean {
  const { socket, stream } = request
  if (stream?.destroyed === true || stream?.closed === true || socket?.destroyed === true) return true
  return peer === undefined && socket?.remoteAddress === undefined && socket?.localAddress !== undefined
}

/**
 * Whether the request ends here because its client is gone. Monitor mode never acts: a sender that does not wait for
 * answers would lose its requests on the day it is switched on. `peer`: the `remoteAddress`, where it was read before.
 */
export function endsAsGone (
  request: RawRequest, { marked, mode }: Pick<RoutePolicy, 'marked' | 'mode'>, peer?: string | null
): boolean {
  return marked && mode === 'enforce' && isGone(request, peer ?? undefined)
}

/** One request, from its address to its one record. Verdict and decision are valid once it is assessed. */
export class Assessment {
  readonly engine: Engine
  /** Its route is replaced where the request belongs to the enforced share. */
  context: AssessmentContext
  /** Fastify's, Express's or Node's own. */
  readonly request: object
  /** Milliseconds since 1970. A verdict from memory is assessed by this one reading of the clock. */
  readonly startedAtMs: number
  /** The same by `performance.now()`, where somebody reads how long it took. */
  readonly startedMs: number | undefined
  address: ClientIp | undefined = undefined
  /** What the lookup found. */
  result: LookupResult | undefined = undefined
  /** When it was assessed; kept only where the record is published later. */
  time: Time | undefined = undefined
  /** The client left before it was assessed. */
  gone: boolean = false
  /** Its decision may change, once it is known whose request it is. */
  awaitsFamiliarity: boolean = false
  /** Whose request it is; null: nobody's. Undefined until the application was asked. */
  visit: Visit | null | Promise<Visit | null> | undefined = undefined
  /** The second assessment, while it is under way: two callers share one. */
  again: Promise<void> | undefined = undefined
  /** What came of it; set when the record is published. */
  outcome: Outcome | undefined = undefined
  private atMs = 0
  private familiarity: Familiarity | undefined = undefined
  private ruling: PolicyDecision | undefined = undefined
  private shown: IpRisk | undefined = undefined

  constructor (
    engine: Engine, context: AssessmentContext, request: object, startedAtMs: number, startedMs: number | undefined
  ) {
    this.engine = engine
    this.context = context
    this.request = request
    this.startedAtMs = startedAtMs
    this.startedMs = startedMs
  }

  /** Lets the policy decide about what was found. A second call replaces the decision, and so the risk. */
  decideByPolicy (atMs: number, familiarity?: Familiarity): void {
    const { context, address, result, verdict, reason, write } = this
    const { policy, action } = context.route
    const isPlain = categoriesOf(address!, result!.answer.categories).length === 0
    this.atMs = atMs
    this.familiarity = familiarity
    this.shown = undefined
    this.ruling = decideByTable(policy, verdict, reason, isPlain, familiarity, action, write) ??
      (this.shown = riskOf(atMs, address!, result!, context, familiarity))
  }

  /** Without the policy. */
  decide (address: ClientIp, result: LookupResult, ruling: PolicyDecision): void {
    this.address = address
    this.result = result
    this.ruling = ruling
    this.atMs = result.checkedAtMs
  }

  get verdict (): IpRisk['verdict'] {
    return this.result!.answer.verdict
  }

  get reason (): UnknownReason | undefined {
    const { answer } = this.result!
    return answer.verdict === 'unknown' ? answer.reason : undefined
  }

  get write (): boolean {
    return isWrite(this.context.route, this.context.method)
  }

  get decision (): Decision {
    return this.ruling!.decision
  }

  /** What the application gets. Made when somebody reads it: most requests that are allowed end without. */
  get risk (): IpRisk {
    const { atMs, address, result, context, familiarity, ruling } = this
    this.shown ??= decidedRisk(atMs, address!, result!, context, familiarity, ruling!)
    return this.shown
  }
}
/** One that has been assessed. */
export type CompletedAssessment = Assessment & { readonly address: ClientIp, readonly result: LookupResult }
