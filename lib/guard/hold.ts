import type { IpRiskLogger, ProviderAnswer, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import type { Layer } from './question.ts'

/** Marks the answers that come from a pause and not from the provider. */
export const heldCause = 'held'

export interface HoldOptions {
  readonly provider: string
  readonly now: () => number
  readonly log: IpRiskLogger
  /** How long a 429 without Retry-After holds: until its window is over for sure. */
  readonly windowMs: number
  /** Tells the other processes. */
  readonly tell: (reason: UnknownReason, forMs: number) => void
}

/** Nobody calls a provider that said "not now": a 429, a ban, a refused account. */
export interface Hold {
  readonly layer: Layer
  /** The answer while it lasts, else null. */
  check (): UnknownAnswer | null
  /** An answer that came from the provider itself. */
  see (answer: ProviderAnswer): void
  /** Another process was told. */
  hear (reason: UnknownReason, forMs: number): void
}

export function hold ({ provider, now, log, windowMs, tell }: HoldOptions): Hold {
  let held: { reason: UnknownReason, until: number } | null = null

  /** Says whether this is news. */
  function begin (reason: UnknownReason, forMs: number): boolean {
    const until = now() + forMs
    const news = held === null || held.reason !== reason || held.until <= now()
    if (held === null || held.until < until) held = { reason, until }
    return news
  }

  function check (): UnknownAnswer | null {
    if (held === null) return null
    const leftMs = held.until - now()
    if (leftMs > 0) return { verdict: 'unknown', reason: held.reason, retryAfterSeconds: leftMs / 1000, cause: heldCause }
    held = null
    log.info({ provider }, 'provider may be called again')
    return null
  }

  return {
    check,
    layer: next => async question => check() ?? await next(question),
    see (answer) {
      if (answer.verdict !== 'unknown' || answer.cause === heldCause) return
      const { reason, retryAfterSeconds, alert, cause } = answer
      if (reason !== 'rate_limited' && (reason !== 'rejected' || retryAfterSeconds === undefined)) return
      const forMs = retryAfterSeconds === undefined ? windowMs : Math.max(retryAfterSeconds * 1000, 1000)
      const news = begin(reason, forMs)
      tell(reason, forMs)
      if (!news) return
      const fields = { provider, reason, cause, holdSeconds: Math.ceil(forMs / 1000) }
      if (alert === undefined) log.warn(fields, 'provider refuses our calls, so nobody calls it for a while')
      else log.error(fields, alert)
    },
    hear (reason, forMs) {
      if (begin(reason, forMs)) log.warn({ provider, reason, holdSeconds: Math.ceil(forMs / 1000) }, 'another process was refused, so nobody calls')
    }
  }
}
