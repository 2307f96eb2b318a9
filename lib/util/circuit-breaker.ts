/**
 * A circuit breaker. Closed: every call passes. Open: no call passes until it was open for `openMs`. Half-open: one
 * call, the probe, passes, and its outcome closes or opens the circuit.
 */
export interface CircuitBreaker {
  readonly state: 'closed' | 'open' | 'half_open'
  /** Whether the next call would be admitted. */
  readonly admits: boolean
  /** Just before a call. The first call after `openMs` is the probe. */
  admit (call: object): boolean
  /**
   * The outcome of a call. While the circuit is open or half-open, only the probe's counts: older calls say nothing
   * new.
   */
  succeeded (call: object): void
  failed (call: object, cause: unknown): void
  /** The call ends without an outcome: if it was the probe, the next call is. */
  settle (call: object): void
  /** There is a reason to believe that it works again: the next call may be the probe. */
  retryNow (): void
}

interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. */
  readonly failures: number
  readonly openMs: number
  readonly now: () => number
  /** Once for each change between closed and not closed. */
  readonly onChange: (state: 'open' | 'closed', cause?: unknown) => void
}

export function circuitBreaker (
  { failures: failuresToOpen, openMs, now, onChange }: CircuitBreakerOptions
): CircuitBreaker {
  let state: CircuitBreaker['state'] = 'closed'
  let failures = 0
  let openUntilMs = 0
  let probe: object | undefined

  function counts (call: object): boolean {
    return state === 'closed' || (state === 'half_open' && probe === call)
  }

  function admits (): boolean {
    return state === 'closed' || (state === 'open' && now() >= openUntilMs)
  }

  return {
    get state () { return state },
    get admits () { return admits() },
    admit (call) {
      if (!admits()) return false
      if (state === 'open') {
        state = 'half_open'
        probe = call
      }
      return true
    },
    succeeded (call) {
      if (!counts(call)) return
      const wasClosed = state === 'closed'
      state = 'closed'
      failures = 0
      if (!wasClosed) onChange('closed')
    },
    failed (call, cause) {
      if (!counts(call)) return
      const wasClosed = state === 'closed'
      if (wasClosed && ++failures < failuresToOpen) return
      state = 'open'
      openUntilMs = now() + openMs
      if (wasClosed) onChange('open', cause)
    },
    settle (call) {
      if (state !== 'half_open' || probe !== call) return
      state = 'open'
      openUntilMs = now()
    },
    retryNow () { openUntilMs = 0 }
  }
}
