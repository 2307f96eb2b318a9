import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'

/** Of this user: `$XDG_CACHE_HOME/fastify-ip-risk`, else `~/.cache/fastify-ip-risk`. XDG says to ignore a relative path. */
export function defaultCacheFolder (env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME']
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'fastify-ip-risk')
}

/** What `ip-risk lists pull` and `ip-risk lists compile` write and `lists()` reads first. */
export function listsSnapshotPath (folder: string = defaultCacheFolder()): string {
  return join(folder, 'lists.snapshot')
}

/** What `lists()` itself compiles from the package of AS numbers where no lists were pulled. */
export function asnSnapshotPath (folder: string = defaultCacheFolder()): string {
  return join(folder, 'asn.snapshot')
}

/** Whole or not at all: a reader, or a watching process, never sees half of it. Makes the folder. */
export function writeSnapshot (path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}.new`
  try {
    writeFileSync(beside, bytes, { mode: 0o644 })
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}
