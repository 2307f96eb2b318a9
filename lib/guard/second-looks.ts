import type { ProviderAnswer } from '../../types/contract.ts'
import type { Question } from './question.ts'

/** More waiting second looks than this are not worth their memory. */
const maxWaiting = 1_000

export interface SecondLooks {
  add (ip: string, delayMs: number, look: Question['look']): void
  close (): void
}

/** Asks again after a while, behind the same guards and from the reads' part of the budget; only a known answer counts. */
export function secondLooks (
  ask: (ip: string, look: Question['look']) => Promise<ProviderAnswer>, settled: (ip: string, answer: ProviderAnswer) => void
): SecondLooks {
  const waiting = new Set<NodeJS.Timeout>()
  return {
    add (ip, delayMs, look) {
      if (waiting.size >= maxWaiting) return
      const timer = setTimeout(async () => {
        waiting.delete(timer)
        const answer = await ask(ip, look)
        if (answer.verdict !== 'unknown') settled(ip, answer)
      }, delayMs).unref()
      waiting.add(timer)
    },
    close () {
      for (const timer of waiting) clearTimeout(timer)
      waiting.clear()
    }
  }
}
