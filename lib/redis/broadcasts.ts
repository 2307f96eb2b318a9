import type { IpRiskLogger } from '../../types/contract.ts'
import { MAX_ALLOW_MS, type Statement, type TemporaryAllows } from '../policy/index.ts'
import type { RedisPort } from './client.ts'
import type { Keys } from './keys.ts'
import { RETRY } from './lease.ts'
import { CATCH_UP, FORGET, PUBLISH_STATEMENT } from './scripts.ts'
import { messageText } from './subscriber.ts'

/**
 * What the operator said about an address, for every process: broadcast to those that run, and stored for those that
 * start or come back later. Under a secret each statement is signed, and what is not signed, too old or past its signed
 * end has no effect.
 */
export interface Broadcasts {
  /** Resolves when it is published, or after the time limit of Redis: then it is published later. Never rejects. */
  allow (statement: Statement): Promise<void>
  forget (statement: Statement): Promise<void>
  /** A broadcast came in. */
  receive (text: string): void
  /** Reads what was stored since the last time, until Redis has answered. */
  catchUp (): void
  close (): void
}

export interface BroadcastsParts {
  readonly port: RedisPort
  readonly keys: Keys
  readonly channel: string
  readonly log: IpRiskLogger
  readonly now: () => number
  readonly allowed: Pick<TemporaryAllows, 'allow' | 'revoke'>
  /** Drops the verdict on an address from memory. */
  forget (id: string): void
}

type Kind = 'allow' | 'forget'
type Problem = 'signature' | 'format' | 'time'

/** The longest that a verdict may be in a memory: `ttlSeconds` and `staleIfErrorSeconds` at their greatest. */
const MEMORY_MS = (21_600 + 86_400) * 1000
/** Clocks and the way of a message: rather twice than never. */
const OVERLAP_MS = 1000
/** Statements that wait for Redis. A support desk does not write more in an outage. */
const MAX_WAITING = 1000
/** A signed broadcast that is older was recorded and sent again. It is also how far clocks may differ. */
const MAX_AGE_MS = 60_000
/** Unsigned times prove nothing, so clocks may differ more. A time further ahead would outlive every correction. */
const MAX_AHEAD_MS = 86_400_000
/** Stored statements that are read: more than an operator makes. In pages, so that none holds Redis up or takes too long. */
const MAX_READ = 10_000
const PAGE = 500
/** What Redis did not answer in time, or refused, is tried again. */
const RETRY_MS = 1000

const problems: Readonly<Record<Problem, string>> = {
  signature: 'Redis has broadcasts or stored allows whose signature is wrong, which are ignored: another program writes ' +
    'to them, or a process has another secret. Restrict by ACL who may write, and change cache.keySecret as [current, previous]',
  format: 'Redis has broadcasts or stored allows that are not ours, which are ignored: another program writes to them. ' +
    'Restrict by ACL who may write',
  time: 'a broadcast in Redis is ignored because its time is more than 60 seconds off: somebody repeats an old one, or ' +
    'the clocks of two processes differ. Synchronize the clocks'
}

export function createBroadcasts ({ port, keys, channel, log, now, allowed, forget }: BroadcastsParts): Broadcasts {
  const waiting: (() => Promise<unknown>)[] = []
  const logged = new Set<Problem>()
  const sets = [keys.allowed, keys.forgotten, keys.statements]
  let lookedAtMs = performance.now()
  let retry: NodeJS.Timeout | undefined
  let closed = false
  let loggedDelay = false

  return {
    allow: async statement => await publish(async () => {
      if (statement.untilMs > now()) await send('allow', statement)
    }),
    forget: async statement => await publish(async () => {
      const { verdict, lease, waiters, failed } = keys.of(statement.id)
      await port.run(FORGET, [verdict, lease, waiters, failed], [messageText(RETRY, statement.id, 0, '')])
      await send('forget', statement)
    }),
    receive (text) {
      const said = read(text)
      if (said === undefined) return
      if (keys.secret && now() - said.issuedMs > MAX_AGE_MS) return reject('time')
      apply(said, keys.secret ? said.untilMs - now() : said.untilMs - said.issuedMs)
    },
    catchUp,
    close () {
      closed = true
      clearTimeout(retry)
    }
  }

  function catchUp (): void {
    for (const again of waiting.splice(0)) publish(again)
    readStored().catch(tryLater)
  }

  function tryLater (): void {
    clearTimeout(retry)
    if (!closed) retry = setTimeout(catchUp, RETRY_MS).unref()
  }

  async function readStored (): Promise<void> {
    const nowMs = performance.now()
    const lookBackMs = Math.ceil(nowMs - lookedAtMs) + OVERLAP_MS
    for (let offset = 0, isMore = true; isMore && offset < MAX_READ; offset += PAGE) {
      const reply = await port.run(CATCH_UP, sets, [MEMORY_MS, lookBackMs, offset, PAGE])
      const [allows, forgets] = Array.isArray(reply) ? reply : []
      if (!areTexts(allows) || !areTexts(forgets)) throw new TypeError('the script answered something else')
      for (const text of forgets) {
        const said = read(text)
        if (said?.kind === 'forget') apply(said, 0)
      }
      for (let i = 0; i + 2 < allows.length; i += 3) applyStored(allows[i]!, Number(allows[i + 1]), allows[i + 2]!)
      isMore = allows.length === 3 * PAGE || forgets.length === PAGE
    }
    lookedAtMs = nowMs
  }

  /** A revocation that cannot be read counts all the same: whoever spoils it must not bring the allow back. */
  function applyStored (text: string, remainingMs: number, revocation: string): void {
    const said = read(text)
    if (said?.kind !== 'allow') return
    if (revocation !== '') {
      const revoked = read(revocation)
      if (revoked?.kind !== 'forget' || revoked.id !== said.id) return
      allowed.revoke(revoked.id, revoked.issuedMs)
    }
    apply(said, keys.secret ? said.untilMs - now() : remainingMs)
  }

  function apply ({ kind, id, issuedMs }: Statement & { readonly kind: Kind }, forMs: number): void {
    if (kind === 'allow') allowed.allow(id, issuedMs, forMs)
    else if (allowed.revoke(id, issuedMs)) forget(id)
  }

  function read (text: string): Statement & { readonly kind: Kind } | undefined {
    const [kind, id = '', issued, until, signature = '', ...rest] = text.split('\n')
    const issuedMs = Number(issued)
    const untilMs = Number(until)
    const areTimes = Number.isSafeInteger(issuedMs) && Number.isSafeInteger(untilMs)
    if ((kind !== 'allow' && kind !== 'forget') || !keys.isId(id) || !areTimes || rest.length > 0) return reject('format')
    if (!keys.verify(signed(kind, { id, issuedMs, untilMs }), signature)) return reject('signature')
    if (issuedMs - now() > (keys.secret ? MAX_AGE_MS : MAX_AHEAD_MS)) return reject('time')
    return { kind, id, issuedMs, untilMs }
  }

  /** Never what was sent: it may be anything. */
  function reject (problem: Problem): undefined {
    if (!logged.has(problem)) log.warn({ code: 'IP_RISK_BROADCAST_REJECTED', problem }, problems[problem])
    logged.add(problem)
  }

  /** The channel says for which key space it is, so that it counts in no other that has the same secret. */
  function signed (kind: Kind, { id, issuedMs, untilMs }: Statement): string {
    return `${channel}\n${kind}\n${id}\n${issuedMs}\n${untilMs}`
  }

  async function send (kind: Kind, statement: Statement): Promise<void> {
    const { id, issuedMs, untilMs } = statement
    const text = `${kind}\n${id}\n${issuedMs}\n${untilMs}\n${keys.sign(signed(kind, statement))}`
    const forMs = kind === 'allow' ? Math.ceil(untilMs - now()) : MEMORY_MS
    await port.run(PUBLISH_STATEMENT, sets, [kind, id, issuedMs, forMs, text, channel, MAX_ALLOW_MS, MEMORY_MS])
  }

  async function publish (say: () => Promise<unknown>): Promise<void> {
    try {
      await say()
      if (waiting.length === 0) loggedDelay = false
    } catch (err) {
      if (!loggedDelay) {
        log.warn({ code: 'IP_RISK_BROADCAST_DELAYED', reason: err instanceof Error ? err.message : String(err) },
          'what allow() and invalidate() said holds in this process only, until Redis takes it')
      }
      loggedDelay = true
      if (waiting.length < MAX_WAITING) waiting.push(say)
      tryLater()
    }
  }
}

function areTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}
