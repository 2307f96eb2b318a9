import { randomUUID } from 'node:crypto'
import type { IpRiskLogger, UnknownReason } from '../../types/contract.ts'
import type { CacheSettings, Claim, ClaimOptions, LeaseOutcome, SharedCache } from '../cache/index.ts'
import { type KnownResult, sharedReasons } from '../verdict/index.ts'
import { isReply, type RedisPort } from './client.ts'
import type { EntryFormat, Keys } from './keys.ts'
import {
  createLease, createLeaseWaits, FAILED_MS, LEASE_MS, type LeaseKind, type StoredLease, UNKNOWN, VERDICT
} from './lease.ts'
import { reasonOf } from './node-circuits.ts'
import { createReader } from './reader.ts'
import { CLAIM, sha1 } from './scripts.ts'
import type { Expected, Message, Subscriber } from './subscriber.ts'

/** Logs, once per state, that Redis answers but stores nothing: it is full, read-only, or forbids it. */
interface WriteErrors {
  failed (reason: string): void
  stored (): void
}

/** In a Cluster one node may refuse what others accept: the state is over after so long without a refusal. */
const QUIET_MS = 5000

export function createWriteErrors (log: IpRiskLogger, now: () => number): WriteErrors {
  let lastMs: number | undefined
  return {
    failed (reason) {
      if (lastMs === undefined) {
        log.warn({ code: 'IP_RISK_REDIS_REFUSES_WRITES', reason }, 'Redis refuses writes, so verdicts are not ' +
          'shared: give it memory, a primary to write to, or the permission that the reason names')
      }
      lastMs = now()
    },
    stored () {
      if (lastMs === undefined || now() - lastMs < QUIET_MS) return
      lastMs = undefined
      log.info({}, 'Redis stores again: verdicts are shared')
    }
  }
}

interface VerdictStoreParts {
  readonly port: RedisPort
  readonly subscriber: Subscriber
  readonly keys: Keys
  readonly entries: EntryFormat
  readonly writes: WriteErrors
  readonly cache: CacheSettings
  readonly log: IpRiskLogger
}

interface VerdictStore extends SharedCache {
  /**
   * Releases all leases, so that other processes need not wait for their end, and claims none any more. Resolves when
   * they are released, or Redis does not answer. The outcome of a call in flight is sent to no other process.
   */
  close (): Promise<void>
}

/** How soon a waiter claims again while no messages arrive. */
const NO_MESSAGES_MS = 25
/** After the end of a lease, so that it is over by any clock. */
const LEASE_SLACK_MS = 10

/** No provider is to be called any more. */
const closed: Claim = { kind: 'failed', reason: 'unavailable' }

/** Verdicts in Redis under the plain address (or its HMAC), and leases beside them. Values of other programs stay. */
export function createVerdictStore (parts: VerdictStoreParts): VerdictStore {
  const { port, subscriber, keys, entries, writes, cache: { ttlSeconds, unknownTtlSeconds }, log } = parts
  const readKey = createReader(port)
  const leases = new Set<StoredLease>()
  const claims = new Set<Promise<Claim>>()
  const waits = createLeaseWaits(port)
  let loggedForeign = false
  let closing = false

  return {
    timeoutMs: port.timeoutMs,
    // Outside a Cluster there is one node, whatever the key.
    answers: ip => port.isCluster ? port.answers(keys.of(keys.id(ip)).verdict) : port.answers(),
    async read (ip) {
      const stored = await readKey(keys.of(keys.id(ip)).verdict)
      if (stored === undefined) return 'unreachable'
      return stored.remainingMs === -2 ? undefined : usable(ip, stored.text, stored.remainingMs)
    },
    async claim (ip, options) {
      if (closing) return closed
      const claimed = claim(ip, options)
      claims.add(claimed)
      try {
        const claim = await claimed
        if (!closing || claim.kind !== 'granted') return claim
        await releaseAll()
        return closed
      } finally {
        claims.delete(claimed)
      }
    },
    localLease: (ip, replaces) => leaseOn(ip, keys.id(ip), randomUUID(), 'blind', replaces),
    finalLease: (ip, first) => leaseOn(ip, keys.id(ip), randomUUID(), 'soft', first),
    versionOf: (ip, result) => sha1(entries.write(ip, result)),
    async close () {
      closing = true
      waits.close()
      await Promise.all([...claims, releaseAll()])
      await releaseAll() // those that the claims brought
    }
  }

  async function releaseAll (): Promise<void> {
    await Promise.all([...leases].map(lease => lease.release()))
  }

  async function claim (ip: string, options: ClaimOptions): Promise<Claim> {
    const id = keys.id(ip)
    const token = randomUUID()
    // Before the script runs: the message may arrive before its reply.
    const expected = subscriber.expect(id)
    try {
      const claim = await tryToClaim(ip, id, token, expected, options)
      if (claim.kind !== 'leased') expected.end()
      return claim
    } catch (err) {
      expected.end()
      if (isReply(err)) writes.failed(reasonOf(err))
      // Redis may have run the script all the same, so the lease keeps its token.
      return { kind: 'granted', lease: leaseOn(ip, id, token, 'blind'), held: false }
    }
  }

  async function tryToClaim (
    ip: string, id: string, token: string, expected: Expected, { refresh, budget }: ClaimOptions
  ): Promise<Claim> {
    const { verdict, lease, waiters, failed } = keys.of(id)
    const minMs = refresh ? ttlSeconds * 100 : 0
    for (let unusable = '', rounds = 0; rounds < 2; rounds++) {
      const args = [token, LEASE_MS, subscriber.name, minMs, unusable]
      const reply = await port.run(CLAIM, [verdict, lease, waiters, failed], args, budget.leftMs())
      const { kind, text, ms, sha } = readClaim(reply)
      switch (kind) {
        case 'value': {
          const result = usable(ip, text, ms)
          if (result !== undefined) return { kind: 'stored', result, version: sha }
          unusable = sha
          continue
        }
        case 'failed': return { kind: 'failed', reason: reasonFrom(text) }
        case 'held': return { kind: 'leased', outcome: outcomeOf(ip, lease, expected.of(sha), expected.end, ms) }
        case 'ours':
          writes.stored()
          return { kind: 'granted', lease: leaseOn(ip, id, token, 'held'), held: true }
        case 'refused': writes.failed(text)
      }
      break
    }
    return { kind: 'granted', lease: leaseOn(ip, id, token, 'blind'), held: false }
  }

  async function outcomeOf (
    ip: string, leaseKey: string, expected: Promise<Message | undefined>, end: () => void, leaseMs: number
  ): Promise<LeaseOutcome | undefined | 'unreachable'> {
    const leaseEndMs = Math.min(Math.max(0, leaseMs), LEASE_MS) + LEASE_SLACK_MS
    const timer = setTimeout(end, subscriber.listening ? leaseEndMs : NO_MESSAGES_MS)
    const ended = waits.add(leaseKey, end)
    const message = await expected
    clearTimeout(timer)
    const redisFailed = ended()
    if (message === undefined) return redisFailed ? 'unreachable' : undefined
    if (message.kind === UNKNOWN) return { reason: reasonFrom(message.body) }
    if (message.kind !== VERDICT) return undefined
    const result = entries.read(ip, message.body, message.remainingMs)
    if (result === undefined || result === 'foreign') return undefined
    return { result: Object.freeze({ ...result, cache: 'miss' as const }) }
  }

  function usable (ip: string, text: string, remainingMs: number): KnownResult | undefined {
    const result = entries.read(ip, text, remainingMs)
    if (result !== 'foreign') return result
    if (!loggedForeign) {
      log.warn({ code: 'IP_RISK_REDIS_FOREIGN_VALUES' }, 'Redis has values of another program under the keys of ' +
        'addresses. They stay, so these verdicts are not shared: set "cache.keyPrefix" to keep the two apart')
    }
    loggedForeign = true
    return undefined
  }

  function leaseOn (ip: string, id: string, token: string, kind: LeaseKind, replaces?: string): StoredLease {
    const failedMs = Math.min(FAILED_MS, unknownTtlSeconds * 1000)
    const lease = createLease({
      port,
      keys: keys.of(id),
      entries,
      ip,
      id,
      token,
      kind,
      replaces,
      failedMs: Math.round(failedMs),
      writeFailed: writes.failed,
      ended: () => { leases.delete(lease) }
    })
    leases.add(lease)
    return lease
  }
}

/** Any other text must not get into records and counters. */
function reasonFrom (text: string): UnknownReason {
  return sharedReasons.find(reason => reason === text) ?? 'unavailable'
}

interface ClaimReply {
  readonly kind: 'value' | 'failed' | 'held' | 'ours' | 'refused'
  readonly text: string
  /** Remaining life of the value or the lease. */
  readonly ms: number
  /** Of the value, or of the token of the lease. */
  readonly sha: string
}

/** Throws a `TypeError` for what the script cannot return: then the other side is not Redis. */
function readClaim (reply: unknown): ClaimReply {
  if (!Array.isArray(reply)) throw new TypeError('the reply is not one of the script')
  const [kind, first = ''] = reply as unknown[]
  const text = String(first)
  switch (kind) {
    case 'value':
    case 'held': {
      const [remainingMs, sha = ''] = (reply as unknown[]).slice(kind === 'held' ? 1 : 2)
      const ms = Number(remainingMs) // text if the client has `stringNumbers`
      if (Number.isFinite(ms)) return { kind, text, ms, sha: String(sha) }
      break
    }
    case 'failed':
    case 'ours':
    case 'refused': return { kind, text, ms: 0, sha: '' }
  }
  throw new TypeError('the reply is not one of the script')
}
