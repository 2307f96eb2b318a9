import type { IpRiskLogger } from '../../types/contract.ts'
import { type Exceptions, MAX_ALLOW_MS, type Statement } from '../policy/index.ts'
import { type BroadcastProblem, broadcastProblems } from './broadcast-problems.ts'
import type { RedisPort } from './client.ts'
import { readEntry, writeEntry } from './exception-text.ts'
import type { Keys } from './keys.ts'
import { RETRY } from './lease.ts'
import { createOutbox } from './outbox.ts'
import { CATCH_UP, FORGET, PUBLISH_STATEMENT, SEND } from './scripts.ts'
import { messageText } from './subscriber.ts'

/**
 * The operator's statements about addresses, for every process: broadcast to those that run, and stored for those that
 * start or reconnect later. With a secret each statement is signed; one that is not signed, too old or past its signed
 * end has no effect.
 */
export interface Broadcasts {
  /** Resolves when it is published, or after the time limit of Redis; then it is published later. Never rejects. */
  allow (statement: Statement): Promise<void>
  forget (statement: Statement): Promise<void>
  /** As `forget`, but keeps the shared verdict. */
  revoke (statement: Statement): Promise<void>
  /** Publishes that an account is forgotten, by its HMAC. Stores nothing. Rejects when Redis does not answer. */
  forgetAccount (key: string): Promise<void>
  /** Takes a broadcast as it arrived. */
  receive (text: string): void
  /** Reads what was stored since the last time; tries again until Redis answers. */
  catchUp (): void
  /** Reads it now. Rejects when Redis does not answer. */
  readStored (): Promise<void>
  /** Publishes what waits for Redis, in one last attempt. Never rejects. */
  close (): Promise<void>
}

interface BroadcastsParts {
  readonly port: RedisPort
  readonly keys: Keys
  readonly channel: string
  readonly log: IpRiskLogger
  readonly now: () => number
  readonly exceptions: Pick<Exceptions, 'learn' | 'revoke'>
  /** Drops the verdict on an address from memory. */
  forget (id: string): void
  /** Drops an account from memory. */
  forgetAccount (key: string): void
}

type Kind = 'allow' | 'forget' | 'account'

/** The longest time that a process may keep a verdict: the largest `ttlSeconds` plus `staleIfErrorSeconds`. */
const MEMORY_MS = (21_600 + 86_400) * 1000
/** For the difference of clocks and the time of a message: a statement read twice does no harm. */
const OVERLAP_MS = 1000
/** An older signed broadcast was recorded and sent again. Also the largest difference between clocks. */
const MAX_AGE_MS = 60_000
/** Unsigned times prove nothing, so clocks may differ more. A time further ahead would outlast any correction. */
const MAX_AHEAD_MS = 86_400_000
/** Most stored statements that are read: more than an operator makes. In pages, so that none blocks Redis. */
const MAX_READ = 10_000
const PAGE = 500
/**
 * Longer than a call without a lease takes (a provider's `timeoutMs` is ten minutes at most), and its answer to arrive
 * at Redis: TCP may deliver it after minutes.
 */
const FORGOTTEN_MS = 900_000
/** Time before what Redis did not answer, or refused, is tried again. */
const RETRY_MS = 1000

export function createBroadcasts (
  { port, keys, channel, log, now, exceptions, forget, forgetAccount }: BroadcastsParts
): Broadcasts {
  const outbox = createOutbox(log, tryLater)
  const logged = new Set<BroadcastProblem>()
  const sets = [keys.allowed, keys.forgotten, keys.statements]
  let caughtUpAtMs = performance.now()
  let caughtUpAtTime = now()
  let retry: NodeJS.Timeout | undefined
  let closed = false

  return {
    allow: async statement => await outbox.publish(async () => {
      if (statement.untilMs > now()) await send('allow', statement)
    }),
    async forget (statement) {
      let isLate = false
      await outbox.publish(async () => {
        const { verdict, lease, waiters, failed, forgotten } = keys.of(statement.id)
        const args = [messageText(RETRY, statement.id), FORGOTTEN_MS]
        try {
          await port.run(FORGET, [verdict, lease, waiters, failed, forgotten], args)
        } catch (err) {
          isLate = true
          throw err
        }
        if (isLate) forget(statement.id) // this process may have read it from Redis again
        await send('forget', statement)
      })
    },
    revoke: async statement => await outbox.publish(async () => await send('forget', statement)),
    async forgetAccount (key) {
      const issuedMs = Math.floor(now())
      const text = written('account', { id: key, issuedMs, untilMs: issuedMs })
      await port.run(SEND, [], [channel, text])
    },
    receive (text) {
      const statement = read(text)
      if (statement === undefined) return
      const { issuedMs, untilMs } = statement
      if (keys.secret && now() - issuedMs > MAX_AGE_MS) return reject('time')
      if (statement.kind === 'account') return forgetAccount(statement.id)
      apply(statement, untilMs - (keys.secret ? now() : issuedMs))
    },
    catchUp,
    readStored,
    async close () {
      closed = true
      clearTimeout(retry)
      await outbox.close()
    }
  }

  function catchUp (): void {
    outbox.retry()
    readStored().catch(tryLater)
  }

  function tryLater (): void {
    clearTimeout(retry)
    if (!closed) retry = setTimeout(catchUp, RETRY_MS).unref()
  }

  async function readStored (): Promise<void> {
    const [nowMs, timeOfDay] = [performance.now(), now()]
    // Only the time of day counts while a machine sleeps.
    const lookBackMs = Math.ceil(Math.max(nowMs - caughtUpAtMs, timeOfDay - caughtUpAtTime)) + OVERLAP_MS
    for (let offset = 0, isMore = true; isMore && offset < MAX_READ; offset += PAGE) {
      const reply = await port.run(CATCH_UP, sets, [MEMORY_MS, lookBackMs, offset, PAGE])
      const [allows, forgets] = Array.isArray(reply) ? reply : []
      if (!areTexts(allows) || !areTexts(forgets)) throw new TypeError('the reply is not one of the script')
      for (const text of forgets) {
        const statement = read(text)
        if (statement?.kind === 'forget') apply(statement, 0)
      }
      for (let i = 0; i + 2 < allows.length; i += 3) applyStored(allows[i]!, Number(allows[i + 1]), allows[i + 2]!)
      isMore = allows.length === 3 * PAGE || forgets.length === PAGE
    }
    caughtUpAtMs = nowMs
    caughtUpAtTime = timeOfDay
  }

  /** A revocation that cannot be read counts all the same: damaging it must not bring the allow back. */
  function applyStored (text: string, remainingMs: number, revocation: string): void {
    const allow = read(text)
    if (allow?.kind !== 'allow') return
    if (revocation !== '') {
      const revoked = read(revocation)
      if (revoked?.kind !== 'forget' || revoked.id !== allow.id) return
      exceptions.revoke(revoked.id, revoked.issuedMs)
    }
    apply(allow, keys.secret ? allow.untilMs - now() : remainingMs)
  }

  function apply ({ kind, ...statement }: Statement & { readonly kind: Kind }, forMs: number): void {
    if (kind === 'allow') exceptions.learn(statement, forMs)
    else if (exceptions.revoke(statement.id, statement.issuedMs)) forget(statement.id)
  }

  function read (text: string): Statement & { readonly kind: Kind } | undefined {
    const [kind, id = '', issued, until, signature = '', about = '', ...rest] = text.split('\n')
    const issuedMs = Number(issued)
    const untilMs = Number(until)
    const areTimes = Number.isSafeInteger(issuedMs) && issuedMs >= 0 && Number.isSafeInteger(untilMs)
    const isKind = kind === 'allow' || kind === 'forget' || kind === 'account'
    if (!isKind || !keys.isId(id) || !areTimes || rest.length > 0) return reject('format')
    if (!keys.verify(signed(kind, { id, issuedMs, untilMs }, about), signature)) return reject('signature')
    if (issuedMs - now() > (keys.secret ? MAX_AGE_MS : MAX_AHEAD_MS)) return reject('time')
    const entry = about === '' ? undefined : readEntry(keys, id, about)
    if (entry === null) return reject('format')
    return { kind, id, issuedMs, untilMs, entry }
  }

  /** Logs never what was sent: it may be anything. */
  function reject (problem: BroadcastProblem): undefined {
    if (!logged.has(problem)) log.warn({ code: 'IP_RISK_BROADCAST_REJECTED', problem }, broadcastProblems[problem])
    logged.add(problem)
  }

  /** The channel names the key space, so that a statement counts in no other one with the same secret. */
  function signed (kind: Kind, { id, issuedMs, untilMs }: Statement, about: string): string {
    return `${channel}\n${kind}\n${id}\n${issuedMs}\n${untilMs}${about === '' ? '' : `\n${about}`}`
  }

  function written (kind: Kind, statement: Statement): string {
    const { id, issuedMs, untilMs } = statement
    const about = writeEntry(keys, id, statement.entry)
    const signature = keys.sign(signed(kind, statement, about))
    return `${kind}\n${id}\n${issuedMs}\n${untilMs}\n${signature}${about === '' ? '' : `\n${about}`}`
  }

  async function send (kind: Kind, statement: Statement): Promise<void> {
    const { id, issuedMs, untilMs } = statement
    const text = written(kind, statement)
    const forMs = kind === 'allow' ? Math.ceil(untilMs - now()) : MEMORY_MS
    await port.run(PUBLISH_STATEMENT, sets, [kind, id, issuedMs, forMs, text, channel, MAX_ALLOW_MS, MEMORY_MS])
  }
}

function areTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}
