import type { ProviderAnswer, UnknownAnswer } from '../../types/contract.ts'
import { burstFull, isBurst } from '../rate-limit/index.ts'
import { unknownAnswer } from '../verdict/index.ts'
import type { Layer, ProviderCall } from './layer.ts'

export interface BurstQueueOptions {
  /** Longer queues answer `overloaded`. */
  readonly maxWaiting: number
  /** Longest wait of a question that does not say how long somebody waits for it. */
  readonly longestMs: number
  readonly now: () => number
}

export interface BurstQueue {
  readonly layer: Layer
  close (): void
}

/** `turn`: ask again. `left`: the time is over, or nobody wants the answer any more. `full`: a write took the place. */
type Outcome = 'turn' | 'left' | 'full'
interface Waiter { readonly write: boolean, readonly end: (outcome: Outcome) => void }

/**
 * Smooths a burst: what the limit of a second refuses waits here and asks again, writes first. Only one of them tries at a time, and its
 * success lets the next one try, so that a long queue costs one question to the quota per turn. A waiting question holds no place in the
 * bulkhead, and is never asked once its time is over and nobody waits for it.
 */
export function burstQueue ({ maxWaiting, longestMs, now }: BurstQueueOptions): BurstQueue {
  /** Writes first, each kind in its order. */
  const waiting: Waiter[] = []
  let timer: NodeJS.Timeout | undefined
  let retryAt = 0
  let closed = false

  function next (): void {
    clearTimeout(timer)
    timer = undefined
    waiting.shift()?.end('turn')
  }

  function retryIn (waitMs: number): void {
    if (timer !== undefined || closed) return
    retryAt = now() + waitMs
    timer = setTimeout(next, waitMs)
  }

  /** Whoever has had a turn already stays ahead of its kind. */
  function wait ({ write, signal }: ProviderCall, leftMs: () => number, isAhead: boolean): Promise<Outcome> {
    if (closed || signal?.aborted === true || leftMs() <= Math.max(0, retryAt - now())) return Promise.resolve('left')
    if (waiting.length >= maxWaiting && !isAhead) {
      const last = waiting.at(-1)
      if (!write || last === undefined || last.write) return Promise.resolve('full')
      last.end('full')
    }
    return new Promise(resolve => {
      const waiter = { write, end }
      const leave = (): void => end('left')
      // Somebody else may have come to wait for the same answer.
      const check = (): void => {
        if (leftMs() <= 0) leave()
        else overdue = setTimeout(check, leftMs())
      }
      let overdue = setTimeout(check, leftMs())
      signal?.addEventListener('abort', leave, { once: true })
      const behind = waiting.findIndex(other => write ? !other.write || isAhead : isAhead && !other.write)
      waiting.splice(behind < 0 ? waiting.length : behind, 0, waiter)

      function end (outcome: Outcome): void {
        clearTimeout(overdue)
        signal?.removeEventListener('abort', leave)
        const at = waiting.indexOf(waiter)
        if (at >= 0) waiting.splice(at, 1)
        resolve(outcome)
      }
    })
  }

  return {
    layer: ask => async question => {
      if (question.bulk === true) return await ask(question) // waits for room by itself
      const begun = now()
      const { timeoutMs = Infinity } = question
      const leftMs = (): number => Math.min(question.leftMs?.() ?? longestMs - (now() - begun), timeoutMs - (now() - begun))
      let answer: ProviderAnswer = waiting.length === 0 ? await ask(question) : burstFull(retryAt - now())
      for (let turns = 0; isBurst(answer); turns++) {
        if (waiting.length === 0 || turns > 0) retryIn(waitOf(answer))
        const outcome = await wait(question, leftMs, turns > 0)
        if (outcome === 'full') return unknownAnswer('overloaded', `${maxWaiting} wait for their turn`)
        if (outcome === 'left') return answer
        let admitted = false
        answer = await ask({
          ...question,
          ...timeoutMs < Infinity && { timeoutMs: Math.max(1, timeoutMs - (now() - begun)) },
          admitted () {
            admitted = true
            next()
          }
        })
        if (!admitted && !isBurst(answer)) next()
      }
      return answer
    },
    close () {
      closed = true
      clearTimeout(timer)
      for (const waiter of [...waiting]) waiter.end('left')
    }
  }
}

function waitOf ({ retryAfterSeconds = 1 }: UnknownAnswer): number {
  return Math.max(1, Math.ceil(retryAfterSeconds * 1000))
}
