import { LRUCache } from 'lru-cache'
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { subnetKey } from '../../ip/index.ts'
import { UsageError } from '../command.ts'

const MIN_TOKEN = 16

/** The lines of a file that holds secrets, without white space around them. No message ever holds a part of one. */
function secretsOf (option: string, path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').map(line => line.trim()).filter(line => line !== '')
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}`)
  }
}

/** Throws `UsageError`. */
export function readToken (path: string): string {
  const [token = '', ...more] = secretsOf('--token-file', path)
  if (more.length > 0 || token.length < MIN_TOKEN || !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(`--token-file must hold one line of at least ${MIN_TOKEN} visible ASCII characters: ` +
      'head -c 32 /dev/urandom | base64 makes one')
  }
  return token
}

/** `cache.keySecret`: the current secret, and on a second line the previous one. Throws `UsageError`. */
export function readKeySecret (path: string): string | readonly [string, string] {
  const [current, previous, ...more] = secretsOf('--key-secret-file', path)
  if (current === undefined || more.length > 0) {
    throw new UsageError('--key-secret-file must hold cache.keySecret in one line; a second line is the previous one')
  }
  return previous === undefined ? current : [current, previous]
}

/** Compares digests, so that the time says nothing of the token or its length. */
export function tokenCheck (token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (authorization = '') => {
    const [, given = ''] = /^Bearer +(\S+) *$/i.exec(authorization) ?? []
    return timingSafeEqual(digest(given), expected)
  }
}

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
