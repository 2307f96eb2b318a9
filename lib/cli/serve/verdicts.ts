import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { IpRiskApi } from '../../../types/api.ts'
import type { DecidedBy, Decision, IpRisk, KnownAnswer, Outcome, UnknownReason } from '../../../types/contract.ts'
import { internalsOf } from '../../core/index.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { applyPolicy, stops } from '../../policy/index.ts'
import { isFailure, type Json, toIplogsBody } from '../../verdict/index.ts'
import { Problem, problemBody, problems } from './problem.ts'

/** As many as `/v1/bulk-check` of IPLogs takes, and as long as it may last there. */
export const BULK_MAX = 100
export const BULK_TIMEOUT_MS = 90_000
const TEXT_MAX = 100

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** `POST /v1/check`. A client of IPLogs knows no "unknown": unless a decision is asked for, that is an error. */
export async function check (api: IpRiskApi, body: Json): Promise<Reply> {
  const { ip } = body
  if (typeof ip !== 'string' || ip.length > TEXT_MAX || canonicalAddress(ip) === null) throw new Problem('invalid_ip')
  const wanted = wantedDecision(body)
  const risk = await api.lookup(ip)
  const reply = { ...bodyOf(risk), request_id: `req_${randomUUID()}`, ...decided(api, risk, wanted) }
  if (risk.verdict !== 'unknown' || wanted !== null) return { status: 200, body: reply }
  const code = isFailure(risk.reason) ? 'lookup_failed' : 'no_verdict'
  // For `iplogs()`, which must tell such a reply from one of a proxy in between.
  const headers = { 'ip-risk-reason': risk.reason! }
  return { status: problems[code][0], headers, body: { ...reply, ...problemBody(code) } }
}

interface Bulk { readonly ips: readonly string[], readonly wanted: Wanted | null }

/** `body` of `POST /v1/bulk-check`, checked. */
export function readBulk (body: Json): Bulk {
  const { ips } = body
  const fits = Array.isArray(ips) && ips.length > 0 && ips.length <= BULK_MAX &&
    ips.every(text => typeof text === 'string' && text.length <= TEXT_MAX)
  if (!fits) throw new Problem('invalid_ips')
  return { ips: ips as string[], wanted: wantedDecision(body) }
}

/**
 * Rows with a verdict are `results`, in the order asked; the others are `unknown`, because a client of IPLogs takes a
 * missing row for that. `gone` aborts when nobody waits any more.
 */
export async function bulkCheck (api: IpRiskApi, { ips, wanted }: Bulk, gone: AbortSignal): Promise<Reply> {
  const found = new Map<string, IpRisk>()
  const ended = new AbortController()
  const late = delay(BULK_TIMEOUT_MS, undefined, { signal: ended.signal, ref: false }).catch(() => {})
  const rows = (async () => {
    const signal = AbortSignal.any([gone, ended.signal])
    try {
      for await (const [ip, risk] of api.bulk(ips, { signal })) found.set(ip, risk)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })()
  try {
    await Promise.race([rows, late])
  } finally {
    ended.abort()
  }
  const results: unknown[] = []
  const unknown: unknown[] = []
  for (const text of ips) {
    const ip = canonicalAddress(text) ?? text
    const risk = found.get(ip)
    if (risk === undefined) unknown.push({ ip, reason: 'timeout' satisfies UnknownReason })
    else if (risk.verdict === 'unknown') unknown.push({ ip, reason: risk.reason, ...decided(api, risk, wanted) })
    else results.push({ ...rowOf(ip, risk), ...decided(api, risk, wanted) })
  }
  return { status: 200, body: { results, unknown } }
}

/** Clients read these without asking whether they are there. */
const alwaysThere = ['asn', 'org', 'country', 'country_code', 'vpn_provider'] as const

function bodyOf (risk: IpRisk): Record<string, unknown> {
  const { ip, reason, provider, cache, ageSeconds } = risk
  const body = toIplogsBody(risk as KnownAnswer, ip)
  const info = body['ip_info'] as Json
  return {
    ...body,
    ip_info: { ...info, ...Object.fromEntries(alwaysThere.map(name => [name, info[name] ?? null])) },
    ...reason !== undefined && { reason },
    provider,
    cached: isCached(risk),
    cache,
    age_seconds: ageSeconds
  }
}

/** `provider` is that of the VPN, as in IPLogs; `answered_by` is ours. */
function rowOf (ip: string, risk: IpRisk): Record<string, unknown> {
  const { verdict, score, info, isVpn, categories, provider } = risk
  return {
    ip,
    verdict,
    score,
    country: info.countryCode ?? info.country ?? null,
    asn: info.asn ?? null,
    provider: info.vpnProvider ?? null,
    is_vpn: isVpn,
    categories,
    answered_by: provider,
    cached: isCached(risk)
  }
}

function isCached ({ cache }: IpRisk): boolean {
  return cache !== 'miss' && cache !== 'none'
}

const ACTION_MAX = 64

/** The visitor's request as the client describes it, for the policy. Null: it wants no decision. */
interface Wanted { readonly action: string | null, readonly write: boolean }

interface DecidedBody { readonly decision?: Decision, readonly decided_by?: DecidedBy, readonly rule?: string }

/** Throws a `Problem`. */
function wantedDecision ({ action, write }: Json): Wanted | null {
  const isAction = action === undefined || action === null ||
    (typeof action === 'string' && action.length > 0 && action.length <= ACTION_MAX)
  if (!isAction || (write !== undefined && typeof write !== 'boolean')) throw new Problem('invalid_action')
  if (write === undefined && (action === undefined || action === null)) return null
  return { action: action ?? null, write: write ?? true }
}

/** The decision where it is wanted, counted as one of a request whose application enforces it. */
export function decided (api: IpRiskApi, risk: IpRisk, wanted: Wanted | null): DecidedBody {
  if (wanted === null) return {}
  const { engine, scope } = internalsOf(api)!
  const { write } = wanted
  // The policy compares the name of an action; which names there are is the business of the policy file.
  const action = wanted.action as IpRisk['action']
  const method = write ? 'POST' : 'GET'
  const { decision, decidedBy, rule } = applyPolicy(scope.policy, risk, { action, write, method, url: undefined })
  const { policy, timeoutMs } = scope
  const route = { marked: true, action, write, policy, mode: 'monitor', lookup: 'wait', timeoutMs } as const
  const context = { scope, route, method, url: undefined, requestId: '', log: engine.log }
  const counted = { ...risk, action, write, decision }
  engine.count({ ...counted, risk: counted }, context, outcomeOf(decision))
  return { decision, decided_by: decidedBy, ...rule !== undefined && { rule } }
}

/** Nothing is enforced here, and nobody says what the client does. */
function outcomeOf (decision: Decision): Outcome {
  return stops(decision) ? 'not_enforced' : decision === 'allow' ? 'allowed' : 'flagged'
}
