import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when it is so. Rejects when it is not so for a minute, longer than any test needs on a slow machine. */
export async function until (isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = AbortSignal.timeout(60_000)
  while (!await isSo()) {
    if (end.aborted) throw new Error(`Still not so after a minute: ${isSo}`)
    await sleep(5)
  }
}
