import type { IpRiskLogger, Provider, ProviderAnswer, UnknownAnswer } from '../../types/contract.ts'
import { isOwnRefusal } from '../rate-limit/index.ts'
import { type FailureState, failureState } from '../util/index.ts'
import { causeText, heldCause, kindOf, unknownAnswer } from '../verdict/index.ts'
import type { Layer, Pipeline } from './layer.ts'

/**
 * Logs what is wrong with one provider, besides an open circuit breaker and pauses: one line per state, with the fix.
 */
export interface Health {
  readonly layer: Layer
  see (answer: ProviderAnswer, question: Asked): void
  /**
   * The provider's own code threw. Only the kind of the error is kept: its message may quote a URL with a key in it.
   */
  threw (error: unknown): UnknownAnswer
}

interface Asked { readonly write: boolean, readonly bulk?: boolean | undefined }

/** A provider may give another cause each time: at most this many are logged until a call succeeds. */
const MAX_STATES = 8

export function health ({ name, limits }: Provider, log: IpRiskLogger, now: () => number): Health {
  const states = new Map<string, FailureState>()

  function begins (code: string, cause: string | undefined): boolean {
    const key = `${code} ${cause}`
    let state = states.get(key)
    if (state === undefined) {
      if (states.size >= MAX_STATES) return false
      states.set(key, state = failureState(now))
    }
    return state.failed()
  }

  function see (answer: ProviderAnswer, { write, bulk }: Asked): void {
    if (answer.verdict === 'unknown' && answer.reason !== 'no_data') unknown(answer, write, bulk === true)
    else if (states.size > 0) works()
  }

  function unknown (answer: UnknownAnswer, write: boolean, bulk: boolean): void {
    const { reason, alert, retryAfterSeconds } = answer
    const cause = causeText(answer.cause)
    // A bulk waits until the quota allows calls.
    if (reason === 'quota_exhausted') {
      if (!bulk && (isOwnRefusal(answer) || retryAfterSeconds === undefined)) exhausted(write)
    } else if (reason === 'rejected' && cause !== heldCause && retryAfterSeconds === undefined) {
      if (!begins('IP_RISK_PROVIDER_REJECTED', cause)) return
      const fields = { code: 'IP_RISK_PROVIDER_REJECTED', provider: name, cause }
      if (alert !== undefined) log.error(fields, alert)
      else {
        log.warn(fields, 'the provider rejects our calls, so those addresses are unknown: check its options')
      }
    } else if (reason === 'bad_response' && begins('IP_RISK_PROVIDER_BAD_RESPONSE', cause)) {
      log.warn({ code: 'IP_RISK_PROVIDER_BAD_RESPONSE', provider: name, cause },
        'the provider\'s answers are not understood, so those addresses are unknown: check "baseUrl", and what a ' +
        'provider of your own returns')
    }
  }

  function exhausted (write: boolean): void {
    const code = write ? 'IP_RISK_QUOTA_EXHAUSTED' : 'IP_RISK_QUOTA_READS_EXHAUSTED'
    if (!begins(code, undefined)) return
    const fields = { provider: name, ...limits }
    if (write) {
      log.warn({ code: 'IP_RISK_QUOTA_EXHAUSTED', ...fields },
        'the calls that "limits" allows are spent: addresses that are not cached are unknown, on writes too. Raise ' +
        '"limits" if the service allows more, or put a provider with data of its own behind it: fallback(…, lists())')
    } else {
      log.warn({ code: 'IP_RISK_QUOTA_READS_EXHAUSTED', ...fields },
        'the calls that "limits" and "reserveForWrites" leave to reads are spent: addresses that are not cached are ' +
        'unknown on reads. Let fewer routes wait for a lookup, or raise "limits" if the service allows more')
    }
  }

  function works (): void {
    for (const [key, state] of states) {
      if (!state.recovered()) continue
      states.delete(key)
      const was = key.split(' ', 1)[0]
      log.info({ code: 'IP_RISK_PROVIDER_RECOVERED', provider: name, was }, 'the provider works again')
    }
  }

  return {
    layer: next => async question => {
      const answer = await next(question)
      see(answer, question)
      return answer
    },
    see,
    threw (error) {
      const cause = kindOf(error)
      if (begins('IP_RISK_PROVIDER_THREW', cause)) {
        log.error({ code: 'IP_RISK_PROVIDER_THREW', provider: name, cause },
          'the provider\'s own code threw, so those addresses are unknown: fix its lookup() or bulk(), or let it ' +
          'return { verdict: \'unknown\', reason }')
      }
      return unknownAnswer('unavailable', cause)
    }
  }
}

/** Answers in a row that came after every request had stopped waiting. */
const LATE_IN_A_ROW = 5

/**
 * Logs a provider that answers later than every request waits: nothing fails, and yet no first visit gets a verdict.
 */
export function watchLateness (
  ask: Pipeline['ask'], provider: string, log: IpRiskLogger, now: () => number
): Pipeline['ask'] {
  const state = failureState(now)
  let late = 0
  return async (ip, options) => {
    const answer = await ask(ip, options)
    if (answer.verdict === 'unknown' || options.leftMs === undefined) return answer
    if (options.leftMs() > 0) {
      late = 0
      if (state.recovered()) {
        log.info({ code: 'IP_RISK_PROVIDER_RECOVERED', provider, was: 'IP_RISK_PROVIDER_LATE' },
          'the provider answers in time again')
      }
    } else if (++late >= LATE_IN_A_ROW && state.failed()) {
      log.warn({ code: 'IP_RISK_PROVIDER_LATE', provider },
        `the provider's last ${LATE_IN_A_ROW} answers came later than any request waited for them, so first visits ` +
        'are unknown (timeout): raise "timeoutMs" of the routes, or use a faster provider')
    }
    return answer
  }
}

/** Causes of failure: pattern, what it means, the fix. The first match counts. */
const diagnoses: readonly (readonly [RegExp, string, string])[] = [
  [/^(ENOTFOUND|EAI_)/, 'DNS', 'the host of "baseUrl" does not resolve: check its name, and the DNS of this machine'],
  [/^ECONNREFUSED/, 'connection refused', 'nothing listens there: check "baseUrl", and the firewall'],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH)/, 'no connection',
    'check the firewall and the routes out of this machine'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)/, 'connection lost',
    'the other side closes connections: check "baseUrl" and what is between'],
  [/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/, 'TLS',
    'the certificate is not accepted: check the host of "baseUrl", the clock and NODE_EXTRA_CA_CERTS'],
  [/^HTTP 5/, 'the service',
    'the service itself fails, which only its operator can fix. fallback() keeps answers coming'],
  [/^GetIPIntel -4/, 'the service', 'its database is being updated; it comes back by itself']
]

/** Why a circuit breaker opened, and what helps. */
export function diagnosis ({ reason, cause }: UnknownAnswer): { readonly cause: string, readonly fix: string } {
  const text = causeText(cause) ?? reason
  if (reason === 'timeout') return { cause: 'timeout', fix: 'raise its "timeoutMs" if the service is only slow' }
  if (reason === 'bad_response') return { cause: text, fix: 'check "baseUrl", and what a provider of your own returns' }
  const found = diagnoses.find(([pattern]) => pattern.test(text))
  if (found === undefined) return { cause: text, fix: 'the cause is the provider\'s own' }
  return { cause: `${found[1]} (${text})`, fix: found[2] }
}
