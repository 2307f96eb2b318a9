import type { ProviderAnswer, ProviderStats, UnknownReason } from '../../types/contract.ts'
import { unknownAnswer } from '../verdict/answers.ts'
import type { Layer } from './question.ts'

type State =
  | { readonly kind: 'closed', readonly failures: number }
  | { readonly kind: 'open', readonly until: number }
  | { readonly kind: 'probing' }

export interface BreakerOptions {
  readonly now: () => number
  /** Called on the way to open, and back to closed. */
  readonly onChange: (kind: 'open' | 'closed', reason?: UnknownReason) => void
}

export interface Breaker {
  readonly layer: Layer
  /** For calls that do not pass the layer (bulk): whether to ask, and what came of it. */
  isOpen (): boolean
  record (answer: ProviderAnswer): void
  state (): ProviderStats['breaker']
}

const failuresToOpen = 5
const openMs = 10_000

/** The provider is dead, slow or out of its mind. Refusals (429, other 4xx) are the word of a provider that works. */
const failing: ReadonlySet<UnknownReason> = new Set(['timeout', 'unavailable', 'bad_response'])
/** Our own refusals: the provider was not asked. */
const notAsked: ReadonlySet<UnknownReason> = new Set(['quota_exhausted', 'overloaded', 'unsupported_family'])

/** Leaves a failing provider alone: 5 failures in a row, 10 s, then one call probes it while all others are answered at once. */
export function breaker ({ now, onChange }: BreakerOptions): Breaker {
  let state: State = { kind: 'closed', failures: 0 }

  function open (reason: UnknownReason, again: boolean): void {
    state = { kind: 'open', until: now() + openMs }
    if (!again) onChange('open', reason)
  }

  function record (answer: ProviderAnswer): void {
    // What was under way when it opened says nothing new.
    if (state.kind !== 'closed') return
    const reason = answer.verdict === 'unknown' ? answer.reason : null
    if (reason !== null && notAsked.has(reason)) return
    const failures = reason !== null && failing.has(reason) ? state.failures + 1 : 0
    if (reason !== null && failures >= failuresToOpen) open(reason, false)
    else state = { kind: 'closed', failures }
  }

  function recordProbe (answer: ProviderAnswer): void {
    const reason = answer.verdict === 'unknown' ? answer.reason : null
    if (reason !== null && notAsked.has(reason)) state = { kind: 'open', until: now() }
    else if (reason !== null && failing.has(reason)) open(reason, true)
    else {
      state = { kind: 'closed', failures: 0 }
      onChange('closed')
    }
  }

  const isOpen = (): boolean => state.kind === 'probing' || (state.kind === 'open' && now() < state.until)

  return {
    isOpen,
    record,
    state: () => state.kind,
    layer: next => async question => {
      if (isOpen()) return unknownAnswer('unavailable', 'breaker open')
      if (state.kind === 'closed') {
        const answer = await next(question)
        record(answer)
        return answer
      }
      state = { kind: 'probing' }
      const answer = await next(question)
      recordProbe(answer)
      return answer
    }
  }
}
