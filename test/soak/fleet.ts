import type { ChildProcess } from 'node:child_process'
import { Redis } from 'ioredis'
import { freePort, type Running, startProxy } from '../support/proxies.ts'
import { type RedisServer, redisServer } from '../support/redis-server.ts'
import { type Sentinel, startSentinel } from '../support/redis-topologies.ts'
import { type Child, startChild } from './child.ts'
import type { ProviderMode, ProviderSample } from './provider.ts'
import type { Seen, ServerOptions, ServerSample, ServerState } from './server.ts'

export type Server = Child<'ready', 'sample', ServerSample> & Child<'ready', 'state', ServerState>
export type ProviderChild = Child<number, ProviderMode | 'sample', ProviderSample>

/** How often any process saw it, those that were killed since included. */
export type Tally = Readonly<Record<Seen, number>>

/** What was seen since. */
export function difference (now: Tally, before: Tally): Tally {
  const since = (seen: Seen): number => now[seen] - before[seen]
  return { pastRefusal: since('pastRefusal'), falseVerdict: since('falseVerdict'), failedOpen: since('failedOpen'), unknown: since('unknown') }
}

/** Everything that the soak breaks: a Redis with a replica and a Sentinel, a provider, four applications and nginx. */
export interface Fleet {
  readonly origin: string
  readonly ports: readonly number[]
  readonly servers: Server[]
  readonly provider: ProviderChild
  readonly nodes: readonly RedisServer[]
  readonly tally: Tally
  /** The node that Sentinel calls master. */
  master (): Promise<RedisServer>
  /** The process that it killed. */
  killServer (index: number): Promise<ChildProcess>
  restartServer (index: number): Promise<void>
  close (): Promise<void>
}

export async function startFleet (count: number): Promise<Fleet> {
  const first = await redisServer()
  const nodes = [first, await redisServer('--replicaof', '127.0.0.1', String(first.port))]
  const sentinel = await startSentinel(first)
  const provider: ProviderChild = await startChild('./provider.ts')
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const tally = { pastRefusal: 0, falseVerdict: 0, failedOpen: 0, unknown: 0 }
  const start = async (port: number): Promise<Server> => await startChild('./server.ts', [JSON.stringify({
    port, provider: `http://127.0.0.1:${provider.first}`, redis: { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: sentinel.name }
  } satisfies ServerOptions)], event => { tally[event as Seen]++ }) as Server
  const servers = await Promise.all(ports.map(start))
  const front = await freePort()
  const nginx = await startNginx(front, ports)
  return {
    origin: `http://127.0.0.1:${front}`,
    ports,
    servers,
    provider,
    nodes,
    tally,
    master: () => masterOf(sentinel, nodes),
    async killServer (index) {
      const { process, kill } = servers[index]!
      await kill()
      return process
    },
    async restartServer (index) {
      servers[index] = await start(ports[index]!)
    },
    async close () {
      await nginx.stop()
      await Promise.all([...servers, provider].map(child => child.kill()))
      await sentinel.stop()
      await Promise.all(nodes.map(node => node.close()))
    }
  }
}

async function masterOf (sentinel: Sentinel, nodes: readonly RedisServer[]): Promise<RedisServer> {
  const [, port] = await sentinel.client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinel.name) as [string, string]
  return nodes.find(node => node.port === Number(port))!
}

/** Runs one command on a node, and hangs up. */
export async function onNode (node: RedisServer, ...command: readonly [string, ...string[]]): Promise<unknown> {
  const client = new Redis({ port: node.port, host: '127.0.0.1', maxRetriesPerRequest: 3 })
  client.on('error', () => {}) // the command rejects
  try {
    return await client.call(...command)
  } finally {
    client.disconnect()
  }
}

/** A field of `INFO server`. */
export async function infoOf (node: RedisServer, field: 'process_id' | 'run_id'): Promise<string> {
  return new RegExp(`^${field}:(\\w+)`, 'm').exec(String(await onNode(node, 'INFO', 'server')))![1]!
}

export async function statesOf ({ servers }: Fleet): Promise<ServerState[]> {
  return await Promise.all(servers.map(server => server.ask('state')))
}

export const isCutOff = ({ redis }: ServerState): boolean => redis !== 'up'

/** How many processes of the fleet report that they cannot use Redis. */
export async function withoutRedis (fleet: Fleet): Promise<number> {
  return (await statesOf(fleet)).filter(isCutOff).length
}

/** A request to a process that died goes to the next one: the handlers of the soak may run twice. */
async function startNginx (port: number, servers: readonly number[]): Promise<Running> {
  return await startProxy('nginx', ['-p', '.', '-c', 'config', '-e', 'stderr'], `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid nginx.pid;
error_log /dev/null;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream fleet {
    ${servers.map(server => `server 127.0.0.1:${server} max_fails=1 fail_timeout=1s;`).join(' ')}
    keepalive 400;
    keepalive_timeout 2s;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://fleet;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_next_upstream error timeout non_idempotent;
    }
  }
}`, [port])
}
