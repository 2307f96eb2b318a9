import type { RedisClientLike } from '../../types/redis.ts'
import { createRedisModel, type RedisModel, sha1 } from './redis-model.ts'
import { models } from './script-models.ts'
import { type Actor, START_MS, type World } from './world.ts'

/**
 * How messages travel: uniform delay, and the chance that one is lost or arrives twice. As in TCP those of one connection
 * and direction stay in order; all others overtake each other.
 */
export interface Weather { readonly delayMs: number, readonly loss: number, readonly twice: number }

/** One Redis, and the connections of simulated processes to it. */
export interface Network {
  readonly redis: RedisModel
  weather: Weather
  /** Processes whose messages do not arrive, in either direction. */
  readonly cut: Set<Actor>
  readonly isUp: boolean
  connect (actor: Actor): RedisClientLike
  /** Redis stops: connections close, and its scripts are forgotten. */
  stop (): void
  /** With its data, without, or as a replica that misses the last writes before the stop. */
  start (data: 'kept' | 'lost' | 'behind'): void
  /** The process is killed: its connections close. */
  drop (actor: Actor): void
}

interface Connection {
  readonly actor: Actor
  readonly channels: Set<string>
  status: string
  /** When the last message in each direction arrives. */
  readonly arrivals: { out: number, back: number }
  emit (event: string, ...args: readonly unknown[]): void
  /** Rejects what waits for a reply. */
  fail (): void
}

class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

const RECONNECT_MS = 100
const texts = new Map([...models.keys()].map(text => [sha1(text), text]))

interface NetworkOptions {
  /** Something from or to a process got lost: of a broadcast nothing shows it, where its connection does not close. */
  lost (actor: Actor, isBroadcast: boolean): void
  /** What a replica misses. 0: there is none. */
  readonly behindMs: number
}

export function createNetwork (world: World, { lost, behindMs }: NetworkOptions): Network {
  const redis = createRedisModel(() => world.nowMs, START_MS)
  const loaded = new Set<string>()
  const connections = new Set<Connection>()
  const snapshots: { readonly atMs: number, readonly data: ReturnType<RedisModel['snapshot']> }[] = []
  const cut = new Set<Actor>()
  let weather: Weather = { delayMs: 1, loss: 0, twice: 0 }
  let isUp = true
  let stoppedMs = 0
  let starts = 0

  /** Delivers to Redis (`out`) or to the process, unless it gets lost on the way. */
  function deliver ({ actor, arrivals }: Connection, way: 'out' | 'back', run: () => void, isBroadcast = false): void {
    const times = world.random() < weather.twice ? 2 : 1
    for (let i = 0; i < times; i++) {
      if (world.random() < weather.loss) {
        lost(actor, isBroadcast)
        continue
      }
      arrivals[way] = Math.max(arrivals[way], world.nowMs + 0.05 + world.random() * weather.delayMs)
      // A frozen process reads later what its machine has received.
      world.at(arrivals[way] - world.nowMs, null, () => {
        if (cut.has(actor)) lost(actor, isBroadcast)
        else if (way === 'out') run()
        else world.at(0, actor, run)
      })
    }
  }

  function runScript (text: string, keyCount: number, rest: readonly (string | number)[]): unknown {
    const model = models.get(text)
    if (model === undefined) throw new Error('a script without a model')
    const words = rest.map(String)
    const reply = model(redis, words.slice(0, keyCount), words.slice(keyCount))
    if (behindMs > 0) snapshots.push({ atMs: world.nowMs, data: redis.snapshot() })
    // The first one may be older: it is what the replica has.
    while (snapshots.length > 1 && snapshots[1]!.atMs <= world.nowMs - behindMs) snapshots.shift()
    for (const { channel, message } of redis.published.splice(0)) {
      for (const connection of connections) {
        if (!connection.channels.has(channel)) continue
        deliver(connection, 'back', () => connection.emit('message', channel, message), channel.startsWith('ip-risk:broadcasts:'))
      }
    }
    return reply
  }

  function connect (actor: Actor): RedisClientLike {
    const listeners = new Map<string, Set<(...args: never[]) => void>>()
    const waiting = new Set<(err: Error) => void>()
    let closed = false
    const connection: Connection = {
      actor,
      channels: new Set(),
      arrivals: { out: 0, back: 0 },
      status: 'connecting',
      emit (event, ...args) {
        for (const listener of [...listeners.get(event) ?? []]) listener(...args as never[])
      },
      fail () {
        for (const reject of waiting) reject(new Error('Connection is closed.'))
        waiting.clear()
      }
    }

    function open (): void {
      if (closed || connection.status === 'ready') return
      if (!isUp || cut.has(actor)) {
        world.at(RECONNECT_MS, actor, open)
        return
      }
      connection.status = 'ready'
      connection.emit('ready')
    }

    /** Closed from outside: connects again, as ioredis does. */
    function lose (): void {
      if (closed) return
      connection.status = 'reconnecting'
      connection.channels.clear()
      connection.fail()
      connection.emit('close')
      world.at(RECONNECT_MS, actor, open)
    }

    async function command (run: () => unknown): Promise<unknown> {
      if (connection.status !== 'ready') throw new Error('Connection is closed.')
      return await new Promise((resolve, reject) => {
        waiting.add(reject)
        deliver(connection, 'out', () => {
          if (!isUp) return
          let reply: () => void
          try {
            const value = run()
            reply = () => resolve(value)
          } catch (err) {
            reply = () => reject(err)
          }
          deliver(connection, 'back', () => {
            waiting.delete(reject)
            reply()
          })
        })
      })
    }

    losses.set(connection, lose)
    connections.add(connection)
    world.at(1, actor, open)
    return {
      get status () { return connection.status },
      isCluster: false,
      options: { host: 'simulated', port: 6379 } as RedisClientLike['options'],
      evalsha: async (sha, keyCount, ...rest) => await command(() => {
        if (!loaded.has(sha)) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.')
        return runScript(texts.get(sha)!, keyCount, rest)
      }),
      eval: async (text, keyCount, ...rest) => await command(() => {
        loaded.add(sha1(text))
        return runScript(text, keyCount, rest)
      }),
      ping: async () => await command(() => 'PONG'),
      subscribe: async (...channels) => await command(() => {
        for (const channel of channels) connection.channels.add(channel)
        return channels.length
      }),
      connect: async () => {},
      disconnect () {
        closed = true
        connection.status = 'end'
        connection.fail()
        connections.delete(connection)
        losses.delete(connection)
      },
      duplicate: () => connect(actor),
      on (event, listener) {
        const known = listeners.get(event)
        if (known === undefined) listeners.set(event, new Set([listener]))
        else known.add(listener)
      },
      off (event, listener) { listeners.get(event)?.delete(listener) },
      removeAllListeners (event) { listeners.delete(event!) }
    }
  }

  const losses = new Map<Connection, () => void>()
  const loseAll = (): void => {
    for (const [{ actor }, lose] of [...losses]) world.at(0.1, actor, lose)
  }

  return {
    redis,
    get weather () { return weather },
    set weather (next) { weather = next },
    cut,
    get isUp () { return isUp },
    connect,
    stop () {
      isUp = false
      stoppedMs = world.nowMs
      loseAll()
    },
    start (data) {
      isUp = true
      redis.runId = `run${++starts}`
      loaded.clear()
      if (data === 'kept') return
      const kept = data === 'lost' ? undefined : snapshots.findLast(({ atMs }) => atMs <= stoppedMs - behindMs)
      redis.restore(kept?.data ?? new Map())
    },
    drop (actor) {
      for (const connection of [...connections]) {
        if (connection.actor !== actor) continue
        connections.delete(connection)
        losses.delete(connection)
      }
    }
  }
}
