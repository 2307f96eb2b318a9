import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { serviceEnv as env } from './services.ts'

export type Proxy = 'nginx' | 'haproxy' | 'caddy'

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export interface Running { readonly stop: () => Promise<void> }

/** Starts the command in a temporary folder that holds the configuration as `config`; ready when all the ports answer. */
export async function startProxy (command: string, args: readonly string[], config: string, ports: readonly number[]): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), `ip-risk-${command}-`))
  await writeFile(join(folder, 'config'), config)
  const home = { HOME: folder, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' } // where Caddy keeps files of its own
  const child = spawn(command, args, { cwd: folder, env: { ...env, ...home }, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr!.on('data', chunk => { errors += chunk })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    for (const port of ports) await answering(port, child)
  } catch (error) {
    await stop()
    throw new Error(`${command} does not start: ${errors}`, { cause: error })
  }
  return { stop }
}

async function answering (port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(50) // not listening yet
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`nothing listens on ${port}`)
}

export interface NginxSite {
  readonly port: number
  /** `127.0.0.1:8080`, or `unix:/path`. */
  readonly to: string
  /** The address that it connects from. */
  readonly from?: string
  /** The value of the Connection header that it sends. Default: none. */
  readonly connection?: string
}

/** nginx as its manual has it: X-Forwarded-For appended, X-Real-IP set, connections to the application kept. */
export function startNginx (sites: readonly NginxSite[]): Promise<Running> {
  const servers = sites.map(({ port, to, from, connection = '""' }, i) => `
  upstream to${i} { server ${to}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://to${i};
      proxy_http_version 1.1;
      proxy_set_header Connection ${connection};
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Real-IP $remote_addr;
      ${from === undefined ? '' : `proxy_bind ${from};`}
    }
  }`).join('')
  const config = `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  ${servers}
}`
  return startProxy('nginx', ['-p', '.', '-c', 'config', '-e', 'stderr'], config, sites.map(site => site.port))
}

export interface HaproxySite {
  readonly port: number
  readonly to: string
  readonly from: string
  /** More lines of the section. */
  readonly lines?: readonly string[]
}

/** HAProxy with `option forwardfor`, which adds a line of its own to what the visitor sent. */
export function startHaproxy (sites: readonly HaproxySite[], global: readonly string[] = []): Promise<Running> {
  const config = `
global
  maxconn 64
${global.map(line => `  ${line}`).join('\n')}
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
${sites.map(({ port, to, from, lines = [] }, i) => `
listen site${i}
  bind 127.0.0.1:${port}
  option forwardfor
${lines.map(line => `  ${line}`).join('\n')}
  server to ${to} source ${from}
`).join('')}`
  return startProxy('haproxy', ['-db', '-f', 'config'], config, sites.map(site => site.port))
}

export interface CaddySite {
  readonly port: number
  readonly to: string
  /** More lines of `reverse_proxy`. */
  readonly lines?: readonly string[]
}

/** Caddy as it comes: it replaces what the visitor sent. It connects from 127.0.0.1: Debian 12's version cannot be told otherwise. */
export function startCaddy (sites: readonly CaddySite[]): Promise<Running> {
  const config = `
{
  admin off
  auto_https off
}
${sites.map(({ port, to, lines = [] }) => `
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${to} {
${lines.map(line => `    ${line}`).join('\n')}
  }
}`).join('')}`
  return startProxy('caddy', ['run', '--config', 'config', '--adapter', 'caddyfile'], config, sites.map(site => site.port))
}

export interface Visitor {
  readonly ask: (path: string, lines?: readonly string[], method?: string) => Promise<unknown>
  readonly close: () => void
}

/** A visitor who writes bytes: requests one after the other on one connection, from an address of the loopback network. */
export async function visitor (port: number, localAddress: string, host = '127.0.0.1'): Promise<Visitor> {
  const socket: Socket = connect({ port, host, localAddress })
  socket.setEncoding('latin1')
  await once(socket, 'connect')
  let received = ''
  return {
    async ask (path, lines = [], method = 'GET') {
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: app.example\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`)
      for (;;) {
        const head = received.indexOf('\r\n\r\n')
        if (head >= 0) {
          const length = Number(/content-length: (\d+)/i.exec(received.slice(0, head))?.[1])
          if (received.length >= head + 4 + length) {
            const body = received.slice(head + 4, head + 4 + length)
            received = received.slice(head + 4 + length)
            return JSON.parse(body) as unknown
          }
        }
        const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(10_000) }) as [string]
        received += chunk
      }
    },
    close: () => { socket.destroy() }
  }
}
