import { LRUCache } from 'lru-cache'
import { subnetKey } from '../../ip/index.ts'

/** Peers that are counted at the same time. */
const PEERS_KEPT = 10_000

export interface PeerRate {
  /** Counts addresses of a peer. Returns 0, or counts nothing and returns after how many seconds to come again. */
  take (bucket: 'authorized' | 'unauthorized', peer: string | undefined, addresses: number): number
}

/** Two token buckets for each peer, an IPv6 /64 being one: a whole minute's worth at once, then as it refills. */
export function peerRate (perMinute: number, now: () => number): PeerRate {
  const buckets = new LRUCache<string, { left: number, atMs: number }>({ max: PEERS_KEPT })
  return {
    take (bucket, peer, addresses) {
      const key = `${bucket} ${subnetKey(peer) ?? ''}`
      const tokens = buckets.get(key) ?? { left: perMinute, atMs: now() }
      buckets.set(key, tokens)
      const elapsedMs = Math.max(0, now() - tokens.atMs)
      tokens.left = Math.min(perMinute, tokens.left + elapsedMs * perMinute / 60_000)
      tokens.atMs = now()
      if (tokens.left < addresses) return Math.max(1, Math.ceil((addresses - tokens.left) * 60 / perMinute))
      tokens.left -= addresses
      return 0
    }
  }
}
