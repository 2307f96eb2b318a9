import { setImmediate as turn } from 'node:timers/promises'
import type { EngineOptions, IpRiskLogger, Provider } from '../../types/contract.ts'
import type { AgeLimits, CacheSettings, SharedCache } from '../cache/index.ts'
import { badOption } from '../errors.ts'
import type { Statement, TemporaryAllows } from '../policy/index.ts'
import { createBroadcasts } from './broadcasts.ts'
import { createRedisPort, type RedisPort } from './client.ts'
import { connect } from './connect.ts'
import { createEntryFormat, type Keys } from './keys.ts'
import { openSubscriber } from './subscriber.ts'
import { createVerdictStore, createWriteErrors } from './verdict-store.ts'

/** Which provider's verdicts stand in a key space, by the engines of this process that are open. */
const tenants = new Map<string, { readonly provider: string, engines: number }>()

/**
 * Two engines whose providers differ would take each other's entries for misses and write over them. Throws an `IpRiskError`; the function
 * given is to be called when the engine closes.
 */
export function moveIn (keySpace: string, provider: string): () => void {
  const tenant = tenants.get(keySpace) ?? { provider, engines: 0 }
  if (tenant.provider !== provider) {
    throw badOption('cache.keyPrefix', `is the same as that of another engine on this Redis, whose provider is "${tenant.provider}" and not "${provider}": ` +
      'their verdicts would overwrite each other; give each its own keyPrefix')
  }
  tenant.engines++
  tenants.set(keySpace, tenant)
  let moved = false
  return () => {
    if (moved) return
    moved = true
    if (--tenant.engines === 0) tenants.delete(keySpace)
  }
}

/** What the processes on one Redis share: verdicts, who asks for one, and the operator's word. */
export interface Fleet {
  readonly port: RedisPort
  readonly verdicts: SharedCache
  /** Both resolve after the time limit of Redis at the latest, and never reject: what cannot be told now is told later. */
  allow (statement: Statement): Promise<void>
  /** Also drops the shared verdicts. */
  forget (statements: readonly Statement[]): Promise<void>
  /** Resolves when the connection stands, or could not be made in a second. */
  ready (): Promise<void>
  /** Before calls are aborted: other processes may make them, and need not hear of our end. Resolves as `allow` does. */
  release (): Promise<void>
  close (): Promise<void>
}

export interface FleetParts {
  readonly cache: CacheSettings
  readonly ages: AgeLimits
  readonly keys: Keys
  readonly provider: Provider
  readonly log: IpRiskLogger
  readonly now: () => number
  /** What this process holds. */
  addresses (): Iterable<string>
  /** What other processes said is entered here … */
  readonly allowed: TemporaryAllows
  /** … and a verdict that they want forgotten is dropped by this. */
  forget (ip: string): void
}

/** Addresses whose HMAC is compared before others have a turn. */
const COMPARED_A_TURN = 500

/** Throws an `IpRiskError` that names the option. */
export function openFleet (option: NonNullable<EngineOptions['redis']>, parts: FleetParts): Fleet {
  const { cache, ages, keys, provider, log, now, addresses, allowed } = parts
  const connection = connect(option, log)
  let moveOut = (): void => {}
  try {
    if (provider.sync !== true) moveOut = moveIn(`${connection.place} ${cache.keyPrefix} ${keys.secret ? keys.id('') : ''}`, provider.name)
  } catch (err) {
    if (connection.own) connection.client.disconnect()
    throw err
  }
  const port = createRedisPort(connection, cache.redisTimeoutMs, log, now)
  // Channels know neither key prefixes nor numbered databases.
  const channel = `ip-risk:broadcasts:${connection.space}:${cache.keyPrefix}`
  const inbox = openSubscriber(connection, port, channel, { broadcast: text => notices.receive(text), listening: () => notices.catchUp() })
  const notices = createBroadcasts({ port, keys, channel, log, now, allowed, forget })
  port.onReturn(notices.catchUp)
  const names = [...new Set([provider.name, ...provider.names ?? []])]
  const entries = createEntryFormat({ ages, names, secret: keys.secret, now })
  const verdicts = createVerdictStore({ port, inbox, keys, entries, refusals: createWriteErrors(log, now), cache, log })

  return {
    port,
    verdicts,
    allow: notices.allow,
    async forget (statements) { await Promise.all(statements.map(notices.forget)) },
    async ready () {
      await port.ready()
      await inbox.ready()
    },
    release: async () => await verdicts.close(),
    async close () {
      moveOut()
      notices.close()
      inbox.close()
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
