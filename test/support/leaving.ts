import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Kind = 'http' | 'tls' | 'http2' | 'upgrade'
/** `stream` is RST_STREAM with CANCEL, `stream-no-error` with NO_ERROR; `half` closes only the sending side. */
export type Leave = 'reset' | 'close' | 'half' | 'stream' | 'stream-no-error'
export interface Command {
  readonly open?: { readonly kind: Kind, readonly count: number, readonly to: NetConnectOpts }
  readonly send?: { readonly lines: readonly string[] }
  readonly leave?: Leave
  /** Written when all of the command is done: a server that is busy cannot receive a message. */
  readonly marker?: string
}

/** The key of the TLS servers in these tests, which have no certificate. */
export const psk = { psk: Buffer.alloc(16, 7), identity: 'test' }
export const pskOptions = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const

/** Clients in another process that send requests and leave. */
export interface LeavingClients {
  readonly count: number
  /** Connects anew, handshakes included; earlier connections end. */
  open (kind: Kind, to: NetConnectOpts): Promise<void>
  /** One request on each connection. */
  send (lines?: readonly string[]): Promise<void>
  leave (how: Leave): Promise<void>
  /** All requests are sent and all clients are gone before this process, and so the server in it, runs again. */
  sendAndLeave (how: Leave, lines?: readonly string[]): Promise<void>
}

type Ended = { teardown (close: () => unknown): unknown }

export async function leavingClients (t: Ended, count: number): Promise<LeavingClients> {
  const folder = await mkdtemp(join(tmpdir(), 'ip-risk-leaving-'))
  const child = fork(new URL('./leaving-client.ts', import.meta.url))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  await once(child, 'message')
  child.unref() // the tests end when nothing else is left to do
  child.channel!.unref()
  let markers = 0
  const tell = async (command: Command, meanwhile = (): void => {}): Promise<void> => {
    const done = once(child, 'message')
    child.channel!.ref()
    child.send(command)
    meanwhile()
    await done
    child.channel!.unref()
  }
  return {
    count,
    open: (kind, to) => tell({ open: { kind, count, to } }),
    send: (lines = []) => tell({ send: { lines } }),
    leave: how => tell({ leave: how }),
    async sendAndLeave (how, lines = []) {
      const marker = join(folder, String(markers++))
      const nothing = new Int32Array(new SharedArrayBuffer(4))
      await tell({ send: { lines }, leave: how, marker }, () => {
        while (!existsSync(marker)) Atomics.wait(nothing, 0, 0, 5)
      })
    }
  }
}
