import type { ProviderAnswer } from '../../types/contract.ts'
import type { ProviderCall } from './layer.ts'

/** More waiting second looks than this are not worth their memory. */
const maxWaiting = 1_000

export interface DeferredLookups {
  add (ip: string, delayMs: number, look: ProviderCall['look']): void
  close (): void
}

/**
 * Asks once more about an address after a while, behind the same guards and from the reads' part of the budget, so that writes keep theirs.
 * `settled` gets what came of it.
 */
export function deferredLookups (
  ask: (ip: string, look: ProviderCall['look']) => Promise<ProviderAnswer>, settled: (ip: string, answer: ProviderAnswer) => void
): DeferredLookups {
  const waiting = new Map<string, NodeJS.Timeout>()
  return {
    add (ip, delayMs, look) {
      if (waiting.has(ip) || waiting.size >= maxWaiting) return
      const timer = setTimeout(async () => {
        waiting.delete(ip)
        settled(ip, await ask(ip, look))
      }, delayMs).unref()
      waiting.set(ip, timer)
    },
    close () {
      for (const timer of waiting.values()) clearTimeout(timer)
      waiting.clear()
    }
  }
}
