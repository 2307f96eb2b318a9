import { randomUUID } from 'node:crypto'
import type { IpRiskLogger, UnknownReason } from '../../types/contract.ts'
import type { CacheSettings, Claim, ClaimOptions, News, SharedCache } from '../cache/index.ts'
import type { KnownResult } from '../verdict/index.ts'
import { isReply, type RedisPort } from './client.ts'
import type { EntryFormat, Keys } from './keys.ts'
import { createLease, createLeaseWaits, FAILED_MS, LEASE_MS, type StoredLease, UNKNOWN, VERDICT } from './lease.ts'
import { reasonOf } from './node-circuits.ts'
import { createReader } from './reader.ts'
import { CLAIM } from './scripts.ts'
import type { Expected, Subscriber } from './subscriber.ts'

/** Redis answers, and takes nothing: it is full, read-only, or forbids it. Said once, and once when it takes entries again. */
export interface WriteErrors {
  refused (reason: string): void
  accepted (): void
}

/** In a Cluster one node may refuse what the others take: it is over when nobody refused for so long. */
const QUIET_MS = 5000

export function createWriteErrors (log: IpRiskLogger, now: () => number): WriteErrors {
  let lastMs: number | undefined
  return {
    refused (reason) {
      if (lastMs === undefined) {
        log.warn({ code: 'IP_RISK_REDIS_REFUSES_WRITES', reason }, 'Redis refuses what is to be stored: verdicts are not shared until it does not. ' +
          'Give it memory, a primary to write to, or the permission that the reason names')
      }
      lastMs = now()
    },
    accepted () {
      if (lastMs === undefined || now() - lastMs < QUIET_MS) return
      lastMs = undefined
      log.info({}, 'Redis stores again: verdicts are shared')
    }
  }
}

export interface VerdictStoreParts {
  readonly port: RedisPort
  readonly inbox: Subscriber
  readonly keys: Keys
  readonly entries: EntryFormat
  readonly refusals: WriteErrors
  readonly cache: CacheSettings
  readonly log: IpRiskLogger
}

export interface VerdictStore extends SharedCache {
  /**
   * Gives back the leases that are held, so that other processes need not wait for their end, and takes none any more. Resolves when
   * Redis was told, or does not answer. What comes of a call that is under way is told to nobody.
   */
  close (): Promise<void>
}

/** How soon a waiter looks again while no messages come in. */
const DEAF_MS = 25
/** After the end of a lease, so that it is over by any clock. */
const LEASE_SLACK_MS = 10

/** For who still asks: nobody is to be called any more. */
const closed: Claim = { kind: 'failed', reason: 'unavailable' }

/** Verdicts in Redis under the plain address (or what stands for it), and leases beside them. What is not ours there is left alone. */
export function createVerdictStore (parts: VerdictStoreParts): VerdictStore {
  const { port, inbox, keys, entries, refusals, cache: { ttlSeconds, unknownTtlSeconds }, log } = parts
  const readKey = createReader(port)
  const leases = new Set<StoredLease>()
  const claims = new Set<Promise<Claim>>()
  const waits = createLeaseWaits(port)
  let saidForeign = false
  let closing = false

  return {
    timeoutMs: port.timeoutMs,
    async read (ip) {
      const stored = await readKey(keys.of(keys.id(ip)).verdict)
      if (stored === undefined) return 'away'
      return stored.remainingMs === -2 ? undefined : usable(ip, stored.text, stored.remainingMs)
    },
    async claim (ip, options) {
      if (closing) return closed
      const claimed = claim(ip, options)
      claims.add(claimed)
      try {
        const claim = await claimed
        if (!closing || claim.kind !== 'ours') return claim
        await releaseAll()
        return closed
      } finally {
        claims.delete(claimed)
      }
    },
    unclaimed: ip => leaseOn(ip, keys.id(ip), randomUUID(), false),
    async close () {
      closing = true
      waits.close()
      await Promise.all([...claims, releaseAll()])
      await releaseAll() // what those claims brought
    }
  }

  async function releaseAll (): Promise<void> {
    await Promise.all([...leases].map(lease => lease.release()))
  }

  async function claim (ip: string, options: ClaimOptions): Promise<Claim> {
    const id = keys.id(ip)
    const token = randomUUID()
    // Before the script says that there is somebody to wait for: the message may be quicker than its reply.
    const expected = inbox.expect(id)
    try {
      const claim = await tryToClaim(ip, id, token, expected, options)
      if (claim.kind !== 'held') expected.end()
      return claim
    } catch (err) {
      expected.end()
      if (isReply(err)) refusals.refused(reasonOf(err))
      // Redis may have run the script all the same, so the token counts.
      return { kind: 'ours', lease: leaseOn(ip, id, token, false) }
    }
  }

  async function tryToClaim (
    ip: string, id: string, token: string, expected: Expected, { refresh, budget }: ClaimOptions
  ): Promise<Claim> {
    const { verdict, lease, waiters, failed } = keys.of(id)
    const minMs = refresh ? ttlSeconds * 100 : 0
    for (let useless = '', rounds = 0; rounds < 2; rounds++) {
      const args = [token, LEASE_MS, inbox.name, minMs, useless]
      const reply = await port.run(CLAIM, [verdict, lease, waiters, failed], args, budget.leftMs())
      const { kind, text, ms, sha } = readClaim(reply)
      switch (kind) {
        case 'value': {
          const verdict = usable(ip, text, ms)
          if (verdict !== undefined) return { kind: 'stored', verdict }
          useless = sha
          continue
        }
        case 'failed': return { kind: 'failed', reason: reasonFrom(text) }
        case 'held': return { kind: 'held', news: newsOf(ip, lease, expected, ms) }
        case 'ours':
          refusals.accepted()
          return { kind: 'ours', lease: leaseOn(ip, id, token, true) }
        case 'refused': refusals.refused(text)
      }
      break
    }
    return { kind: 'ours', lease: leaseOn(ip, id, token, false) }
  }

  async function newsOf (
    ip: string, leaseKey: string, expected: Expected, leaseMs: number
  ): Promise<News | undefined | 'away'> {
    const timer = setTimeout(expected.end, inbox.listening ? Math.min(Math.max(0, leaseMs), LEASE_MS) + LEASE_SLACK_MS : DEAF_MS)
    const ended = waits.add(leaseKey, expected.end)
    const message = await expected.message
    clearTimeout(timer)
    const redisFailed = ended()
    if (message === undefined) return redisFailed ? 'away' : undefined
    if (message.kind === UNKNOWN) return { reason: reasonFrom(message.body) }
    if (message.kind !== VERDICT) return undefined
    const verdict = entries.read(ip, message.body, message.remainingMs)
    return verdict === undefined || verdict === 'foreign' ? undefined : { verdict: Object.freeze({ ...verdict, cache: 'miss' as const }) }
  }

  function usable (ip: string, text: string, remainingMs: number): KnownResult | undefined {
    const verdict = entries.read(ip, text, remainingMs)
    if (verdict !== 'foreign') return verdict
    if (!saidForeign) {
      log.warn({ code: 'IP_RISK_REDIS_FOREIGN_VALUES' },
        'Redis holds values of somebody else under the keys of addresses, which are left alone: set "cache.keyPrefix" to keep out of their way')
    }
    saidForeign = true
    return undefined
  }

  function leaseOn (ip: string, id: string, token: string, isHeld: boolean): StoredLease {
    const failedMs = Math.min(FAILED_MS, unknownTtlSeconds * 1000)
    const lease = createLease({
      port,
      keys: keys.of(id),
      entries,
      ip,
      id,
      token,
      isHeld,
      failedMs: Math.round(failedMs),
      refused: refusals.refused,
      ended: () => { leases.delete(lease) }
    })
    leases.add(lease)
    return lease
  }
}

/** What another process may say of its call; anything else is garbage, and must not spread into records and counters. */
const reasons: readonly UnknownReason[] = [
  'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response', 'no_data', 'unsupported_family', 'not_asked'
]

function reasonFrom (text: string): UnknownReason {
  return reasons.find(reason => reason === text) ?? 'unavailable'
}

interface ClaimReply {
  readonly kind: 'value' | 'failed' | 'held' | 'ours' | 'refused'
  readonly text: string
  /** Left of the life of the value, or of the lease. */
  readonly ms: number
  readonly sha: string
}

/** Throws a `TypeError` for what the script cannot have said: whoever answers here is no Redis. */
function readClaim (reply: unknown): ClaimReply {
  if (!Array.isArray(reply)) throw new TypeError('the script answered something else')
  const [kind, said = '', remainingMs, sha = ''] = reply as unknown[]
  const text = String(said)
  switch (kind) {
    case 'value':
    case 'held': {
      const ms = Number(kind === 'held' ? text : remainingMs) // text from a client with `stringNumbers`
      if (Number.isFinite(ms)) return { kind, text, ms, sha: String(sha) }
      break
    }
    case 'failed':
    case 'ours':
    case 'refused': return { kind, text, ms: 0, sha: '' }
  }
  throw new TypeError('the script answered something else')
}
