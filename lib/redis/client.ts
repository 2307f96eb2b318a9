import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { shown } from '../options.ts'

export type RedisClient = Redis | Cluster

/** Redis behind a time limit and a breaker of its own: whatever state it is in, nobody waits longer than `timeoutMs` for it. */
export interface RedisPort {
  readonly state: 'up' | 'down'
  /** Rejects when the command failed or took too long, and at once while Redis is left alone. */
  run<T> (command: (client: RedisClient) => Promise<T>): Promise<T>
  /** Resolves when the first connection stands, or the time limit is over. */
  ready (): Promise<void>
  /** Closes the connection that we made; the application's own stays open. */
  close (): Promise<void>
}

/** Failures in a row after which Redis is left alone, and for how long before one command probes it. */
const FAILURES = 3
const REST_MS = 1000
/** Made for queues, the defaults of the client wait ten seconds and more; a cache must answer or be skipped. */
const impatient: RedisOptions = { enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 1000 }

export function openRedis (option: EngineOptions['redis'], timeoutMs: number, log: IpRiskLogger, now: () => number): RedisPort | undefined {
  if (option === undefined) return undefined
  const own = !(option instanceof Redis || option instanceof Cluster || isClient(option))
  const client = own ? connect(option) : option as RedisClient
  if (own) client.on('error', () => {}) // every command says so itself; without a listener the client prints to standard error
  let failures = 0
  let restUntilMs = 0
  let probing = false

  return {
    get state () { return failures >= FAILURES ? 'down' : 'up' },
    async run (command) {
      if (failures >= FAILURES) {
        if (probing || now() < restUntilMs) throw new Error('Redis is left alone after failures')
        probing = true
      }
      try {
        const result = await withTimeLimit(command(client), timeoutMs)
        succeeded()
        return result
      } catch (err) {
        if (isReply(err)) succeeded()
        else failed(err)
        throw err
      } finally {
        probing = false
      }
    },
    async ready () {
      if (client.status !== 'ready') await withTimeLimit(new Promise(resolve => client.once('ready', resolve)), impatient.connectTimeout!).catch(failed)
    },
    async close () {
      if (own) client.disconnect()
    }
  }

  function succeeded (): void {
    if (failures >= FAILURES) log.info({}, 'Redis answers again: verdicts are shared')
    failures = 0
  }

  function failed (err: unknown): void {
    if (++failures === FAILURES) log.warn({ err }, 'Redis does not answer: verdicts are kept in this process only until it does')
    restUntilMs = now() + REST_MS
  }
}

function connect (option: NonNullable<EngineOptions['redis']>): RedisClient {
  if (typeof option === 'string') {
    if (!/^rediss?:\/\//.test(option)) throw badOption('redis', 'must be a URL such as redis://127.0.0.1:6379, ioredis options, or a client')
    return new Redis(option, impatient as object)
  }
  if (typeof option !== 'object' || option === null) throw badOption('redis', `must be a URL, ioredis options or a client, got ${shown(option)}`)
  return new Redis({ ...impatient, ...option } as object)
}

/** A client of another copy of ioredis, which `instanceof` does not know. */
function isClient (option: unknown): boolean {
  return typeof option === 'object' && option !== null && typeof (option as RedisClient).duplicate === 'function'
}

/** Redis answered, though with an error: it is there. */
function isReply (err: unknown): boolean {
  return err instanceof Error && err.name === 'ReplyError'
}

function withTimeLimit<T> (pending: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    pending.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
