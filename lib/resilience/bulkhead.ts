import { LRUCache } from 'lru-cache'
import type { ProviderAnswer, UnknownAnswer } from '../../types/contract.ts'
import { subnetOf } from '../ip/index.ts'
import { burstFull, isBurst } from '../rate-limit/index.ts'
import { unknownAnswer } from '../verdict/index.ts'
import type { Layer, ProviderCall } from './layer.ts'

/** At most `limit` calls in flight; further ones are refused at once. */
export function bulkhead (limit: number): Layer {
  let inFlight = 0
  return next => async question => {
    if (inFlight >= limit) return unknownAnswer('overloaded', `${limit} calls in flight`)
    inFlight++
    try {
      return await next(question)
    } finally {
      inFlight--
    }
  }
}

const lookupsPerSubnet = 10
const subnetWindowMs = 60_000
/** Bounds the memory to about 2 MB. A visitor with more /64s than these meets the quota. */
const subnetsKept = 10_000

interface SubnetBound {
  readonly layer: Layer
  /** Whether no address of its /64 may be looked up now. */
  isFull (ip: string): boolean
}

/**
 * One visitor has 2^64 addresses: each IPv6 /64 gets 10 lookups in any minute, so that it cannot spend the quota of
 * all.
 */
export function subnetBound (now: () => number): SubnetBound {
  let askedAt: LRUCache<string, number[]> | undefined // made on use: it reserves its memory at once
  const recent = (subnet: string): number[] =>
    (askedAt?.get(subnet) ?? []).filter(time => time > now() - subnetWindowMs)

  return {
    layer: next => async question => {
      const subnet = question.bulk === true ? undefined : subnetOf(question.ip)
      if (subnet === undefined) return await next(question)
      const at = now()
      const times = recent(subnet)
      if (times.length >= lookupsPerSubnet) return unknownAnswer('overloaded', 'too many cold addresses from one /64')
      askedAt ??= new LRUCache({ max: subnetsKept })
      askedAt.set(subnet, [...times, at])
      const answer = await next(question)
      if (isBurst(answer)) forget(subnet, at) // no call was made
      return answer
    },
    isFull (ip) {
      const subnet = subnetOf(ip)
      return subnet !== undefined && recent(subnet).length >= lookupsPerSubnet
    }
  }

  function forget (subnet: string, at: number): void {
    const times = askedAt?.peek(subnet)
    const place = times?.indexOf(at) ?? -1
    if (place >= 0) times!.splice(place, 1)
  }
}

/** Refuses addresses of a family that the provider does not know. */
export function onlyFamilies (families: readonly (4 | 6)[]): Layer {
  return next => async question => {
    const family = question.ip.includes(':') ? 6 : 4
    return families.includes(family) ? await next(question) : unknownAnswer('unsupported_family')
  }
}

interface BurstQueueOptions {
  /** Longer queues answer `overloaded`. */
  readonly maxWaiting: number
  /** Longest wait of a call without `leftMs`. */
  readonly longestMs: number
  readonly now: () => number
}

interface BurstQueue {
  readonly layer: Layer
  close (): void
}

/**
 * `turn`: try again. `left`: its time is over, or the answer is not wanted any more. `full`: a write took its place.
 */
type Outcome = 'turn' | 'left' | 'full'
interface Waiter { readonly write: boolean, readonly end: (outcome: Outcome) => void }

/**
 * Smooths a burst: calls that the limit of a second refuses wait here and try again, writes first. Only one of them
 * tries at a time, and its success lets the next one try, so that a long queue costs the quota one question per turn.
 * A waiting call holds no place in the bulkhead, and is not made once its time is over and no request waits for it.
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

  /** A call that has had a turn stays ahead of its kind. */
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
      // Another request may wait for the same answer by now.
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
      if (question.bulk === true) return await ask(question) // a bulk waits by itself
      const begun = now()
      const { timeoutMs = Infinity } = question
      const leftMs = (): number =>
        Math.min(question.leftMs?.() ?? longestMs - (now() - begun), timeoutMs - (now() - begun))
      let answer: ProviderAnswer = waiting.length === 0 ? await ask(question) : burstFull(retryAt - now())
      for (let turns = 0; isBurst(answer); turns++) {
        if (waiting.length === 0 || turns > 0) retryIn(waitOf(answer))
        const outcome = await wait(question, leftMs, turns > 0)
        if (outcome === 'full') return unknownAnswer('overloaded', `${maxWaiting} calls wait for their turn`)
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
