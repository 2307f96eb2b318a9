import type { KnownAnswer } from '../../types/contract.ts'
import { subnetOf } from '../ip/index.ts'
import type { KnownResult } from '../verdict/index.ts'

/** The cached addresses of each IPv6 /64. An IPv4 address has no neighbours: a /24 belongs to many subscribers. */
export interface Neighbours {
  add (ip: string): void
  delete (ip: string): void
  /** In the same /64, newest last. */
  of (ip: string): readonly string[]
}

/** The newest of each /64: bounds what one lookup reads. */
const KEPT = 64

export function createNeighbours (): Neighbours {
  const subnets = new Map<string, string[]>()
  return {
    add (ip) {
      const subnet = subnetOf(ip)
      if (subnet === undefined) return
      const known = subnets.get(subnet)
      if (known === undefined) subnets.set(subnet, [ip])
      else if (known.push(ip) > KEPT) known.shift()
    },
    delete (ip) {
      const subnet = subnetOf(ip)
      const known = subnet === undefined ? undefined : subnets.get(subnet)
      const at = known?.indexOf(ip) ?? -1
      if (at < 0) return
      known!.splice(at, 1)
      if (known!.length === 0) subnets.delete(subnet!)
    },
    of (ip) {
      const subnet = subnetOf(ip)
      return subnet === undefined ? [] : subnets.get(subnet) ?? []
    }
  }
}

/**
 * The verdict on an address that may not be looked up now: the most severe one of its /64. One subscriber has a /64,
 * also on mobile networks; a client that brings milder neighbours along could use their addresses as well. But a Wi-Fi
 * or a cheap host puts strangers into one /64, so a single detected address does not block the others: that takes half
 * of three or more.
 */
export function subnetResult (worst: KnownResult, known: number, detected: number): KnownResult {
  const { answer: { verdict, isVpn, info, categories }, provider, checkedAtMs } = worst
  const isSure = known >= 3 && detected * 2 >= known
  const answer: KnownAnswer = Object.freeze({
    verdict: verdict === 'vpn_detected' && !isSure ? 'vpn_likely' : verdict,
    score: null,
    isVpn,
    confidence: null,
    signals: Object.freeze([Object.freeze({
      type: 'subnet',
      weight: detected / known,
      detail: `of ${known} known addresses in this /64, ${detected} are detected VPNs`
    })]),
    info,
    categories
  })
  return Object.freeze({ answer, provider, checkedAtMs, cache: 'subnet' })
}
