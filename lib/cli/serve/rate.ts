import { LRUCache } from 'lru-cache'
import { subnetKey } from '../../ip/index.ts'

/** Peers that are counted at the same time. */
const PEERS_KEPT = 10_000

export interface PeerRate {
  /** Counts addresses of a peer. Returns 0, or counts nothing and returns after how many seconds to come again. */
  take (peer: string | undefined, addresses: number): number
}

/** A token bucket for each peer, an IPv6 /64 being one: a whole minute's worth at once, then as it refills. */
export function peerRate (perMinute: number, now: () => number): PeerRate {
  const buckets = new LRUCache<string, { left: number, atMs: number }>({ max: PEERS_KEPT })
  return {
    take (peer, addresses) {
      const key = subnetKey(peer) ?? ''
      const bucket = buckets.get(key) ?? { left: perMinute, atMs: now() }
      buckets.set(key, bucket)
      const elapsedMs = Math.max(0, now() - bucket.atMs)
      bucket.left = Math.min(perMinute, bucket.left + elapsedMs * perMinute / 60_000)
      bucket.atMs = now()
      if (bucket.left < addresses) return Math.max(1, Math.ceil((addresses - bucket.left) * 60 / perMinute))
      bucket.left -= addresses
      return 0
    }
  }
}
