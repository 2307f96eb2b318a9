import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

type Test = { teardown (end: () => unknown): void }

export interface ServeProcess {
  readonly url: string
  readonly port: number
  readonly process: ChildProcess
  /** What it wrote to standard error until now. */
  err (): string
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
  post (path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number, headers: Headers, body: any }>
}

const command = ['--import', new URL('../../scripts/strip-types.js', import.meta.url).href, new URL('../../lib/cli/main.ts', import.meta.url).pathname]

function start (args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [...command, 'serve', ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** `ip-risk serve` as a process of its own on a free port. */
export async function startServe (t: Test, args: readonly string[] = [], env: Record<string, string> = {}): Promise<ServeProcess> {
  const child = start(['--port', '0', ...args], env)
  let err = ''
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => { err += chunk })
  while (!/listening on (\S+),/.test(err)) {
    const ended = await Promise.race([once(child.stderr!, 'data').then(() => null), exited])
    if (ended !== null) throw new Error(`serve ended with ${ended}: ${err}`)
  }
  const url = /listening on (\S+),/.exec(err)![1]!
  return {
    url,
    port: Number(new URL(url).port),
    process: child,
    exited,
    err: () => err,
    async post (path, body, headers = {}) {
      const reply = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body)
      })
      return { status: reply.status, headers: reply.headers, body: await reply.json() }
    }
  }
}

/** For command lines that it must refuse. */
export async function refusedServe (args: readonly string[]): Promise<{ readonly code: number | null, readonly err: string }> {
  const child = start(args, {})
  const [err, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')])
  return { code, err }
}

/** Writes bytes as they are, and resolves to all that comes back until the service closes the connection. */
export async function raw (port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(bytes, 'latin1')
  return await text(socket)
}
