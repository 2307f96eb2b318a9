import type { IpRiskLogger, ProviderAnswer, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import { isOwnRefusal } from '../rate-limit/index.ts'
import { type FailureState, failureState } from '../util/index.ts'
import { causeText, heldCause } from '../verdict/index.ts'
import type { Layer } from './layer.ts'

interface RetryAfterOptions {
  readonly provider: string
  readonly now: () => number
  readonly log: IpRiskLogger
  /** How long a 429 without Retry-After pauses: until its window is over for sure. */
  readonly windowMs: number
  /** Tells the other processes about a pause. */
  readonly publish: (reason: UnknownReason, forMs: number) => void
}

/** Pauses all calls to a provider that ordered it: by a 429, a ban, or a refused account. */
export interface RetryAfter {
  readonly layer: Layer
  /** The answer during a pause, else null. */
  check (): UnknownAnswer | null
  /** An answer that came from the provider itself. */
  see (answer: ProviderAnswer): void
  /** Another process began a pause. */
  receive (reason: UnknownReason, forMs: number): void
}

/** A provider may give another cause each time: at most this many are logged. */
const MAX_STATES = 8
/**
 * Without a refusal for so long, the state is over: a provider that refuses some calls again and again is in one
 * state.
 */
const quietMs = 300_000
/** The longest pause: a month, and a day for other time zones. */
const longestMs = 32 * 86_400_000

/** Reasons that pause: always after a 429, otherwise for the time that the answer names. */
const pausing: ReadonlySet<UnknownReason> = new Set(['rate_limited', 'rejected', 'quota_exhausted'])

export function retryAfter ({ provider, now, log, windowMs, publish }: RetryAfterOptions): RetryAfter {
  let held: { reason: UnknownReason, until: number } | null = null
  /** By reason and cause, so that a pause that recurs is logged once. */
  const states = new Map<string, FailureState>()

  function begin (reason: UnknownReason, forMs: number, cause: string | undefined): boolean {
    const until = now() + forMs
    if (held === null || held.until < until) held = { reason, until }
    // Another process gives no cause: where the reason is known, there is nothing new to log.
    const known = cause === undefined ? [...states.keys()].find(key => key.startsWith(`${reason} `)) : undefined
    const key = known ?? `${reason} ${cause}`
    let state = states.get(key)
    if (state === undefined) {
      if (states.size >= MAX_STATES) return false
      states.set(key, state = failureState(now, quietMs))
    }
    return state.failed()
  }

  function works (): void {
    for (const [key, state] of states) if (state.recovered()) states.delete(key)
    if (states.size > 0) return
    log.info({ code: 'IP_RISK_PROVIDER_RELEASED', provider }, 'the provider has not refused a call for five minutes')
  }

  function check (): UnknownAnswer | null {
    if (held === null) return null
    const leftMs = held.until - now()
    if (leftMs > 0) {
      return { verdict: 'unknown', reason: held.reason, retryAfterSeconds: leftMs / 1000, cause: heldCause }
    }
    held = null
    return null
  }

  return {
    check,
    layer: next => async question => check() ?? await next(question),
    see (answer) {
      if (answer.verdict !== 'unknown') {
        if (states.size > 0) works()
        return
      }
      if (answer.cause === heldCause) return
      const { reason, retryAfterSeconds, alert } = answer
      if (isOwnRefusal(answer) || !pausing.has(reason)) return
      if (reason !== 'rate_limited' && retryAfterSeconds === undefined) return
      const orderedMs = Number(retryAfterSeconds) * 1000 // a provider of others may give anything
      const forMs = Number.isNaN(orderedMs) ? windowMs : Math.min(Math.max(orderedMs, 1000), longestMs)
      const cause = causeText(answer.cause)
      const isNew = begin(reason, forMs, cause)
      publish(reason, forMs)
      if (!isNew) return
      const fields = { code: 'IP_RISK_PROVIDER_HELD', provider, reason, cause, holdSeconds: Math.ceil(forMs / 1000) }
      if (alert !== undefined) log.error(fields, alert)
      else {
        log.warn(fields, 'the provider refuses our calls, so no process calls it for a while: make fewer calls ' +
          '("limits"), or get a larger plan')
      }
    },
    receive (reason, forMs) {
      if (!begin(reason, forMs, undefined)) return
      log.warn({ code: 'IP_RISK_PROVIDER_HELD', provider, reason, holdSeconds: Math.ceil(forMs / 1000) },
        'the provider refused a call of another process, whose log says why, so no process calls it for a while')
    }
  }
}
