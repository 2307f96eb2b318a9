import type { Category, ClientIp, Familiarity, IpRisk, RawRequest, RouteContext } from '../../types/contract.ts'
import { noAddress, nothingIgnored, notLookedUp } from '../client-ip/index.ts'
import { lookupAddress } from '../ip/index.ts'
import { isWrite, type PluginScope, type RouteShare } from '../options/index.ts'
import { applyPolicy, type ListedBy } from '../policy/index.ts'
import { isKnown, listedResult, type LookupResult, notLookedUpResult } from '../verdict/index.ts'
import { isTimed, lookupChannel, publishLookup } from './decision-log.ts'
import { type Assessment, type CompletedAssessment, endsAsGone } from './assessment.ts'
import type { AssessmentContext } from './context.ts'
import type { Engine } from './engine.ts'
import { awaitFamiliarity } from './accounts.ts'

type Building = { -readonly [K in keyof IpRisk]: IpRisk[K] }
const nothing: readonly never[] = Object.freeze([])
const noInfo = Object.freeze({})

/** The address and what is known of it are taken over from an earlier assessment of the same request. */
export function assessment (
  engine: Engine, place: AssessmentContext, request: object, earlier?: Assessment
): Assessment {
  return {
    engine,
    context: place,
    request,
    startedAtMs: engine.now(),
    startedMs: isTimed(engine, place) ? performance.now() : undefined,
    address: earlier?.address,
    verdict: place.route.lookup === 'skip' ? undefined : knownOf(earlier),
    risk: undefined,
    judged: undefined,
    gone: false,
    awaitsFamiliarity: false,
    visit: undefined,
    again: undefined,
    outcome: undefined
  }
}

function knownOf (earlier: Assessment | undefined): LookupResult | undefined {
  return earlier?.verdict !== undefined && isKnown(earlier.verdict) ? earlier.verdict : undefined
}

/**
 * Judges a request: address, verdict, decision. Publishing and acting on it are the caller's part. Never rejects; no
 * promise where memory or a sync provider answers.
 */
export function assessRequest (
  current: Assessment, raw: RawRequest
): CompletedAssessment | Promise<CompletedAssessment> {
  const { engine, context: place } = current
  if (endsAsGone(raw, place.route)) return gone(current)
  const address = current.address ??= engine.resolve(raw)
  if (place.route.share !== undefined) enforceShare(current, place.route.share, address)
  if (place.scope.skip?.(current.request, place.log) === true) return skipped(current, address)
  const { startedAtMs } = current
  const verdict = current.verdict ?? find(engine, address, place, startedAtMs)
  if (!(verdict instanceof Promise)) return finished(current, address, verdict, startedAtMs)
  return verdict.then(found => endsAsGone(raw, current.context.route)
    ? gone(current)
    : finished(current, address, found, engine.now()))
}

/**
 * For a client that left before its request was judged. A block, so that whoever acts on the decision alone stops too.
 */
function gone (current: Assessment): CompletedAssessment {
  const { engine, context: { route: plan, method } } = current
  const nobody = noAddress(false, 'no_peer', nothingIgnored)
  const verdict = notLookedUpResult('no_ip', engine.now())
  const risk = describe(nobody, verdict, plan.action, isWrite(plan, method), engine.now())
  current.gone = true
  current.risk = Object.freeze({ ...risk, decision: 'block' })
  return current as CompletedAssessment
}

/** Without an address the side cannot be computed: such a request is on the enforced one. */
function enforceShare (current: Assessment, { has, enforced }: RouteShare, { ip }: ClientIp): void {
  if (ip === null || has(ip)) current.context = { ...current.context, route: enforced }
}

/** By the option `skip`: nothing is looked up and nothing is enforced. */
function skipped (current: Assessment, address: ClientIp): CompletedAssessment {
  const { engine, context: { route: plan, method } } = current
  const verdict = notLookedUpResult('skipped', engine.now())
  const risk = describe(address, verdict, plan.action, isWrite(plan, method), engine.now())
  current.verdict = verdict
  current.risk = Object.freeze({ ...risk, decidedBy: 'skip' as const })
  return current as CompletedAssessment
}

function finished (
  current: Assessment, address: ClientIp, verdict: LookupResult, nowMs: number
): CompletedAssessment {
  current.verdict = verdict
  current.risk = riskOf(nowMs, address, verdict, current.context)
  if (current.context.scope.familiarity !== undefined) awaitFamiliarity(current as CompletedAssessment)
  return current as CompletedAssessment
}

/** Address, verdict, decision. */
export function assess (engine: Engine, address: ClientIp, place: AssessmentContext): IpRisk | Promise<IpRisk> {
  const nowMs = engine.now()
  const verdict = find(engine, address, place, nowMs)
  return verdict instanceof Promise
    ? verdict.then(verdict => riskOf(engine.now(), address, verdict, place))
    : riskOf(nowMs, address, verdict, place)
}

function find (
  engine: Engine, address: ClientIp, { scope, route: plan, method }: AssessmentContext, nowMs: number
): LookupResult | Promise<LookupResult> {
  const { ip } = address
  if (ip === null) return notLookedUpResult(notLookedUp(address)!, nowMs)
  const list = listOf(engine, scope, ip, nowMs)
  if (list !== undefined) return listedResult(list, nowMs)
  const why = notLookedUp(address)
  if (why !== undefined) return notLookedUpResult(why, nowMs)
  if (plan.lookup === 'skip') return notLookedUpResult('skipped', nowMs)
  const call = { mode: plan.lookup, write: isWrite(plan, method), timeoutMs: plan.timeoutMs, nowMs }
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
  const publish = (verdict: LookupResult): LookupResult => {
    publishLookup(ip, verdict, { write: call.write, lookup: call.mode, showAddress, startedMs, nowMs: engine.now() })
    return verdict
  }
  const verdict = engine.lookup(ip, call)
  return verdict instanceof Promise ? verdict.then(publish) : publish(verdict)
}

/** The risk of a verdict that is there. */
export function riskOf (
  nowMs: number, address: ClientIp, verdict: LookupResult, place: AssessmentContext, familiarity?: Familiarity
): IpRisk {
  const { route: plan, method, url, log } = place
  const write = isWrite(plan, method)
  const risk = describe(address, verdict, plan.action, write, nowMs)
  if (familiarity !== undefined) risk.familiarity = familiarity
  const { decision, decidedBy, rule } = applyPolicy(plan.policy, risk, { action: plan.action, write, method, url }, log)
  risk.decision = decision
  risk.decidedBy = decidedBy
  if (rule !== undefined) risk.rule = rule
  return Object.freeze(risk)
}

function describe (
  address: ClientIp, verdict: LookupResult, action: RouteContext['action'], write: boolean, nowMs: number
): Building {
  const { answer, provider, cache, checkedAtMs, listedBy } = verdict
  const known = answer.verdict !== 'unknown'
  const risk: Building = {
    ip: address.ip,
    source: address.source,
    verdict: answer.verdict,
    score: known ? answer.score : null,
    isVpn: known && answer.isVpn,
    confidence: known ? answer.confidence : null,
    signals: answer.signals ?? nothing,
    info: answer.info ?? noInfo,
    categories: withScope(address, answer.categories),
    provider,
    cache,
    ageSeconds: cache === 'none' || cache === 'miss' ? 0 : Math.max(0, Math.floor((nowMs - checkedAtMs) / 1000)),
    action,
    write,
    decision: 'allow',
    decidedBy: listedBy ?? 'policy'
  }
  if (!known) risk.reason = answer.reason
  return risk
}

/**
 * What the address itself says. A client behind Cloudflare's edge with an address of Cloudflare's is a Worker: a hosted
 * machine. One in shared address space (RFC 6598), which nobody can be asked about, is behind its carrier's NAT.
 */
function withScope (
  { worker, infrastructure, scope }: ClientIp, categories: readonly Category[] = nothing
): readonly Category[] {
  const own = worker ? 'hosting' : scope === 'shared' && !infrastructure ? 'cgnat' : undefined
  return own === undefined || categories.includes(own) ? categories : [...categories, own]
}
