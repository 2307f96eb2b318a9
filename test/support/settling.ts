import type { ProviderAnswer, SettlingProvider, VerdictName } from '../../types/contract.ts'
import { answer } from './table-provider.ts'

/** Its first answers in this order, then the last one again; the final ones when the test gives them to those in `begun`. */
export function settlingProvider (begun: ((answer: ProviderAnswer) => void)[], ...firsts: readonly VerdictName[]): SettlingProvider {
  let asked = 0
  return {
    name: 'settling',
    settlesAfterMs: 1,
    async lookup (_ip, { later }) {
      later?.(1, async () => await new Promise(resolve => begun.push(resolve)))
      return answer(firsts[Math.min(asked++, firsts.length - 1)]!)
    }
  }
}
