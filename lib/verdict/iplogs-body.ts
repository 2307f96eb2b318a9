import type { KnownAnswer, Signal, VerdictName } from '../../types/contract.ts'
import { canonicalAddress } from '../ip/index.ts'
import { categoriesOf, infoToJson, readCategories, readInfo } from './categories.ts'
import { isObject, type Json, readBoolean, readFraction, readNumber, readOneOf, readText } from './read.ts'
import { isVpnVerdict } from './verdict.ts'

/**
 * The body of IPLogs' `POST /v1/check`, which is also the shape of the shared cache's entries, so that other programs
 * that follow the IPLogs guide read ours and we read theirs.
 */

export const verdictNames: readonly VerdictName[] = ['clean', 'suspicious', 'vpn_likely', 'vpn_detected']
/** 0 for `clean` to 3 for `vpn_detected`. */
export function rankOf (verdict: VerdictName): number {
  return verdictNames.indexOf(verdict)
}

/** With the one that is no verdict. */
export const allVerdicts: readonly (VerdictName | 'unknown')[] = [...verdictNames, 'unknown']

/** More signals than any provider has. */
const maxSignals = 64

/**
 * The answer about `ip` (canonical), or null without a verdict, or when it is about another address. Only the verdict
 * is compulsory: the guide calls `score`, `is_vpn`, `ip_info` and `signals` stable, and its own mock has no more. A
 * field with an impossible value is left out, but then the body cannot call an address `clean`.
 */
export function parseIplogsBody (value: unknown, ip: string | null): KnownAnswer | null {
  return parseBody(value, ip, undefined)
}

type Answer = { -readonly [K in keyof KnownAnswer]: KnownAnswer[K] }

/** `categories`: a list that says what the signals and the names of the network would say. */
function parseBody (value: unknown, ip: string | null, categories: unknown): Answer | null {
  if (!isObject(value)) return null
  const verdict = readOneOf(value['verdict'], verdictNames)
  if (verdict === undefined) return null
  let sound = true
  const optional = <T>(name: string, read: (field: unknown) => T | undefined): T | undefined => {
    const field = value[name] ?? undefined // null is absent
    const found = field === undefined ? undefined : read(field)
    if (found === undefined && field !== undefined) sound = false
    return found
  }
  const score = optional('score', readFraction) ?? null
  const confidence = optional('confidence', readFraction) ?? null
  const isVpn = optional('is_vpn', readBoolean) ?? isVpnVerdict(verdict)
  const signals = optional('signals', readSignals) ?? []
  const info = optional('ip_info', info => isObject(info) ? info : undefined) ?? {}
  if (!sound && verdict === 'clean') return null
  if (ip !== null && !isAbout(info['ip'] ?? undefined, ip)) return null
  const answer: Answer = {
    verdict,
    score,
    isVpn,
    confidence,
    signals,
    info: readInfo(info),
    categories: categories === undefined ? categoriesOf(isVpn, signals, info) : readCategories(categories)
  }
  const requestId = readText(value['request_id'])
  if (requestId !== undefined) answer.requestId = requestId
  return answer
}

/**
 * An answer need not name its address. IPLogs scores the caller if it gets none, so one about another address is no
 * answer.
 */
function isAbout (given: unknown, ip: string): boolean {
  return given === undefined || (typeof given === 'string' && canonicalAddress(given) === ip)
}

/**
 * The same for a cache entry, which also has our `categories` and `provider`. With `ip` null the address is not
 * compared: entries under a secret key leave it out.
 */
export function parseStoredBody (value: unknown, ip: string | null): KnownAnswer | null {
  const { provider, categories } = (isObject(value) ? value : {}) as Json
  const answer = parseBody(value, ip, categories)
  const named = readText(provider)
  if (answer !== null && named !== undefined) answer.provider = named
  return answer
}

/** The matched signals; undefined for anything but a list. Types are an open set. A malformed signal is skipped. */
function readSignals (value: unknown): Signal[] | undefined {
  if (!Array.isArray(value)) return undefined
  const matched: Signal[] = []
  for (const signal of value) {
    if (matched.length === maxSignals) break
    const type = isObject(signal) && signal['matched'] === true ? readText(signal['type'], 80) : undefined
    const weight = type === undefined ? undefined : readNumber(signal.weight ?? 0)
    if (type === undefined || weight === undefined) continue
    matched.push({ type, weight: Math.min(Math.max(weight, 0), 1), detail: readText(signal.detail) ?? '' })
  }
  return matched
}

/**
 * The reverse: all that the answer has, in the shape of the guide's types. With `ip` null the address and the request
 * id are left out. `provider` is present only where the answer names it; otherwise the cache adds it, and
 * `checked_at`.
 */
export function toIplogsBody (answer: KnownAnswer, ip: string | null): Record<string, unknown> {
  return {
    verdict: answer.verdict,
    score: answer.score,
    is_vpn: answer.isVpn,
    confidence: answer.confidence,
    signals: answer.signals.map(({ type, weight, detail }) => ({ type, weight, matched: true, detail })),
    ip_info: { ...ip !== null && { ip }, ...infoToJson(answer.info), is_vpn: answer.isVpn },
    ...ip !== null && answer.requestId !== undefined && { request_id: answer.requestId },
    categories: answer.categories,
    ...answer.provider !== undefined && { provider: answer.provider }
  }
}
