import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from './until.ts'
import { freePort, launched, type RedisServer, retried, startRedis } from './redis.ts'

export interface Sentinel {
  readonly port: number
  readonly name: string
  readonly client: Redis
  stop (): Promise<void>
}

/** One sentinel that watches a master, and is quick to give it up. */
export async function startSentinel (master: { readonly port: number }): Promise<Sentinel> {
  const name = 'verdicts'
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-sentinel-'))
  const { port, process } = await retried(async () => {
    const port = await freePort()
    const [file, logFile] = [join(folder, 'sentinel.conf'), join(folder, 'sentinel.log')]
    writeFileSync(file, [
      `port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `logfile ${logFile}`, `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 2000`, ''
    ].join('\n'))
    return { port, process: await launched(port, logFile, [file, '--sentinel']) }
  })
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  await client.ping()
  await until(async () => (await client.call('SENTINEL', 'REPLICAS', name) as unknown[]).length > 0)
  return {
    port,
    name,
    client,
    async stop () {
      client.disconnect()
      process.kill('SIGKILL')
      await once(process, 'exit')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Three masters, each with a third of the slots; what one of them loses the others do not refuse. */
export async function startCluster (): Promise<RedisServer[]> {
  const nodes = await Promise.all([0, 1, 2].map(async () => {
    return await retried(async () => {
      const bus = await freePort()
      const server = await startRedis({
        args: ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-require-full-coverage', 'no', '--cluster-node-timeout', '1000']
      })
      return { server, bus }
    })
  }))
  const slots = [[0, 5460], [5461, 10922], [10923, 16383]] as const
  for (const [i, { server }] of nodes.entries()) {
    await server.client.call('CLUSTER', 'ADDSLOTSRANGE', ...slots[i]!)
    await server.client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
  }
  for (const { server, bus } of nodes.slice(1)) await nodes[0]!.server.client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, bus)
  for (const { server } of nodes) {
    await until(async () => {
      const info = await server.client.call('CLUSTER', 'INFO') as string
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3') && info.includes('cluster_slots_ok:16384')
    })
  }
  return nodes.map(({ server }) => server)
}
