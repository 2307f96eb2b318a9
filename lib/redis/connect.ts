import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import { badOption } from '../errors.ts'
import { shown } from '../util/index.ts'

export type RedisClient = Redis | Cluster

/** A client, and whose it is. */
export interface Connection {
  readonly client: RedisClient
  /** Made by us: closed by us. */
  readonly own: boolean
  /** Which data set this is: two connections that say the same see the same keys. */
  readonly place: string
  /** The part of it that channels do not know: number of the database and the client's own prefix. */
  readonly space: string
  /** One more connection, for messages only; whoever asks for it closes it. */
  subscriber (): RedisClient
}

const retryMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), 1000)

/**
 * The client's own defaults are made for queues and wait ten seconds and more; a cache must answer or be skipped. A connection on which
 * nothing comes back for two seconds is given up, or a vanished host would be waited for until TCP notices.
 */
const impatient: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  socketTimeout: 2000,
  disconnectTimeout: 100, // a frozen server does not say good-bye, and would keep the process alive
  retryStrategy: retryMs
}

/** Throws an `IpRiskError`. */
export function connect (option: NonNullable<EngineOptions['redis']>, log: IpRiskLogger): Connection {
  const own = !isClient(option)
  const client = own ? open(option) : option
  if (own) client.on('error', () => {}) // every command says so itself; without a listener the client prints to standard error
  else warnOfPrefix(client, log)
  return { client, own, place: `${serverOf(client)} ${spaceOf(client)}`, space: spaceOf(client), subscriber: () => duplicate(client) }
}

function open (option: string | RedisOptions): Redis {
  if (typeof option === 'string') {
    if (!/^rediss?:\/\/./.test(option)) throw badOption('redis', 'must be a URL such as redis://127.0.0.1:6379, ioredis options, or a client')
    try {
      return new Redis(option, impatient as object)
    } catch { // the error quotes the URL, and with it the password
      throw badOption('redis', 'is no URL that can be understood: see to the port, and encode special characters of the password')
    }
  }
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    throw badOption('redis', `must be a URL, ioredis options or a client, got ${shown(option)}`)
  }
  try {
    const failover = option.sentinels == null ? {} : { failoverDetector: true, sentinelCommandTimeout: 1000 }
    return new Redis({ ...impatient, ...failover, ...option } as object)
  } catch (err) {
    throw badOption('redis', `is refused by ioredis: ${(err as Error).message}`, err)
  }
}

/** By its methods: a client of another copy of ioredis is no instance of our class. */
function isClient (option: unknown): option is RedisClient {
  return typeof option === 'object' && option !== null && typeof (option as RedisClient).duplicate === 'function'
}

/** What the client of a Cluster puts before each name, where it decides in which slot a key lives. */
export function clusterPrefix (option: EngineOptions['redis']): string {
  return isClient(option) && option.isCluster ? option.options.keyPrefix ?? '' : ''
}

function warnOfPrefix (client: RedisClient, log: IpRiskLogger): void {
  const { keyPrefix } = client.options
  if (keyPrefix === undefined || keyPrefix === '') return
  log.warn({ code: 'IP_RISK_REDIS_KEY_PREFIX', keyPrefix }, 'the Redis client has a "keyPrefix" of its own: verdicts are kept under it, where other programs do not look for them; ' +
    'it does not change channels')
}

function duplicate (client: RedisClient): RedisClient {
  const forMessages = { enableOfflineQueue: true, lazyConnect: false }
  const subscriber = client.isCluster
    ? (client as Cluster).duplicate([], { ...forMessages, clusterRetryStrategy: retryMs })
    : (client as Redis).duplicate({
        ...forMessages,
        maxRetriesPerRequest: null,
        autoResubscribe: false,
        connectTimeout: 1000,
        disconnectTimeout: 100,
        retryStrategy: retryMs
      } as RedisOptions)
  subscriber.on('error', () => {}) // it connects again by itself; until then waiters look at the key
  return subscriber
}

function serverOf (client: RedisClient): string {
  if (client.isCluster) return `cluster ${JSON.stringify((client as unknown as { startupNodes: readonly unknown[] }).startupNodes)}`
  const { sentinels, name, path, host, port } = (client as Redis).options
  if (sentinels != null) return `${name} of ${JSON.stringify(sentinels)}`
  return path ?? `${host === 'localhost' ? '127.0.0.1' : host}:${port}`
}

function spaceOf (client: RedisClient): string {
  return `${client.isCluster ? 0 : (client as Redis).options.db ?? 0}:${client.options.keyPrefix ?? ''}`
}
