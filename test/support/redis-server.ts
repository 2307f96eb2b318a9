import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, Redis } from 'ioredis'
import type { ScriptRunner } from '../../lib/redis/client.ts'

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
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'ip-risk-redis-'))
  let child: ChildProcess | null = null

  async function start (): Promise<void> {
    child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...more], {
      stdio: 'ignore'
    })
    const client = new Redis({ port, lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 })
    client.on('error', () => {})
    for (;;) {
      const up = await client.connect().then(() => client.ping(), () => null)
      if (up === 'PONG') break
      await sleep(20)
    }
    client.disconnect()
  }

  async function kill (): Promise<void> {
    const dead = child
    child = null
    if (dead === null) return
    const gone = new Promise(resolve => dead.once('exit', resolve))
    dead.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    async close () {
      await kill()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
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
