import type { ProviderAnswer, UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import { type CircuitBreaker, circuitBreaker } from '../util/index.ts'
import { heldCause, unknownAnswer } from '../verdict/index.ts'
import type { Layer } from './layer.ts'

interface ProviderCircuitOptions {
  readonly now: () => number
  /** Once for each change: with the last failure when it opens, with null when it closes. */
  readonly onChange: (failure: UnknownAnswer | null) => void
}

/** The circuit breaker of one provider. */
export interface ProviderCircuit {
  readonly layer: Layer
  readonly state: CircuitBreaker['state']
  /** For calls that do not pass the layer (bulk): why a call would be refused now, or null. */
  refusal (): UnknownAnswer | null
  /** Just before a call: null, or why it is refused. The first call after the open time is the probe. */
  admit (call: object): UnknownAnswer | null
  /** The answer to a call. While the circuit is not closed, only the probe's counts. */
  record (answer: ProviderAnswer, call: object): void
  /** The call has no further answers. A probe without an outcome leaves the next call to be the probe. */
  settle (call: object): void
}

const failuresToOpen = 5
const openMs = 10_000

/** Reasons that count as failures. A 429 or another 4xx comes from a service that works. */
const failing: ReadonlySet<UnknownReason> = new Set(['timeout', 'unavailable', 'bad_response'])
/** Our own refusals: the provider was not called. */
const notCalled: ReadonlySet<UnknownReason> = new Set([
  'not_asked', 'quota_exhausted', 'overloaded', 'unsupported_family'
])
const openCause = 'breaker open'
export const closingCause = 'closing'

function isOurs ({ reason, cause }: UnknownAnswer): boolean {
  return notCalled.has(reason) || cause === openCause || cause === heldCause || cause === closingCause
}

/** Opens after 5 failures in a row. After 10 s one call probes the provider; meanwhile all others are refused. */
export function providerCircuit ({ now, onChange }: ProviderCircuitOptions): ProviderCircuit {
  const circuit = circuitBreaker({
    failures: failuresToOpen,
    openMs,
    now,
    onChange: (state, cause) => onChange(state === 'open' ? cause as UnknownAnswer : null)
  })
  const refused = unknownAnswer('unavailable', openCause)

  function record (answer: ProviderAnswer, call: object): void {
    if (answer.verdict === 'unknown' && isOurs(answer)) return
    if (answer.verdict === 'unknown' && failing.has(answer.reason)) circuit.failed(call, answer)
    else circuit.succeeded(call)
  }

  return {
    get state () { return circuit.state },
    refusal: () => circuit.admits ? null : refused,
    admit: call => circuit.admit(call) ? null : refused,
    record,
    settle: circuit.settle,
    layer: next => async question => {
      if (!circuit.admit(question)) return refused
      try {
        const answer = await next(question)
        record(answer, question)
        return answer
      } finally {
        circuit.settle(question)
      }
    }
  }
}
