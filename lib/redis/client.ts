import type { IpRiskLogger } from '../../types/contract.ts'
import type { RedisClientLike } from '../../types/redis.ts'
import { deferred, type Observers } from '../util/index.ts'
import { type Connection, isCluster } from './connect.ts'
import { nodeCircuits, reasonOf } from './node-circuits.ts'
import { operationOf, PROBE, sentInFull, sha1 } from './scripts.ts'

/** Runs Lua scripts in Redis: all that a quota needs. */
export interface ScriptRunner {
  /**
   * Runs a Lua script, by its SHA-1. All keys share one slot in a Cluster. Rejects when Redis answers with an error,
   * after the time limit (the script may have run all the same), and at once while the circuit of its node is open or
   * the limit is 0. A limit shorter than `timeoutMs` that passes says nothing about Redis.
   */
  run (
    script: string, keys: readonly string[], args: readonly (string | number)[], timeoutMs?: number
  ): Promise<unknown>
  /** Whether the circuit of the node of this key is closed. If not, `run` rejects at once: do not prepare a call. */
  answers? (key?: string): boolean
}

/**
 * Redis behind a time limit, and a circuit breaker for each node: no call takes longer than the limit, whatever state
 * Redis is in.
 */
export interface RedisPort extends Required<ScriptRunner> {
  /** `degraded`: some nodes of a Cluster do not answer. */
  readonly state: 'up' | 'degraded' | 'down'
  readonly timeoutMs: number
  readonly isCluster: boolean
  /** Rejects when the node of this key does not answer. */
  probe (key: string): Promise<void>
  /** The node of a key in a Cluster: keys of one node fail together. */
  nodeOf (key: string): string
  /** Called when a circuit closes again: messages may have been missed. */
  onReturn (listener: () => void): void
  /** Resolves when the first connection is made, or could not be made in a second. */
  ready (): Promise<void>
  /** Closes a connection that we made. The application's own stays open. */
  close (): void
}

const CONNECT_MS = 1000

export function createRedisPort (
  { client, own }: Connection, timeoutMs: number, log: IpRiskLogger, now: () => number,
  observers?: Pick<Observers, 'redis'>
): RedisPort {
  let lastError: unknown
  const listeners: (() => void)[] = []
  const connected = firstConnection(client)
  if (own) client.on('error', (err: unknown) => { lastError = err })
  const circuits = nodeCircuits({
    client,
    log,
    now,
    async probe (key) {
      try {
        await withTimeLimit(send(PROBE, key === undefined ? [] : [key], []), timeoutMs)
      } catch (err) {
        if (!isReply(err)) throw err
      }
      lastError = undefined
    },
    onReturn () { for (const listener of listeners) listener() }
  })
  /** Scripts whose text was sent on this connection, so that Redis, new or restarted, knows them. */
  const sent = new Set<string>()
  const connectedAgain = (): void => {
    sent.clear()
    circuits.probeNow()
  }
  client.on('ready', connectedAgain)
  let reopening: NodeJS.Timeout | undefined
  // ioredis gives up for ever where a Sentinel announces a failover while it is connecting.
  const reopen = (): void => { reopening = setTimeout(() => { client.connect().catch(() => {}) }, CONNECT_MS).unref() }
  if (own) client.on('end', reopen)
  // With `lists()` alone, lookups send no command that would show it.
  const watch = watchConnection(client, () => circuits.disconnected(lastError ?? unconnected(client)))

  async function run (
    script: string, keys: readonly string[], args: readonly (string | number)[], limitMs = timeoutMs
  ): Promise<unknown> {
    if (limitMs <= 0) throw new TimeLimitError('no time left for Redis')
    const circuit = circuits.of(keys[0])
    if (circuit.state !== 'closed') throw circuitOpen
    const call = {}
    const startedMs = observers?.redis === undefined ? 0 : performance.now()
    let error: string | undefined
    try {
      const reply = await withTimeLimit(send(script, keys, args), limitMs)
      circuit.succeeded(call)
      lastError = undefined
      return reply
    } catch (err) {
      if (isReply(err)) circuit.succeeded(call)
      else if (!(err instanceof TimeLimitError) || limitMs >= timeoutMs) circuit.failed(call, err)
      error = isReply(err) ? 'rejected' : err instanceof TimeLimitError ? 'timeout' : 'unavailable'
      throw err
    } finally {
      observers?.redis?.(operationOf(script), performance.now() - startedMs, error)
    }
  }

  return {
    get state () {
      if (!isOpen(client)) return 'down'
      const { open } = circuits
      if (open === 0) return 'up'
      return isCluster(client) && open < client.nodes('master').length ? 'degraded' : 'down'
    },
    timeoutMs,
    isCluster: client.isCluster,
    run,
    answers: key => circuits.of(key).state === 'closed',
    async probe (key) { await run(PROBE, [key], []).catch(err => { if (!isReply(err)) throw err }) },
    nodeOf: circuits.nodeOf,
    onReturn (listener) {
      listeners.push(listener)
    },
    ready: async () => await connected.promise,
    close () {
      connected.settle()
      circuits.close()
      client.off('ready', connectedAgain)
      watch.end()
      client.off('end', reopen)
      clearTimeout(reopening)
      if (own) client.disconnect()
    }
  }

  async function send (script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (!connected.settled) await connected.promise
    if (!isOpen(client)) {
      throw lastError === undefined ? unconnected(client) : new Error(reasonOf(lastError))
    }
    if (sent.has(script) && !sentInFull.has(script)) {
      try {
        return await client.evalsha(shaOf(script), keys.length, ...keys, ...args)
      } catch (err) { // it was removed, or this is another node of a Cluster
        if (!(err as Error).message.startsWith('NOSCRIPT')) throw err
      }
    }
    sent.add(script)
    return await client.eval(script, keys.length, ...keys, ...args)
  }
}

/** Whether Redis answered, with an error of its own: so it works. */
export function isReply (err: unknown): boolean {
  return err instanceof Error && err.name === 'ReplyError'
}

/** Whether a command is sent now, and not queued until no request waits for it any more. */
function isOpen (client: RedisClientLike): boolean {
  return client.status === 'ready'
}

/** Commands wait for the first connection while it is being made, and for no later one. */
function firstConnection (
  client: RedisClientLike
): { readonly promise: Promise<void>, readonly settled: boolean, settle (): void } {
  let settled = isOpen(client)
  if (client.status === 'wait') client.connect().catch(() => {}) // as its first command would
  const { promise, resolve } = deferred<void>()
  const settle = (): void => {
    settled = true
    clearTimeout(timer)
    client.off('ready', settle)
    client.off('close', settle)
    resolve()
  }
  const timer = setTimeout(settle, CONNECT_MS)
  if (settled) {
    settle()
  } else {
    client.on('ready', settle)
    client.on('close', settle)
  }
  return { promise, get settled () { return settled }, settle }
}

function unconnected ({ status }: RedisClientLike): Error {
  return new Error(`no connection (${status})`)
}

/** Calls `lost` where there is no connection, and none comes within a second. Does not keep the process alive. */
function watchConnection (client: RedisClientLike, lost: () => void): { end (): void } {
  let timer: NodeJS.Timeout | undefined
  const look = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      if (!isOpen(client)) lost()
    }, CONNECT_MS).unref()
  }
  client.on('close', look)
  if (!isOpen(client)) look()
  return {
    end () {
      clearTimeout(timer)
      client.off('close', look)
    }
  }
}

const shas = new Map<string, string>()

function shaOf (script: string): string {
  let sha = shas.get(script)
  if (sha === undefined) shas.set(script, sha = sha1(script))
  return sha
}

class TimeLimitError extends Error {}

/** One for all calls: a stack trace costs more than the rest of such a call. */
const circuitOpen = new Error('Redis does not answer: its circuit is open')

/** At the limit, sockets are read once more: after a long turn of our own event loop the reply may be there already. */
function withTimeLimit<T> (pending: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = (): void => reject(new TimeLimitError(`no answer within ${timeoutMs} ms`))
    // setTimeout cuts off fractions, so it would end before the budget, of which the limit is the rest.
    const timer = setTimeout(() => setImmediate(expire), Math.ceil(timeoutMs))
    pending.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, err => {
      clearTimeout(timer)
      reject(err)
    })
  })
}
