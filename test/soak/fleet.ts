import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type Running, startProxy } from '../support/proxies.ts'
import { type RedisServer, redisServer } from '../support/redis-server.ts'
import { type Sentinel, startSentinel } from '../support/redis-topologies.ts'
import { type Child, startChild } from './child.ts'
import type { ProviderMode, ProviderSample } from './provider.ts'
import type { Counts, ServerOptions, ServerSample, Violation } from './server.ts'

export type Server = Child<'ready', 'sample', ServerSample> & Child<'ready', 'counts', Counts>
export type ProviderChild = Child<number, ProviderMode | 'sample', ProviderSample>

/** What a process had counted just before it was killed, and what it may have counted after that: for so long, in ms. */
export interface Killed extends Counts { readonly unseenMs: number }

/** Everything that the soak breaks: a Redis with a replica and a Sentinel, a provider, four applications and nginx. */
export interface Fleet {
  readonly origin: string
  readonly ports: readonly number[]
  readonly servers: Server[]
  readonly provider: ProviderChild
  readonly nodes: readonly RedisServer[]
  /** Of all processes, those that were killed since too. */
  readonly violations: readonly Violation[]
  readonly killed: readonly Killed[]
  /** The node that Sentinel calls master. */
  master (): Promise<RedisServer>
  killServer (index: number): Promise<void>
  restartServer (index: number): Promise<void>
  close (): Promise<void>
}

export async function startFleet (count: number): Promise<Fleet> {
  const first = await redisServer()
  const nodes = [first, await redisServer('--replicaof', '127.0.0.1', String(first.port))]
  const sentinel = await startSentinel(first)
  const provider: ProviderChild = await startChild('./provider.ts')
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const violations: Violation[] = []
  const killed: Killed[] = []
  const start = async (port: number): Promise<Server> => await startChild('./server.ts', [JSON.stringify({
    port, provider: `http://127.0.0.1:${provider.first}`, redis: { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: sentinel.name }
  } satisfies ServerOptions)], event => { violations.push(event as Violation) }) as Server
  const servers = await Promise.all(ports.map(start))
  const front = await freePort()
  const nginx = await startNginx(front, ports)
  return {
    origin: `http://127.0.0.1:${front}`,
    ports,
    servers,
    provider,
    nodes,
    violations,
    killed,
    master: () => masterOf(sentinel, nodes),
    async killServer (index) {
      const startedMs = performance.now()
      const counts = await servers[index]!.ask('counts')
      servers[index]!.process.kill('SIGKILL')
      killed.push({ ...counts, unseenMs: performance.now() - startedMs })
      await servers[index]!.kill()
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
  const client = new Redis({ port: node.port, host: '127.0.0.1' })
  try {
    return await client.call(...command)
  } finally {
    client.disconnect()
  }
}

export async function pidOf (node: RedisServer): Promise<number> {
  return Number(/process_id:(\d+)/.exec(String(await onNode(node, 'INFO', 'server')))![1])
}

/** Until the fleet has a master with a replica again. */
export async function healed (fleet: Fleet): Promise<void> {
  for (;;) {
    const info = await onNode(await fleet.master(), 'INFO', 'replication').then(String, String)
    if (/role:master/.test(info) && /connected_slaves:1/.test(info)) return
    await sleep(100)
  }
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
    keepalive 64;
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
