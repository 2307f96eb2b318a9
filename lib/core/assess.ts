import type { ClientIp, IpRisk, RawRequest } from '../../types/contract.ts'
import { noAddress, nothingIgnored, notLookedUp } from '../client-ip/index.ts'
import { lookupAddress } from '../ip/index.ts'
import { isWrite, type PluginScope, type RouteShare } from '../options/index.ts'
import type { ListedBy } from '../policy/index.ts'
import { isKnown, listedResult, type LookupResult, notLookedUpResult } from '../verdict/index.ts'
import { awaitFamiliarity } from './accounts.ts'
import { Assessment, type CompletedAssessment, endsAsGone } from './assessment.ts'
import type { AssessmentContext } from './context.ts'
import { isTimed, lookupChannel, publishLookup } from './decision-log.ts'
import type { Engine } from './engine.ts'
import { riskOf } from './risk.ts'

/** The address and what is known of it are taken over from an earlier assessment of the same request. */
export function startAssessment (
  engine: Engine, context: AssessmentContext, request: object, earlier?: Assessment
): Assessment {
  const startedMs = isTimed(engine, context) ? performance.now() : undefined
  const current = new Assessment(engine, context, request, engine.now(), startedMs)
  if (earlier !== undefined) {
    current.address = earlier.address
    current.result = context.route.lookup === 'skip' ? undefined : knownOf(earlier)
  }
  return current
}

function knownOf ({ result }: Assessment): LookupResult | undefined {
  return result !== undefined && isKnown(result) ? result : undefined
}

/**
 * Assesses a request: address, verdict, decision. Publishing and acting on it are the caller's part. Never rejects; no
 * promise where memory or a sync provider answers.
 */
export function assessRequest (
  current: Assessment, raw: RawRequest
): CompletedAssessment | Promise<CompletedAssessment> {
  const { engine, context } = current
  const peer = raw.socket?.remoteAddress
  if (endsAsGone(raw, context.route, peer)) return gone(current)
  const address = current.address ??= engine.resolve(raw, peer)
  if (context.route.share !== undefined) {
    enforceShare(current, context.route.share, address)
    if (endsAsGone(raw, current.context.route)) return gone(current)
  }
  if (context.scope.skip?.(current.request, context.log) === true) return skipped(current, address)
  const { startedAtMs } = current
  const result = current.result ?? find(engine, address, context, startedAtMs)
  if (!(result instanceof Promise)) return finished(current, result, startedAtMs)
  return result.then(found => endsAsGone(raw, current.context.route)
    ? gone(current)
    : finished(current, found, engine.now()))
}

/**
 * For a client that left before its request was assessed. A block, so that code that acts on the decision alone
 * stops too.
 */
function gone (current: Assessment): CompletedAssessment {
  const nobody = noAddress(false, 'no_peer', nothingIgnored)
  current.gone = true
  current.decide(nobody, notLookedUpResult('no_ip', current.engine.now()), { decision: 'block', decidedBy: 'policy' })
  return current as CompletedAssessment
}

/** A request without an address is always enforced. */
function enforceShare (current: Assessment, { has, enforced }: RouteShare, { ip }: ClientIp): void {
  if (ip === null || has(ip)) current.context = { ...current.context, route: enforced }
}

/** By the option `skip`: nothing is looked up and nothing is enforced. */
function skipped (current: Assessment, address: ClientIp): CompletedAssessment {
  const result = notLookedUpResult('skipped', current.engine.now())
  current.decide(address, result, { decision: 'allow', decidedBy: 'skip' })
  return current as CompletedAssessment
}

function finished (current: Assessment, result: LookupResult, nowMs: number): CompletedAssessment {
  current.result = result
  current.decideByPolicy(nowMs)
  if (current.context.scope.familiarity !== undefined) awaitFamiliarity(current as CompletedAssessment)
  return current as CompletedAssessment
}

/** Address, verdict, decision. */
export function assess (engine: Engine, address: ClientIp, context: AssessmentContext): IpRisk | Promise<IpRisk> {
  const nowMs = engine.now()
  const result = find(engine, address, context, nowMs)
  return result instanceof Promise
    ? result.then(found => riskOf(engine.now(), address, found, context))
    : riskOf(nowMs, address, result, context)
}

function find (
  engine: Engine, address: ClientIp, { scope, route, method }: AssessmentContext, nowMs: number
): LookupResult | Promise<LookupResult> {
  const { ip } = address
  if (ip === null) return notLookedUpResult(notLookedUp(address)!, nowMs)
  const list = listOf(engine, scope, ip, nowMs)
  if (list !== undefined) return listedResult(list, nowMs)
  const why = notLookedUp(address)
  if (why !== undefined) return notLookedUpResult(why, nowMs)
  if (route.lookup === 'skip') return notLookedUpResult('skipped', nowMs)
  const call = { mode: route.lookup, write: isWrite(route, method), timeoutMs: route.timeoutMs, nowMs }
  const asked = lookupAddress(ip, address.scope)!
  return lookupChannel.hasSubscribers ? publishing(engine, scope, asked, call) : engine.lookup(asked, call)
}

/** An allow wins over a deny, from whichever list it comes. */
function listOf ({ exceptions }: Engine, scope: PluginScope, ip: string, nowMs: number): ListedBy | undefined {
  const exception = exceptions.of(ip, nowMs)
  if (exception === 'allow') return 'temporary_allow'
  return scope.lists.of(ip) ?? (exception === 'deny' ? 'temporary_deny' : undefined)
}

function publishing (
  engine: Engine, { recordAddress: { show: showAddress } }: PluginScope, ip: string,
  call: Parameters<Engine['lookup']>[1]
): LookupResult | Promise<LookupResult> {
  const startedMs = performance.now()
  const publish = (found: LookupResult): LookupResult => {
    publishLookup(ip, found, { write: call.write, lookup: call.mode, showAddress, startedMs, nowMs: engine.now() })
    return found
  }
  const result = engine.lookup(ip, call)
  return result instanceof Promise ? result.then(publish) : publish(result)
}
