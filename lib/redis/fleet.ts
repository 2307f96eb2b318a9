import { setImmediate as turn } from 'node:timers/promises'
import type { EngineOptions, IpRiskLogger, Provider } from '../../types/contract.ts'
import type { AgeLimits, CacheSettings, SharedCache } from '../cache/index.ts'
import { badOption } from '../errors.ts'
import type { Observers } from '../util/index.ts'
import type { Exceptions, Statement } from '../policy/index.ts'
import { answerNames } from '../verdict/index.ts'
import { createBroadcasts } from './broadcasts.ts'
import { createRedisPort, type RedisPort } from './client.ts'
import { connect } from './connect.ts'
import { createEntryFormat, type Keys } from './keys.ts'
import { openSubscriber } from './subscriber.ts'
import { createVerdictStore, createWriteErrors } from './verdict-store.ts'

/** The provider of each key space that open engines of this process use. */
const keySpaces = new Map<string, { readonly provider: string, engines: number }>()

/**
 * Throws an `IpRiskError` if another engine with another provider uses the key space: they would take each other's
 * entries for misses and overwrite them. The result is to be called when the engine closes.
 */
function useKeySpace (name: string, provider: string): () => void {
  const used = keySpaces.get(name) ?? { provider, engines: 0 }
  if (used.provider !== provider) {
    throw badOption('cache.keyPrefix', 'is the same as that of another engine on this Redis, whose provider is ' +
      `"${used.provider}" and not "${provider}": their verdicts would overwrite each other; ` +
      'give each its own keyPrefix')
  }
  used.engines++
  keySpaces.set(name, used)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    if (--used.engines === 0) keySpaces.delete(name)
  }
}

/** What the processes on one Redis share: verdicts, leases, and the operator's statements. */
export interface Fleet {
  readonly port: RedisPort
  readonly verdicts: SharedCache
  /** These resolve after the time limit of Redis at the latest, and never reject: what fails now is published later. */
  allow (statement: Statement): Promise<void>
  revoke (statements: readonly Statement[]): Promise<void>
  /** Learns what other processes have stored. Rejects when Redis does not answer. */
  readStored (): Promise<void>
  /** Also drops the shared verdicts. */
  forget (statements: readonly Statement[]): Promise<void>
  /** Makes the other processes forget an account, by its HMAC. Rejects when Redis does not answer. */
  forgetAccount (key: string): Promise<void>
  /** Resolves when the connection is made, or could not be made in a second. */
  ready (): Promise<void>
  /** To be called before calls are aborted, so that other processes may make them. Resolves as `allow` does. */
  release (): Promise<void>
  close (): Promise<void>
}

interface FleetParts {
  readonly cache: CacheSettings
  readonly ages: AgeLimits
  readonly keys: Keys
  readonly provider: Provider
  readonly log: IpRiskLogger
  readonly now: () => number
  /** Those that are cached or being loaded in this process. */
  addresses (): Iterable<string>
  /** Gets those of other processes. */
  readonly exceptions: Exceptions
  readonly observers?: Pick<Observers, 'redis'>
  /** Drops the verdict on an address in this process, when another one invalidates it. */
  forget (ip: string): void
  /** Drops an account, by its HMAC, from the memory of this process. */
  forgetAccount (key: string): void
}

/** Addresses whose HMAC is compared in one turn of the event loop. */
const COMPARED_A_TURN = 500

/** Throws an `IpRiskError` that names the option. */
export function openFleet (option: NonNullable<EngineOptions['redis']>, parts: FleetParts): Fleet {
  const { cache, ages, keys, provider, log, now, addresses, exceptions, forgetAccount } = parts
  const connection = connect(option, log)
  const keySpace = `${connection.dataSet} ${cache.keyPrefix} ${keys.secret ? keys.id('') : ''}`
  let leaveKeySpace = (): void => {}
  try {
    if (provider.sync !== true) leaveKeySpace = useKeySpace(keySpace, provider.name)
  } catch (err) {
    if (connection.own) connection.client.disconnect()
    throw err
  }
  const port = createRedisPort(connection, cache.redisTimeoutMs, log, now, parts.observers)
  // Channels know neither key prefixes nor numbered databases.
  const channel = `ip-risk:broadcasts:${connection.space}:${cache.keyPrefix}`
  const broadcasts = createBroadcasts({ port, keys, channel, log, now, exceptions, forget, forgetAccount })
  const subscriber = openSubscriber(connection, port, channel, {
    broadcast: broadcasts.receive, listening: broadcasts.catchUp
  })
  port.onReturn(broadcasts.catchUp)
  const names = [...new Set([provider.name, ...answerNames(provider)])]
  const entries = createEntryFormat({ ages, names, secret: keys.secret, now })
  const writes = createWriteErrors(log, now)
  const verdicts = createVerdictStore({ port, subscriber, keys, entries, writes, cache, log })

  return {
    port,
    verdicts,
    allow: broadcasts.allow,
    async revoke (statements) { await Promise.all(statements.map(broadcasts.revoke)) },
    readStored: broadcasts.readStored,
    async forget (statements) { await Promise.all(statements.map(broadcasts.forget)) },
    forgetAccount: broadcasts.forgetAccount,
    async ready () {
      await port.ready()
      await subscriber.ready()
    },
    release: async () => await verdicts.close(),
    async close () {
      leaveKeySpace()
      await broadcasts.close()
      subscriber.close()
      await verdicts.close()
      port.close()
    }
  }

  function forget (id: string): void {
    if (keys.secret) forgetByHash(id)
    else parts.forget(id)
  }

  async function forgetByHash (id: string): Promise<void> {
    let compared = 0
    for (const ip of [...addresses()]) {
      if (keys.ids(ip).includes(id)) parts.forget(ip)
      if (++compared % COMPARED_A_TURN === 0) await turn()
    }
  }
}
