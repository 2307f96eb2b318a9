import type { ProviderAnswer, ProviderStats, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import { heldCause, unknownAnswer } from '../verdict/index.ts'
import type { Layer } from './layer.ts'

type State =
  | { readonly kind: 'closed', readonly failures: number }
  | { readonly kind: 'open', readonly until: number }
  | { readonly kind: 'probing', readonly by: object }

export interface BreakerOptions {
  readonly now: () => number
  /** Called on the way to open, with the last failure, and back to closed, with null. */
  readonly onChange: (failure: UnknownAnswer | null) => void
}

export interface Breaker {
  readonly layer: Layer
  /** For calls that do not pass the layer (bulk): why it is of no use to ask now, or null. */
  refusal (): UnknownAnswer | null
  /** Just before a call: null, or why not. A breaker that was open for its time lets one call through, to probe the provider. */
  admit (by: object): UnknownAnswer | null
  /** What came of a call of `by`. Only who probes can close the breaker. */
  record (answer: ProviderAnswer, by: object): void
  /** `by` records nothing more: a probe that brought nothing is left to the next one. */
  settle (by: object): void
  state (): ProviderStats['breaker']
}

const failuresToOpen = 5
const openMs = 10_000

/** The provider is dead, slow or out of its mind. Refusals (429, other 4xx) are the word of a provider that works. */
const failing: ReadonlySet<UnknownReason> = new Set(['timeout', 'unavailable', 'bad_response'])
/** Our own refusals: the provider was not asked. */
const notAsked: ReadonlySet<UnknownReason> = new Set(['not_asked', 'quota_exhausted', 'overloaded', 'unsupported_family'])
const openCause = 'breaker open'
export const closingCause = 'closing'

function isOurs ({ reason, cause }: UnknownAnswer): boolean {
  return notAsked.has(reason) || cause === openCause || cause === heldCause || cause === closingCause
}

/** Leaves a failing provider alone: 5 failures in a row, 10 s, then one call probes it while all others are answered at once. */
export function breaker ({ now, onChange }: BreakerOptions): Breaker {
  let state: State = { kind: 'closed', failures: 0 }

  function open (failure: UnknownAnswer, again: boolean): void {
    state = { kind: 'open', until: now() + openMs }
    if (!again) onChange(failure)
  }

  function record (answer: ProviderAnswer, by: object): void {
    // What was under way when it opened says nothing new.
    if (state.kind === 'open' || (state.kind === 'probing' && state.by !== by)) return
    if (answer.verdict === 'unknown' && isOurs(answer)) return
    const probes = state.kind === 'probing'
    const failures = state.kind === 'closed' ? state.failures + 1 : failuresToOpen
    if (answer.verdict === 'unknown' && failing.has(answer.reason)) {
      if (failures >= failuresToOpen) open(answer, probes)
      else state = { kind: 'closed', failures }
      return
    }
    state = { kind: 'closed', failures: 0 }
    if (probes) onChange(null)
  }

  function settle (by: object): void {
    if (state.kind === 'probing' && state.by === by) state = { kind: 'open', until: now() }
  }

  function refusal (): UnknownAnswer | null {
    const isOpen = state.kind === 'probing' || (state.kind === 'open' && now() < state.until)
    return isOpen ? unknownAnswer('unavailable', openCause) : null
  }

  function admit (by: object): UnknownAnswer | null {
    const refused = refusal()
    if (refused === null && state.kind === 'open') state = { kind: 'probing', by }
    return refused
  }

  return {
    refusal,
    admit,
    record,
    settle,
    state: () => state.kind,
    layer: next => async question => {
      const refused = admit(question)
      if (refused !== null) return refused
      try {
        const answer = await next(question)
        record(answer, question)
        return answer
      } finally {
        settle(question)
      }
    }
  }
}
