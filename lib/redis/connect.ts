import { createRequire } from 'node:module'
import type { EngineOptions, IpRiskLogger } from '../../types/contract.ts'
import type { RedisClientLike, RedisOptionsLike } from '../../types/redis.ts'
import { badOption } from '../errors.ts'
import { shown } from '../util/index.ts'

/** What a Cluster client has besides. */
interface ClusterClient extends RedisClientLike {
  nodes (role: 'master'): readonly unknown[]
  /** By slot, the addresses of its nodes, the primary first. */
  readonly slots: readonly (readonly string[] | undefined)[]
  readonly startupNodes: readonly unknown[]
}

export function isCluster (client: RedisClientLike): client is ClusterClient {
  return client.isCluster
}

/** A client and what is known of it. */
export interface Connection {
  readonly client: RedisClientLike
  /** Made by us, so closed by us. */
  readonly own: boolean
  /** The data set: two connections with the same one see the same keys. */
  readonly dataSet: string
  /** The part of it that channels do not know: the number of the database and the client's own prefix. */
  readonly space: string
  /** One more connection, for messages only. The caller closes it. */
  subscriber (): RedisClientLike
}

const retryMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), 1000)

/**
 * The client's own defaults are made for queues and wait ten seconds and more; a cache must answer or be skipped. A
 * connection without a reply for two seconds is closed, or a host that vanished would be waited for until TCP notices.
 */
const impatient = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  socketTimeout: 2000,
  disconnectTimeout: 100, // a frozen server does not close its side, and would keep the process alive
  retryStrategy: retryMs
}

/** Throws an `IpRiskError`. */
export function connect (option: NonNullable<EngineOptions['redis']>, log: IpRiskLogger): Connection {
  const own = !isClient(option)
  const client = own ? open(option) : option
  if (own) client.on('error', () => {}) // each command rejects too; without a listener ioredis prints to standard error
  else warnOfPrefix(client, log)
  const space = spaceOf(client)
  return { client, own, dataSet: `${serverOf(client)} ${space}`, space, subscriber: () => duplicate(client) }
}

type Constructor = new (...args: readonly unknown[]) => RedisClientLike

function open (option: string | RedisOptionsLike): RedisClientLike {
  if (typeof option === 'string') {
    if (!/^rediss?:\/\/./.test(option)) {
      throw badOption('redis', 'must be a URL such as redis://127.0.0.1:6379, ioredis options, or a client')
    }
    try {
      return new (ioredis())(option, impatient)
    } catch { // the error quotes the URL, and with it the password
      throw badOption('redis', 'is not a valid URL: check the port, and encode special characters of the password')
    }
  }
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    throw badOption('redis', `must be a URL, ioredis options or a client, got ${shown(option)}`)
  }
  const failover = option.sentinels == null ? {} : { failoverDetector: true, sentinelCommandTimeout: 1000 }
  try {
    return new (ioredis())({ ...impatient, ...failover, ...option })
  } catch (err) {
    throw badOption('redis', `is refused by ioredis: ${(err as Error).message}`, err)
  }
}

/** Loaded on use: most applications give a client of their own, or none. */
function ioredis (): Constructor {
  return (createRequire(import.meta.url)('ioredis') as { Redis: Constructor }).Redis
}

const methods = [
  'evalsha', 'eval', 'ping', 'subscribe', 'connect', 'disconnect', 'duplicate', 'on', 'off', 'removeAllListeners'
] as const satisfies readonly (keyof RedisClientLike)[]

/** By its methods: the application's ioredis may be another copy than ours. Throws for a client of another library. */
function isClient (option: unknown): option is RedisClientLike {
  if (typeof option !== 'object' || option === null) return false
  const given = option as Partial<Record<string, unknown>>
  const isNodeRedis = typeof given['evalSha'] === 'function'
  if (isNodeRedis || (typeof given['sendCommand'] === 'function' && typeof given['evalsha'] !== 'function')) {
    const library = isNodeRedis ? 'node-redis (the package "redis")' : 'another library'
    throw badOption('redis', `is a client of ${library}, which has other methods: give its URL, or a client of ioredis`)
  }
  if (typeof given['duplicate'] !== 'function') return false
  const missing = methods.filter(name => typeof given[name] !== 'function')
  if (missing.length > 0) {
    throw badOption('redis', `is a client without ${missing.join(', ')}: give its URL, or a client of ioredis`)
  }
  return true
}

/** The client prefix of a Cluster, where it is part of what decides the slot of a key. */
export function clusterPrefix (option: EngineOptions['redis']): string {
  return isClient(option) && option.isCluster ? option.options.keyPrefix ?? '' : ''
}

function warnOfPrefix (client: RedisClientLike, log: IpRiskLogger): void {
  const { keyPrefix } = client.options
  if (keyPrefix === undefined || keyPrefix === '') return
  log.warn({ code: 'IP_RISK_REDIS_KEY_PREFIX', keyPrefix }, 'the Redis client has a "keyPrefix" of its own: ' +
    'verdicts are stored under it, where other programs do not look for them; it does not change channels')
}

function duplicate (client: RedisClientLike): RedisClientLike {
  const make = client.duplicate.bind(client) as (...overrides: readonly unknown[]) => RedisClientLike
  const forMessages = { enableOfflineQueue: true, lazyConnect: false }
  const subscriber = client.isCluster
    ? make([], { ...forMessages, clusterRetryStrategy: retryMs })
    : make({
      ...forMessages,
      maxRetriesPerRequest: null,
      autoResubscribe: false,
      connectTimeout: 1000,
      disconnectTimeout: 100,
      retryStrategy: retryMs
    })
  subscriber.on('error', () => {}) // it reconnects by itself; until then waiters read the key
  return subscriber
}

function serverOf (client: RedisClientLike): string {
  if (isCluster(client)) return `cluster ${JSON.stringify(client.startupNodes)}`
  const { sentinels, name, path, host, port } = client.options as RedisOptionsLike
  if (sentinels != null) return `${name} of ${JSON.stringify(sentinels)}`
  return path ?? `${host === 'localhost' ? '127.0.0.1' : host}:${port}`
}

function spaceOf (client: RedisClientLike): string {
  const { db = 0, keyPrefix = '' } = client.options as RedisOptionsLike
  return `${client.isCluster ? 0 : db}:${keyPrefix}`
}
