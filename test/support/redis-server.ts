import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, Redis } from 'ioredis'
import type { ScriptRunner } from '../../lib/redis/client.ts'
import { freePort, launchRedis, retried } from './redis.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** SIGKILL: nothing is saved. */
  kill (): Promise<void>
  /** On the same port; empty, unless it could save. */
  start (): Promise<void>
  close (): Promise<void>
}

/** A redis-server of our own on a free port, without persistence. */
export async function redisServer (...more: readonly string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ip-risk-redis-'))
  let child: ChildProcess | null = null
  const port = await retried(async () => {
    const free = await freePort()
    child = await launchRedis(free, folder, more)
    return free
  })

  async function kill (): Promise<void> {
    const dead = child
    child = null
    if (dead === null) return
    const gone = once(dead, 'exit')
    dead.kill('SIGKILL')
    await gone
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async start () {
      child = await launchRedis(port, folder, more)
    },
    kill,
    async close () {
      await kill()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** A real ioredis client as the guards see it. */
export function redisPort (port: number): ScriptRunner & { readonly client: Redis, close (): void } {
  const client = new Redis({ port, enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 500, retryStrategy: () => 50 })
  client.on('error', () => {})
  return { client, ...portOf(client), close: () => client.disconnect() }
}

export function portOf (client: Redis | Cluster): ScriptRunner {
  // As in production: what comes while the first connection is being made waits for it.
  const connected = new Promise<void>(resolve => {
    if (client.status === 'ready') resolve()
    else client.once('ready', resolve).once('close', resolve)
  })
  return {
    async run (script, keys, args, timeoutMs) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((_resolve, reject) => { timer = setTimeout(() => reject(new Error('late')), timeoutMs) })
      try {
        return await Promise.race([connected.then(async () => await client.eval(script, keys.length, ...keys, ...args)), late])
      } finally {
        clearTimeout(timer)
      }
    }
  }
}
