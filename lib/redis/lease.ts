import type { UnknownReason } from '../../types/contract.ts'
import type { Lease } from '../cache/index.ts'
import type { KnownResult } from '../verdict/index.ts'
import type { RedisPort } from './client.ts'
import type { AddressKeys, EntryFormat } from './keys.ts'
import { FAIL, FILL, RENEW, sha1 } from './scripts.ts'
import { messageText } from './subscriber.ts'

/**
 * Waits for leases of other processes. They end when Redis fails, since the message that they wait for would not come.
 */
interface LeaseWaits {
  /** `end` ends the wait early. The result is to be called after it: whether it ended because Redis failed. */
  add (leaseKey: string, end: () => void): () => boolean
  /** Ends all. */
  close (): void
}

interface Wait { readonly end: () => void, failed: boolean }

/** How often Redis is probed during a wait: this many times per `redisTimeoutMs`, and at least so often. */
const PROBES_A_TIMEOUT = 4
const PROBE_EVERY_MS = 25

export function createLeaseWaits (port: RedisPort): LeaseWaits {
  /** By the node of the lease. */
  const waits = new Map<string, Set<Wait>>()
  const probed = new Set<string>()
  const everyMs = Math.min(PROBE_EVERY_MS, Math.ceil(port.timeoutMs / PROBES_A_TIMEOUT))

  function probeLater (node: string, leaseKey: string): void {
    probed.add(node)
    setTimeout(() => {
      probed.delete(node)
      if (!waits.has(node)) return
      probed.add(node)
      port.probe(leaseKey).then(() => probeLater(node, leaseKey), () => {
        probed.delete(node)
        endAll(node, true)
      })
    }, everyMs).unref()
  }

  function endAll (node: string, failed: boolean): void {
    const all = waits.get(node) ?? []
    waits.delete(node)
    for (const wait of all) {
      wait.failed = failed
      wait.end()
    }
  }

  return {
    add (leaseKey, end) {
      const node = port.nodeOf(leaseKey)
      const wait: Wait = { end, failed: false }
      const others = waits.get(node)
      if (others === undefined) waits.set(node, new Set([wait]))
      else others.add(wait)
      if (!probed.has(node)) probeLater(node, leaseKey)
      return () => {
        const left = waits.get(node)
        if (left?.delete(wait) === true && left.size === 0) waits.delete(node)
        return wait.failed
      }
    },
    close () {
      for (const node of [...waits.keys()]) endAll(node, false)
    }
  }
}

/** Short, and renewed while its holder lives: the longest wait for a holder that died. */
export const LEASE_MS = 2000
const RENEW_MS = 700
/** How long no process repeats a failed call, if `unknownTtlSeconds` is not shorter. */
export const FAILED_MS = 2000

/** Kinds of messages to waiting processes. */
export const VERDICT = 'verdict'
export const UNKNOWN = 'unknown'
export const RETRY = 'retry'

/**
 * `held` is in Redis. The others are not, so they store only where no other lease is. `blind` stores nothing where the
 * address was invalidated not long ago, unless it replaces the stored version. `soft` replaces that version only;
 * where nothing is stored, it is as `blind`.
 */
export type LeaseKind = 'held' | 'soft' | 'blind'

interface LeaseParts {
  readonly port: RedisPort
  readonly keys: AddressKeys
  readonly entries: EntryFormat
  readonly ip: string
  readonly id: string
  readonly token: string
  readonly kind: LeaseKind
  /** The version of the entry that it replaces. */
  readonly replaces: string | undefined
  readonly failedMs: number
  writeFailed (reason: string): void
  ended (): void
}

export interface StoredLease extends Lease {
  /** Resolves when the lease is released, or Redis does not answer. */
  release (): Promise<void>
}

export function createLease (parts: LeaseParts): StoredLease {
  const { port, keys, entries, ip, id, token, replaces, failedMs } = parts
  let timer = parts.kind === 'held' ? renewLater() : undefined
  let over = false

  return {
    fill (verdict: KnownResult) {
      if (!end() || !port.answers(keys.lease)) return
      const lifeMs = entries.freshForMs(verdict)
      const lifeSeconds = Math.round(lifeMs / 1000)
      if (lifeSeconds < 1) return
      const text = entries.write(ip, verdict)
      send(FILL, [keys.verdict, keys.lease, keys.waiters, keys.failed, keys.forgotten], [
        token, parts.kind, text, lifeSeconds, messageText(VERDICT, id, sha1(token), lifeMs, text),
        messageText(RETRY, id), replaces ?? ''
      ])
    },
    fail (reason: UnknownReason, remember: boolean) {
      if (!end() || !port.answers(keys.lease)) return
      const message = messageText(UNKNOWN, id, sha1(token), 0, reason)
      send(FAIL, [keys.lease, keys.waiters, keys.failed], [token, reason, remember ? failedMs : 0, message])
    },
    async release () {
      if (!end()) return
      await send(FAIL, [keys.lease, keys.waiters, keys.failed], [token, '', 0, messageText(RETRY, id)])
    }
  }

  /** False when the lease has ended before: its call has no effect any more. */
  function end (): boolean {
    if (over) return false
    over = true
    clearTimeout(timer)
    parts.ended()
    return true
  }

  function renewLater (): NodeJS.Timeout {
    return setTimeout(() => {
      const renewed = port.run(RENEW, [keys.lease], [token, LEASE_MS])
      renewed.then(reply => Number(reply) === 1, () => true).then(isOurs => {
        if (isOurs && !over) timer = renewLater()
      })
    }, RENEW_MS).unref()
  }

  /** Never rejects: the port logs that Redis does not answer. */
  async function send (script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<void> {
    await port.run(script, keys, args).then(reply => {
      // A client with `stringNumbers` returns numbers as text.
      if (typeof reply === 'string' && !/^\d+$/.test(reply)) parts.writeFailed(reply)
    }, () => {})
  }
}
