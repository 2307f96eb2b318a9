import type { IpRiskLogger } from '../../types/contract.ts'

/** Redis answers, and takes nothing: it is full, read-only, or forbids it. Said once, and once when it takes entries again. */
export interface Refusals {
  refused (reason: string): void
  accepted (): void
}

/** In a Cluster one node may refuse what the others take: it is over when nobody refused for so long. */
const QUIET_MS = 5000

export function createRefusals (log: IpRiskLogger, now: () => number): Refusals {
  let lastMs: number | undefined
  return {
    refused (reason) {
      if (lastMs === undefined) {
        log.warn({ code: 'IP_RISK_REDIS_REFUSES_WRITES', reason }, 'Redis refuses what is to be stored: verdicts are not shared until it does not. ' +
          'Give it memory, a primary to write to, or the permission that the reason names')
      }
      lastMs = now()
    },
    accepted () {
      if (lastMs === undefined || now() - lastMs < QUIET_MS) return
      lastMs = undefined
      log.info({}, 'Redis stores again: verdicts are shared')
    }
  }
}
