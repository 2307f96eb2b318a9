import type { Category, ClientIp, Decision, IpRisk, IpRiskLogger, RawRequest, RouteContext } from '../types/contract.ts'
import { notLookedUp } from './client-ip/resolver.ts'
import { noAddress, nothingIgnored } from './client-ip/result.ts'
import type { Engine } from './engine.ts'
import { lookupAddress } from './ip/scopes.ts'
import { ALLOW_LIST, judge } from './policy/policy.ts'
import { lookupChannel, publishLookup, record } from './record.ts'
import { endsAsGone } from './refusal.ts'
import { isWrite, type RoutePlan } from './route.ts'
import type { Scope } from './scope.ts'
import { unasked, type Verdict } from './verdict/verdict.ts'

/** Where a request is judged: its scope, what its route wants, and who is told. */
export interface Place {
  readonly scope: Scope
  readonly plan: RoutePlan
  readonly method: string
  readonly url: string | undefined
  readonly requestId: string
  readonly log: IpRiskLogger
}

type Building = { -readonly [K in keyof IpRisk]: IpRisk[K] }
const nothing: readonly never[] = Object.freeze([])
const noInfo = Object.freeze({})

/**
 * One request, whole: address, verdict, decision, and the word to whoever wants it. Acting on it is the caller's part (`ended`).
 * Never rejects; no promise where memory or a sync provider answers.
 */
export function visit (engine: Engine, request: RawRequest, place: Place): IpRisk | Promise<IpRisk> {
  const startedMs = performance.now()
  if (endsAsGone(request, place.plan)) return gone(engine, place)
  const risk = assess(engine, engine.resolve(request), place)
  return risk instanceof Promise
    ? risk.then(risk => endsAsGone(request, place.plan) ? gone(engine, place) : told(engine, risk, place, startedMs))
    : told(engine, risk, place, startedMs)
}

/** The risk of a client that left before its request was judged. A block, so that who acts on the decision alone stops too. */
function gone (engine: Engine, { plan, method }: Place): IpRisk {
  const now = engine.now()
  const nobody = noAddress(false, 'no-peer', nothingIgnored)
  const risk = describe(nobody, unasked('no_ip', now), plan.action, isWrite(plan, method), now)
  return Object.freeze({ ...risk, decision: 'block', enforced: true })
}

function told (engine: Engine, risk: IpRisk, place: Place, startedMs: number): IpRisk {
  engine.count(risk)
  record(risk, place, startedMs, engine.now)
  return risk
}

/** Address, verdict, decision. */
export function assess (engine: Engine, address: ClientIp, place: Place): IpRisk | Promise<IpRisk> {
  const verdict = find(engine, address, place)
  return verdict instanceof Promise
    ? verdict.then(verdict => judged(engine, address, verdict, place))
    : judged(engine, address, verdict, place)
}

function find (engine: Engine, address: ClientIp, { scope, plan, method }: Place): Verdict | Promise<Verdict> {
  const { ip } = address
  if (ip === null) return unasked(notLookedUp(address)!, engine.now())
  const list = engine.isAllowed(ip) ? ALLOW_LIST : scope.lists.of(ip)
  if (list !== undefined) return unasked('listed', engine.now(), list)
  const why = notLookedUp(address)
  if (why !== undefined) return unasked(why, engine.now())
  if (plan.lookup === 'skip') return unasked('skipped', engine.now())
  const call = { mode: plan.lookup, write: isWrite(plan, method), timeoutMs: plan.timeoutMs }
  const asked = lookupAddress(ip, address.scope)!
  return lookupChannel.hasSubscribers ? publishing(engine, scope, asked, call) : engine.lookup(asked, call)
}

function publishing (engine: Engine, { showAddress }: Scope, ip: string, call: Parameters<Engine['lookup']>[1]): Verdict | Promise<Verdict> {
  const startedMs = performance.now()
  const publish = (verdict: Verdict): Verdict => {
    publishLookup(ip, verdict, { write: call.write, lookup: call.mode, showAddress, startedMs, nowMs: engine.now() })
    return verdict
  }
  const verdict = engine.lookup(ip, call)
  return verdict instanceof Promise ? verdict.then(publish) : publish(verdict)
}

/** The risk of a verdict that is there. */
export function judged (engine: Engine, address: ClientIp, verdict: Verdict, { scope, plan, method, url, log }: Place): IpRisk {
  const write = isWrite(plan, method)
  const risk = describe(address, verdict, plan.action, write, engine.now())
  risk.decision = judge(plan.policy, risk, { action: plan.action, write, method, url }, log)
  risk.enforced = plan.marked && plan.mode === 'enforce' && isActedOn(risk.decision, scope)
  return Object.freeze(risk)
}

function isActedOn (decision: Decision, scope: Scope): boolean {
  return decision === 'block' || (decision === 'step_up_auth' && scope.stepUp !== undefined)
}

function describe (
  address: ClientIp, { answer, provider, cache, checkedAtMs }: Verdict, action: RouteContext['action'], write: boolean, nowMs: number
): Building {
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
    enforced: false
  }
  if (!known) risk.reason = answer.reason
  return risk
}

/**
 * What the address itself says. A client behind Cloudflare's edge with an address of Cloudflare's is a Worker: a hosted machine. One in
 * shared address space (RFC 6598), which nobody can be asked about, is behind its carrier's NAT.
 */
function withScope ({ worker, infrastructure, scope }: ClientIp, categories: readonly Category[] = nothing): readonly Category[] {
  const own = worker ? 'hosting' : scope === 'shared' && !infrastructure ? 'cgnat' : undefined
  return own === undefined || categories.includes(own) ? categories : [...categories, own]
}
