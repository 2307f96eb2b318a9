import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { createIo, type IoStreams } from '../../lib/cli/io.ts'
import { runCli } from '../../lib/cli/run.ts'
import { mmdbFile } from './mmdb-writer.ts'

export interface CliResult { readonly code: number, readonly out: string, readonly err: string }

function kept (chunks: Buffer[]): Writable {
  return new Writable({
    write (chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    }
  })
}

/** A run of `ip-risk` inside this process; texts are without their last line feed. */
export async function runCommand (
  args: readonly string[], { env = {}, stdin = '', ...more }: Partial<Omit<IoStreams, 'stdin'>> & { readonly stdin?: string | Uint8Array } = {}
): Promise<CliResult> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  const code = await runCli(args, createIo({
    env,
    stdin: Readable.from(stdin.length === 0 ? [] : [Buffer.from(stdin as string)]),
    stdout: kept(out),
    stderr: kept(err),
    // Each real one would listen for the signals of this process.
    interrupted: () => new AbortController().signal,
    ...more
  }))
  const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString().replace(/\n$/, '')
  return { code, out: text(out), err: text(err) }
}

/** A database in which 192.0.2.0/24 is a VPN, whose name tries to write to the terminal. */
export function mmdbIn (t: { testdir (): string }): string {
  const path = join(t.testdir(), 'anonymous.mmdb')
  writeFileSync(path, mmdbFile({
    databaseType: 'GeoIP-Anonymous-Plus',
    networks: { '192.0.2.0/24': { is_anonymous: true, is_anonymous_vpn: true, provider_name: 'Some\u001b[31m\nVPN', anonymizer_confidence: 70 } }
  }))
  return path
}
