import type { Category, ClientIp, Familiarity, IpRisk, RouteContext } from '../../types/contract.ts'
import { isWrite } from '../options/index.ts'
import { applyPolicy, type PolicyDecision } from '../policy/index.ts'
import type { LookupResult } from '../verdict/index.ts'
import type { AssessmentContext } from './context.ts'

type Building = { -readonly [K in keyof IpRisk]: IpRisk[K] }
const nothing: readonly never[] = Object.freeze([])
export const noInfo: IpRisk['info'] = Object.freeze({})

/** What is known of an address, and what the policy of the route decides. */
export function riskOf (
  nowMs: number, address: ClientIp, result: LookupResult, context: AssessmentContext, familiarity?: Familiarity
): IpRisk {
  const { route: { action, policy }, method, url, log } = context
  const write = isWrite(context.route, method)
  const risk = describe(nowMs, address, result, action, write, familiarity)
  return withDecision(risk, applyPolicy(policy, risk, { action, write, method, url }, log))
}

/** The same where the decision was made before. */
export function decidedRisk (
  nowMs: number, address: ClientIp, result: LookupResult, { route, method }: AssessmentContext,
  familiarity: Familiarity | undefined, ruling: PolicyDecision
): IpRisk {
  return withDecision(describe(nowMs, address, result, route.action, isWrite(route, method), familiarity), ruling)
}

function withDecision (risk: Building, { decision, decidedBy, rule }: PolicyDecision): IpRisk {
  risk.decision = decision
  risk.decidedBy = decidedBy
  if (rule !== undefined) risk.rule = rule
  return Object.freeze(risk)
}

function describe (
  nowMs: number, address: ClientIp, result: LookupResult, action: RouteContext['action'], write: boolean,
  familiarity: Familiarity | undefined
): Building {
  const { answer, provider, cache, checkedAtMs, listedBy } = result
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
    categories: categoriesOf(address, answer.categories),
    provider,
    cache,
    ageSeconds: cache === 'none' || cache === 'miss' ? 0 : Math.max(0, Math.floor((nowMs - checkedAtMs) / 1000)),
    action,
    write,
    decision: 'allow',
    decidedBy: listedBy ?? 'policy'
  }
  if (!known) risk.reason = answer.reason
  if (familiarity !== undefined) risk.familiarity = familiarity
  return risk
}

/**
 * The categories of an answer, and what the address itself says. A client behind Cloudflare's edge with an address of
 * Cloudflare's is a Worker: a hosted machine. One in shared address space (RFC 6598), which nobody can be asked about,
 * is behind its carrier's NAT.
 */
export function categoriesOf (
  { worker, infrastructure, scope }: ClientIp, categories: readonly Category[] = nothing
): readonly Category[] {
  const own = worker ? 'hosting' : scope === 'shared' && !infrastructure ? 'cgnat' : undefined
  return own === undefined || categories.includes(own) ? categories : [...categories, own]
}
