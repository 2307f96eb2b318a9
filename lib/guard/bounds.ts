import { LRUCache } from 'lru-cache'
import { parseAddress, words } from '../ip/address.ts'
import { unknownAnswer } from '../verdict/answers.ts'
import type { Layer } from './question.ts'
import { isBurst } from './quota.ts'

/** At most `limit` calls under way; more are answered at once. */
export function maxConcurrent (limit: number): Layer {
  let underWay = 0
  return next => async question => {
    if (underWay >= limit) return unknownAnswer('overloaded', `${limit} calls under way`)
    underWay++
    try {
      return await next(question)
    } finally {
      underWay--
    }
  }
}

const lookupsPerSubnet = 10
const subnetWindowMs = 60_000
/** Bounds the memory: about 2 MB. Who has more /64s than these fights the quota. */
const subnetsKept = 10_000

/** One visitor holds 2^64 addresses: each IPv6 /64 gets 10 lookups in any minute, so that it cannot spend the budget of all. */
export function subnetBound (now: () => number): Layer {
  const askedAt = new LRUCache<string, number[]>({ max: subnetsKept })
  const forget = (subnet: string, at: number): void => {
    const times = askedAt.peek(subnet)
    const place = times?.indexOf(at) ?? -1
    if (place >= 0) times!.splice(place, 1)
  }
  return next => async question => {
    if (question.bulk !== true && parseAddress(question.ip) === 6) {
      const subnet = `${words[0]}:${words[1]}`
      const at = now()
      const recent = (askedAt.get(subnet) ?? []).filter(time => time > at - subnetWindowMs)
      if (recent.length >= lookupsPerSubnet) return unknownAnswer('overloaded', 'too many cold addresses from one /64')
      recent.push(at)
      askedAt.set(subnet, recent)
      const answer = await next(question)
      if (isBurst(answer)) forget(subnet, at) // it was not asked yet
      return answer
    }
    return await next(question)
  }
}

/** Addresses of a family that the provider does not know are not asked about. */
export function onlyFamilies (families: readonly (4 | 6)[]): Layer {
  return next => async question => {
    const family = question.ip.includes(':') ? 6 : 4
    return families.includes(family) ? await next(question) : unknownAnswer('unsupported_family')
  }
}
