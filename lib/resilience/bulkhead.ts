import { LRUCache } from 'lru-cache'
import { subnetOf } from '../ip/index.ts'
import { isBurst } from '../rate-limit/index.ts'
import { unknownAnswer } from '../verdict/index.ts'
import type { Layer } from './layer.ts'

/** At most `limit` calls under way; more are answered at once. */
export function bulkhead (limit: number): Layer {
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

export interface SubnetBound {
  readonly layer: Layer
  /** Whether no address of this one's /64 may be asked about just now. */
  isFull (ip: string): boolean
}

/** One visitor holds 2^64 addresses: each IPv6 /64 gets 10 lookups in any minute, so that it cannot spend the budget of all. */
export function subnetBound (now: () => number): SubnetBound {
  const askedAt = new LRUCache<string, number[]>({ max: subnetsKept })
  const recent = (subnet: string): number[] => (askedAt.get(subnet) ?? []).filter(time => time > now() - subnetWindowMs)

  return {
    layer: next => async question => {
      const subnet = question.bulk === true ? undefined : subnetOf(question.ip)
      if (subnet === undefined) return await next(question)
      const at = now()
      const times = recent(subnet)
      if (times.length >= lookupsPerSubnet) return unknownAnswer('overloaded', 'too many cold addresses from one /64')
      askedAt.set(subnet, [...times, at])
      const answer = await next(question)
      if (isBurst(answer)) forget(subnet, at) // it was not asked yet
      return answer
    },
    isFull (ip) {
      const subnet = subnetOf(ip)
      return subnet !== undefined && recent(subnet).length >= lookupsPerSubnet
    }
  }

  function forget (subnet: string, at: number): void {
    const times = askedAt.peek(subnet)
    const place = times?.indexOf(at) ?? -1
    if (place >= 0) times!.splice(place, 1)
  }
}

/** Addresses of a family that the provider does not know are not asked about. */
export function onlyFamilies (families: readonly (4 | 6)[]): Layer {
  return next => async question => {
    const family = question.ip.includes(':') ? 6 : 4
    return families.includes(family) ? await next(question) : unknownAnswer('unsupported_family')
  }
}
