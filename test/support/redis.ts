import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from './until.ts'

/** A redis-server of the test's own, empty, on a free loopback port. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly process: ChildProcess
  /** A plain client for looking in from outside. */
  readonly client: Redis
  stop (): Promise<void>
}

/** Below the range from which Linux takes the ports of outgoing connections, so that none of them takes this one meanwhile. */
export async function freePort (): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Why a redis-server ended before it answered: the last line of its log. */
export class RedisDidNotStart extends Error { override readonly name = 'RedisDidNotStart' }

/** A redis-server without persistence, with its log in the folder. */
export async function launchRedis (port: number, folder: string, args: readonly string[]): Promise<ChildProcess> {
  const logFile = join(folder, 'redis.log')
  return await launched(port, logFile, [
    '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, '--logfile', logFile, ...args
  ])
}

/** Resolves once this redis-server answers, and not another one that has its port. */
export async function launched (port: number, logFile: string, args: readonly string[]): Promise<ChildProcess> {
  const process = spawn('redis-server', args, { stdio: 'ignore' })
  await once(process, 'spawn')
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 })
  client.on('error', () => {}) // not up yet
  await until(async () => {
    const info = await client.connect().then(async () => await client.info('server')).catch(() => '')
    client.disconnect()
    if (info.includes(`process_id:${process.pid}\r`)) return true
    if (process.exitCode === null && process.signalCode === null) return false
    throw new RedisDidNotStart(existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n').at(-1) : 'no log')
  })
  return process
}

/** For `t.beforeEach`: each test finds this Redis empty. */
export const emptied = ({ client }: Pick<RedisServer, 'client'>) => async (): Promise<void> => { await client.flushall() }

/** Whatever was sent to Redis before has arrived. */
export const turns = async (): Promise<unknown> => await new Promise(resolve => setTimeout(resolve, 100))

/** Runs each script of a client through `around`. `script` is its text or its SHA-1. */
export function aroundScripts (client: Redis, around: (script: string, run: () => Promise<unknown>) => Promise<unknown>): void {
  for (const name of ['eval', 'evalsha'] as const) {
    const run = client[name].bind(client) as (...args: unknown[]) => Promise<unknown>
    Object.assign(client, {
      [name]: async (...args: unknown[]) => await around(String(args[0]), async () => await run(...args))
    })
  }
}

/** Tries again when another program took the free port. */
export async function retried<T> (start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (tries === 5 || !(error instanceof RedisDidNotStart)) throw error
    }
  }
}

export async function startRedis (options: { readonly port?: number, readonly args?: readonly string[] } = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-redis-'))
  const { port, process } = await retried(async () => {
    const port = options.port ?? await freePort()
    return { port, process: await launchRedis(port, folder, options.args ?? []) }
  })
  const exited = once(process, 'exit')
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {}) // killed by the test
  await client.ping()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    process,
    client,
    async stop () {
      client.disconnect()
      process.kill('SIGCONT')
      process.kill('SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
