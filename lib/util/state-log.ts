/** A state that is logged when it begins and when it is over, and not each time that it shows. */
export interface Trouble {
  /** It showed. True: it begins, so log it. */
  shows (): boolean
  /** Something worked. True: it has not shown for a while, so it is over, and that may be logged. */
  works (): boolean
}

/** What comes and goes is one state: without this, a visitor could fill the log by asking for both in turn. */
const QUIET_MS = 60_000

export function trouble (now: () => number = () => performance.now(), quietMs: number = QUIET_MS): Trouble {
  let lastMs: number | undefined
  return {
    shows () {
      const begins = lastMs === undefined
      lastMs = now()
      return begins
    },
    works () {
      if (lastMs === undefined || now() - lastMs < quietMs) return false
      lastMs = undefined
      return true
    }
  }
}
