import type { UnknownAnswer } from '../../../types/contract.ts'

/** How long a provider that refuses our account (not the address) is left alone. */
const refusedAccountSeconds = 60

/** What a status other than 2xx means. */
export function statusAnswer (status: number, retryAfter: string | string[] | undefined, now: number = Date.now()): UnknownAnswer {
  const cause = `HTTP ${status}`
  if (status === 429) {
    const retryAfterSeconds = parseRetryAfter(retryAfter, now)
    return { verdict: 'unknown', reason: 'rate_limited', cause, ...retryAfterSeconds !== null && { retryAfterSeconds } }
  }
  if (status === 401 || status === 402 || status === 403) {
    return { verdict: 'unknown', reason: 'rejected', retryAfterSeconds: refusedAccountSeconds, cause, alert: accountAlert(status) }
  }
  if (status >= 500) return { verdict: 'unknown', reason: 'unavailable', cause }
  if (status < 400) return { verdict: 'unknown', reason: 'bad_response', cause }
  return {
    verdict: 'unknown',
    reason: 'rejected',
    cause,
    alert: `The provider's service answers HTTP ${status}, so addresses are unknown: check the option "baseUrl" (host and path), and what is asked there.`
  }
}

function accountAlert (status: 401 | 402 | 403): string {
  const fix = status === 403
    ? 'check the account, whether this machine\'s source address may call, and the option "userAgent"'
    : status === 402 ? 'check the plan and its payment' : 'check the key or the account'
  return `The provider's service refuses our calls with HTTP ${status}, so they stop for a minute: ${fix}.`
}

/** RFC 9110 §10.2.3: seconds or an HTTP date, to whole seconds from now; at most a day. null: not given, or nonsense. */
export function parseRetryAfter (value: string | string[] | undefined, now: number): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim()
  if (text === undefined) return null
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : /^[A-Z][a-z]{2},/.test(text) ? Math.ceil((Date.parse(text) - now) / 1000) : NaN
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), 86_400)
}

/** What a failed call means. Of the error only its code is kept: a message may quote an address, a header or a body. */
export function failureAnswer (error: unknown, signal: AbortSignal): UnknownAnswer {
  if (signal.aborted) return { verdict: 'unknown', reason: 'timeout' }
  const { name, code = name } = error as { name?: string, code?: string }
  // The other side does not speak HTTP, or not within bounds. (undici gives parser errors a code only sometimes.)
  const garbage = name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW'
  return { verdict: 'unknown', reason: garbage ? 'bad_response' : 'unavailable', cause: code }
}
