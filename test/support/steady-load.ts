import type { Engine } from '../../lib/core/engine.ts'
import type { KnownAnswer, Provider } from '../../types/contract.ts'
import { answerAbout } from './counting-provider.ts'

/** Knows the truth about every address, after a few milliseconds. */
export function truthfulProvider (): Provider & { readonly calls: number } {
  let calls = 0
  return {
    name: 'truthful',
    maxConcurrent: 1000, // a machine that is busy elsewhere sends requests in heaps
    get calls () { return calls },
    async lookup (ip) {
      calls++
      await new Promise(resolve => setTimeout(resolve, 5))
      return answerAbout(ip)
    }
  }
}

export interface SteadyLoad {
  /** Requests that were answered so far. */
  readonly answered: number
  /** What went wrong, by its reason; the time limit of a request is the bound on its wait. */
  readonly wrong: string[]
  stop (): Promise<void>
}

/** A hundred lookups a second, half of them of addresses never seen before. */
export function steadyLoad (engine: Engine, timeoutMs: number): SteadyLoad {
  const wrong: string[] = []
  const underWay = new Set<Promise<void>>()
  let answered = 0
  let sent = 0
  const timer = setInterval(() => {
    for (let i = 0; i < 2; i++) {
      const number = sent++
      const ip = number % 2 === 0 ? `198.51.100.${number % 50}` : `203.0.${(number >> 8) & 255}.${number & 255}`
      const request = ask(ip).finally(() => underWay.delete(request))
      underWay.add(request)
    }
  }, 20)

  async function ask (ip: string): Promise<void> {
    try {
      const { answer } = await engine.lookup(ip, { mode: 'wait', write: false, timeoutMs })
      const truth = answerAbout(ip)
      if (answer.verdict === 'unknown') wrong.push(`${ip}: ${answer.reason}`)
      else if (answer.verdict !== truth.verdict || (answer as KnownAnswer).info.org !== truth.info.org) wrong.push(`${ip}: ${answer.verdict}`)
    } catch (err) {
      wrong.push(`${ip} threw: ${err}`)
    }
    answered++
  }

  return {
    get answered () { return answered },
    wrong,
    async stop () {
      clearInterval(timer)
      await Promise.all(underWay)
    }
  }
}
