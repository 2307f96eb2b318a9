import type { KnownAnswer, Signal, VerdictName } from '../../types/contract.ts'
import { canonicalAddress } from '../ip/address.ts'
import { categoriesOf, readCategories } from './iplogs-categories.ts'
import { infoToJson, readInfo } from './iplogs-info.ts'
import { type Json, isObject, readFraction, readNumber, readOneOf, readText } from './read.ts'

/**
 * The body of IPLogs' `POST /v1/check`, which is also the shape of the shared cache's entries, so that other programs that follow the
 * IPLogs guide read ours and we read theirs.
 */

export const verdictNames: readonly VerdictName[] = ['clean', 'suspicious', 'vpn_likely', 'vpn_detected']

/** More signals than any provider knows. */
const maxSignals = 64

/**
 * What the provider said of `ip` (canonical), or null when a field is missing or impossible or the answer is about another address.
 * Optional fields of a wrong type are left out.
 */
export function parseIplogsBody (value: unknown, ip: string): KnownAnswer | null {
  const answer = parseBody(value, ip)
  return answer === null || answer.score === null || answer.confidence === null ? null : answer
}

/**
 * The same for a cache entry. There `score` and `confidence` may be null (other providers have none), `categories` and `provider` are
 * ours, and with `ip` null (entries under a secret key leave the address out) the address is not compared.
 */
export function parseStoredBody (value: unknown, ip: string | null): KnownAnswer | null {
  const answer = parseBody(value, ip)
  if (answer === null) return null
  const body = value as Json
  const provider = readText(body['provider'])
  return {
    ...answer,
    ...body['categories'] !== undefined && { categories: readCategories(body['categories']) },
    ...provider !== undefined && { provider }
  }
}

function parseBody (body: unknown, ip: string | null): KnownAnswer | null {
  if (!isObject(body)) return null
  const verdict = readOneOf(body['verdict'], verdictNames)
  const score = readNullable(body['score'])
  const confidence = readNullable(body['confidence'])
  const isVpn = body['is_vpn']
  const signals = readSignals(body['signals'])
  const info = isObject(body['ip_info']) ? body['ip_info'] : ip === null && body['ip_info'] === undefined ? {} : null
  if (verdict === undefined || score === undefined || confidence === undefined || typeof isVpn !== 'boolean' || signals === null || info === null) return null
  if (ip !== null && (typeof info['ip'] !== 'string' || canonicalAddress(info['ip']) !== ip)) return null
  const requestId = readText(body['request_id'])
  return {
    verdict,
    score,
    isVpn,
    confidence,
    signals,
    info: readInfo(info),
    categories: categoriesOf(isVpn, signals, info),
    ...requestId !== undefined && { requestId }
  }
}

/** null stays null; undefined: not there, or impossible. */
function readNullable (value: unknown): number | null | undefined {
  return value === null ? null : readFraction(value)
}

/** The matched ones; null when this is no list of signals. Types are an open set. */
function readSignals (value: unknown): Signal[] | null {
  if (!Array.isArray(value)) return null
  const matched: Signal[] = []
  for (const signal of value) {
    const type = isObject(signal) ? readText(signal['type'], 80) : undefined
    if (type === undefined || typeof signal.matched !== 'boolean') return null
    const weight = readNumber(signal.weight ?? 0)
    if (weight === undefined) return null
    if (!signal.matched || matched.length === maxSignals) continue
    matched.push({ type, weight: Math.min(Math.max(weight, 0), 1), detail: readText(signal.detail) ?? '' })
  }
  return matched
}

/**
 * The way back: everything that the answer has, in that shape. With `ip` null the address and the request id are left out. Who answered
 * (`provider`) stands in it only where the answer names somebody; the cache adds it, and `checked_at`, otherwise.
 */
export function toIplogsBody (answer: KnownAnswer, ip: string | null): Record<string, unknown> {
  return {
    verdict: answer.verdict,
    score: answer.score,
    is_vpn: answer.isVpn,
    confidence: answer.confidence,
    signals: answer.signals.map(({ type, weight, detail }) => ({ type, weight, matched: true, detail })),
    ip_info: { ...ip !== null && { ip }, ...infoToJson(answer.info) },
    ...ip !== null && answer.requestId !== undefined && { request_id: answer.requestId },
    categories: answer.categories,
    ...answer.provider !== undefined && { provider: answer.provider }
  }
}
