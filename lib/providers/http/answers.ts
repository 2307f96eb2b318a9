import type { ProviderLimits, UnknownAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { readLimits } from '../../rate-limit/index.ts'
import { checkString, int, type OptionReader, real, shown } from '../../util/index.ts'

/** Pause after a refusal of our account (not of the address). */
const refusedAccountSeconds = 60

/** What a status other than 2xx means. */
export function statusAnswer (
  status: number, retryAfter: string | string[] | undefined, now: number = Date.now()
): UnknownAnswer {
  const cause = `HTTP ${status}`
  if (status === 429) {
    const retryAfterSeconds = parseRetryAfter(retryAfter, now)
    return { verdict: 'unknown', reason: 'rate_limited', cause, ...retryAfterSeconds !== null && { retryAfterSeconds } }
  }
  if (status === 401 || status === 402 || status === 403) {
    const alert = accountAlert(status)
    return { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: refusedAccountSeconds, cause, alert }
  }
  if (status >= 500) return { verdict: 'unknown', reason: 'unavailable', cause }
  if (status < 400) return { verdict: 'unknown', reason: 'bad_response', cause }
  return {
    verdict: 'unknown',
    reason: 'rejected',
    cause,
    alert: `The provider's service answers HTTP ${status}, so addresses are unknown: check the option "baseUrl" ` +
      '(host and path), and the request.'
  }
}

function accountAlert (status: 401 | 402 | 403): string {
  const fix = status === 403
    ? 'check the account, whether this machine\'s source address may call, and the option "userAgent"'
    : status === 402 ? 'check the plan and its payment' : 'check the key or the account'
  return `The provider's service refuses our calls with HTTP ${status}, so they stop for a minute: ${fix}.`
}

/**
 * RFC 9110 §10.2.3: seconds, or an HTTP date in whole seconds from now; at most `most`, by default a day. null: absent
 * or invalid.
 */
export function parseRetryAfter (
  value: string | string[] | undefined, now: number, most: number = 86_400
): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim()
  if (text === undefined) return null
  const isDate = /^[A-Z][a-z]{2},/.test(text)
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : isDate ? Math.ceil((Date.parse(text) - now) / 1000) : NaN
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), most)
}

/**
 * What a failed call means. Only the code of the error is kept: its message may quote an address, a header or a body.
 */
export function failureAnswer (error: unknown, signal: AbortSignal): UnknownAnswer {
  if (signal.aborted) return { verdict: 'unknown', reason: 'timeout' }
  const { name, code = name } = error as { name?: string, code?: string }
  // Not HTTP, or not within our limits. (undici gives parser errors a code only sometimes.)
  const garbage = name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW'
  return { verdict: 'unknown', reason: garbage ? 'bad_response' : 'unavailable', cause: code }
}

/** The options of every provider that is called over the network. */
export interface RemoteOptions {
  /** Another host that speaks the same protocol: `https://host[:port][/path]`. Default: the service's. */
  readonly baseUrl?: string | undefined
  /** Longest time of one call in milliseconds, retries included: 1 to 120 000. Default 5 000; IPLogs 8 000. */
  readonly timeoutMs?: number | undefined
  /** Calls that the service allows. `{}`: no limit of ours. Default: what the service documents. */
  readonly limits?: ProviderLimits | undefined
  /** The part of the limits that is kept for writes: 0 to 1. Default 0.5. */
  readonly reserveForWrites?: number | undefined
  /** Calls in flight at once: 1 to 10 000. Default 50. */
  readonly maxConcurrent?: number | undefined
  /** Printable ASCII. Default: our name and version. */
  readonly userAgent?: string | undefined
  /** Price of one call, in a currency of your choice, for `stats()` and `maxCostPerDay`. Default: not counted. */
  readonly costPerCall?: number | undefined
}

/** With defaults. */
type RemoteSettings = {
  readonly [K in keyof RemoteOptions]-?: Exclude<RemoteOptions[K], undefined> |
    (K extends 'userAgent' | 'costPerCall' ? undefined : never)
}

/** How the options are read that every remote provider has. */
export function remoteSpecification (
  defaults: Pick<RemoteSettings, 'baseUrl' | 'timeoutMs' | 'limits'>
): { readonly [K in keyof RemoteSettings]: OptionReader<RemoteSettings[K]> } {
  return {
    baseUrl (path, given) {
      const baseUrl = checkString(path, given, defaults.baseUrl)
      baseUrlParts(path, baseUrl)
      return baseUrl
    },
    timeoutMs: int(1, 120_000, defaults.timeoutMs),
    limits: (path, given) => given === undefined ? defaults.limits : readLimits(path, given),
    reserveForWrites: real(0, 1, 0.5),
    maxConcurrent: int(1, 10_000, 50),
    userAgent (path, given) {
      const userAgent = checkString(path, given, undefined)
      if (userAgent === undefined || /^[\x20-\x7e]+$/.test(userAgent)) return userAgent
      throw badOption(path, 'must be printable ASCII text')
    },
    costPerCall: real(0, 1_000_000, undefined)
  }
}

/** Origin and path (without the last slash) of a base URL. */
export function baseUrlParts (path: string, text: string): { origin: string, path: string } {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    const hidden = text.replace(/\/\/[^/]*@/, '//…@')
    throw badOption(path, `must be an http(s) URL such as "https://example.com", got ${shown(hidden)}`)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw badOption(path, 'must have no user name, password, query or fragment: only scheme, host, port and path')
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') }
}

export function checkFamilies (path: string, value: unknown): readonly (4 | 6)[] {
  if (!Array.isArray(value) || value.length === 0 || value.some(family => family !== 4 && family !== 6)) {
    throw badOption(path, `must be [4], [6] or [4, 6], got ${shown(value)}`)
  }
  return value
}
