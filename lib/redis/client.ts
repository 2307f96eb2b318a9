import { createHash } from 'node:crypto'
import type { IpRiskLogger } from '../../types/contract.ts'
import type { Connection, RedisClient } from './connect.ts'
import { deferred } from './deferred.ts'

/** Redis behind a time limit and a breaker of its own: whatever state it is in, nobody waits longer than the limit for it. */
export interface RedisPort {
  readonly state: 'up' | 'down'
  readonly timeoutMs: number
  readonly isCluster: boolean
  /**
   * Runs a Lua script, by its SHA-1. All keys share one slot in a Cluster. Rejects when Redis answers with an error, after the time limit
   * (the script may have run all the same), and at once while Redis is left alone. A limit shorter than `timeoutMs` tells nothing of Redis.
   */
  run (script: string, keys: readonly string[], args: readonly (string | number)[], timeoutMs?: number): Promise<unknown>
  /** Called when Redis answers again after it was left alone: messages may have been missed. */
  onReturn (listener: () => void): void
  /** Resolves when the first connection stands, or could not be made. */
  ready (): Promise<void>
  /** Closes the connection that we made; the application's own stays open. */
  close (): void
}

/** Failures in a row after which Redis is left alone, and for how long before one command probes it. */
const FAILURES = 3
const REST_MS = 1000
const CONNECT_MS = 1000

export function createRedisPort ({ client, own }: Connection, timeoutMs: number, log: IpRiskLogger, now: () => number): RedisPort {
  let failures = 0
  let restUntilMs = 0
  let probing = false
  let lastError: unknown
  const listeners: (() => void)[] = []
  const connected = firstConnection(client)
  if (own) client.on('error', (err: unknown) => { lastError = err })
  const wake = (): void => { restUntilMs = 0 }
  client.on('ready', wake)

  return {
    get state () { return failures < FAILURES && isOpen(client) ? 'up' : 'down' },
    timeoutMs,
    isCluster: client.isCluster,
    async run (script, keys, args, limitMs = timeoutMs) {
      const isProbe = failures >= FAILURES
      if (isProbe) {
        if (probing || now() < restUntilMs) throw new Error('Redis is left alone after failures')
        probing = true
      }
      try {
        const reply = await withTimeLimit(send(script, keys, args), limitMs)
        succeeded()
        return reply
      } catch (err) {
        if (isReply(err)) succeeded()
        else if (!(err instanceof TooLate) || limitMs >= timeoutMs) failed(err)
        throw err
      } finally {
        if (isProbe) probing = false
      }
    },
    onReturn (listener) {
      listeners.push(listener)
    },
    ready: async () => await connected.promise,
    close () {
      connected.give()
      client.off('ready', wake)
      if (own) client.disconnect()
    }
  }

  async function send (script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (!connected.given) await connected.promise
    if (!isOpen(client)) throw new Error(lastError === undefined ? `no connection (${client.status})` : reasonOf(lastError))
    try {
      return await client.evalsha(shaOf(script), keys.length, ...keys, ...args)
    } catch (err) {
      if (!(err as Error).message.startsWith('NOSCRIPT')) throw err
      return await client.eval(script, keys.length, ...keys, ...args)
    }
  }

  function succeeded (): void {
    const returned = failures >= FAILURES
    failures = 0
    lastError = undefined
    if (!returned) return
    log.info({}, 'Redis answers again: verdicts are shared')
    for (const listener of listeners) listener()
  }

  function failed (err: unknown): void {
    if (++failures === FAILURES) {
      log.warn({ reason: reasonOf(err) }, 'Redis does not answer: verdicts are kept in this process only until it does')
    }
    restUntilMs = now() + REST_MS
  }
}

/** Of an error the message alone: ioredis hangs the command on it, with addresses and passwords. */
export function reasonOf (err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

/** Redis answered, though with an error: it is there. */
export function isReply (err: unknown): boolean {
  return err instanceof Error && err.name === 'ReplyError'
}

/** A command would be sent now, and not be queued for a time when nobody waits for it any more. */
function isOpen (client: RedisClient): boolean {
  return client.status === 'ready'
}

/** Commands that come while the first connection is being made wait for it; afterwards nobody waits for a connection. */
function firstConnection (client: RedisClient): { readonly promise: Promise<void>, readonly given: boolean, give (): void } {
  let given = isOpen(client)
  if (client.status === 'wait') client.connect().catch(() => {}) // as its first command would
  const { promise, resolve } = deferred<void>()
  const give = (): void => {
    given = true
    clearTimeout(timer)
    client.off('ready', give).off('close', give)
    resolve()
  }
  const timer = setTimeout(give, CONNECT_MS)
  if (given) give()
  else client.on('ready', give).on('close', give)
  return { promise, get given () { return given }, give }
}

const shas = new Map<string, string>()

function shaOf (script: string): string {
  let sha = shas.get(script)
  if (sha === undefined) shas.set(script, sha = createHash('sha1').update(script).digest('hex'))
  return sha
}

class TooLate extends Error {}

/** When the time is over, sockets are read once more: after a long turn of our own event loop the answer has come, and only waits there. */
function withTimeLimit<T> (pending: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new TooLate(`no answer within ${timeoutMs} ms`))), timeoutMs)
    pending.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, err => {
      clearTimeout(timer)
      reject(err)
    })
  })
}
