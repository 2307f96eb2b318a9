import type { IpRiskLogger } from '../../types/contract.ts'

/** Publishes statements at once or, if Redis does not accept them, later. */
interface Outbox {
  /** Resolves after the first attempt. Never rejects. */
  publish (run: () => Promise<unknown>): Promise<void>
  /** Tries what failed again. */
  retry (): void
  /** Waits for what is being published, then tries what failed for the last time. Never rejects. */
  close (): Promise<void>
}

/** Most statements that wait for Redis: more than a support desk makes during an outage. */
const MAX_WAITING = 1000

/** `onDelayed` is called when something has to be tried again. */
export function createOutbox (log: IpRiskLogger, onDelayed: () => void): Outbox {
  const waiting: (() => Promise<unknown>)[] = []
  const running = new Set<Promise<void>>()
  /** Those that Redis has not taken yet: they wait, or are being tried again. */
  let late = 0
  let loggedDelay = false
  let loggedLoss = false
  let isLast = false

  async function publish (run: () => Promise<unknown>, again = false): Promise<void> {
    const attempt = tryTo(run, again)
    running.add(attempt)
    await attempt
    running.delete(attempt)
  }

  async function tryTo (run: () => Promise<unknown>, again: boolean): Promise<void> {
    try {
      await run()
      if (again) late--
      if (late === 0 && !isLast) loggedDelay = loggedLoss = false
    } catch (err) {
      if (again) late--
      const reason = err instanceof Error ? err.message : String(err)
      if (isLast) lost(reason)
      else delayed(reason, run)
    }
  }

  function delayed (reason: string, run: () => Promise<unknown>): void {
    if (!loggedDelay) {
      log.warn({ code: 'IP_RISK_BROADCAST_DELAYED', reason },
        'allow(), deny(), revoke() and invalidate() have an effect in this process only until Redis accepts them: ' +
        'check that it runs and lets this user write')
    }
    loggedDelay = true
    if (waiting.length < MAX_WAITING) {
      late++
      waiting.push(run)
    } else lost('too many wait already')
    onDelayed()
  }

  function lost (reason: string): void {
    if (!loggedLoss) {
      log.error({ code: 'IP_RISK_BROADCAST_LOST', reason }, 'Redis has not taken an allow(), deny(), revoke() or ' +
        'invalidate(), and this process does not try again: repeat it when Redis works again')
    }
    loggedLoss = true
  }

  return {
    publish: async run => await publish(run),
    retry () { for (const run of waiting.splice(0)) publish(run, true) },
    async close () {
      await Promise.all(running)
      isLast = true
      loggedLoss = false
      await Promise.all(waiting.splice(0).map(async run => await publish(run, true)))
    }
  }
}
