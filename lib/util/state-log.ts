/** A state that is logged when it begins and when it is over, and not each time that it shows. */
export interface FailureState {
  /** It showed. True: it begins, so log it. */
  failed (): boolean
  /** Something worked. True: it has not shown for a while, so it is over, and that may be logged. */
  recovered (): boolean
}

/** What comes and goes is one state: without this, a visitor could fill the log by asking for both in turn. */
const QUIET_MS = 60_000

export function failureState (now: () => number = () => performance.now(), quietMs: number = QUIET_MS): FailureState {
  let lastMs: number | undefined
  return {
    failed () {
      const begins = lastMs === undefined
      lastMs = now()
      return begins
    },
    recovered () {
      if (lastMs === undefined || now() - lastMs < quietMs) return false
      lastMs = undefined
      return true
    }
  }
}
