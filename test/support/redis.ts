import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** A redis-server of the test's own, empty, on a free loopback port. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly process: ChildProcess
  /** A plain client for looking in from outside. */
  readonly client: Redis
  stop (): Promise<void>
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

export async function startRedis (options: { readonly port?: number, readonly args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = options.port ?? await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-redis-'))
  const process = spawn('redis-server', [
    '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...options.args ?? []
  ], { stdio: 'ignore' })
  await new Promise((resolve, reject) => process.once('spawn', resolve).once('error', reject))
  const exited = new Promise(resolve => process.once('exit', resolve))
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {}) // not up yet, or killed by the test
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
