import { readdir, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Who has a lock. */
interface Owner {
  readonly host: string
  readonly pid: number
  /** When the process began, so that another one with its number is not taken for it. Empty where that is not known. */
  readonly began: string
}

const BEAT_MS = 5_000
/** A process of another host, or container, cannot be looked up. It is dead when its file is as old as this. */
const SILENT_MS = 60_000

/** Either the lock, or the lock file of a process that has it. */
export type FileLock = { readonly release: () => Promise<void> } | { readonly heldBy: string }

/**
 * A lock on a file that need not exist, among processes and containers that see its folder. Each process has a lock
 * file of its own, made before it looks for others, so of two at most one goes on, and nobody ever takes over a file.
 * Of two that begin at once, neither may get it. Those that a crash left are removed. A process can lock a file once.
 * Rejects where the folder cannot be written.
 */
export async function lockFile (file: string): Promise<FileLock> {
  const target = await realpath(file).catch(async () => join(await realpath(dirname(file)), basename(file)))
  const prefix = `${basename(target)}.lock-`
  const own: Owner = { host: await hostOf(), pid: process.pid, began: (await statusOf(process.pid)).began }
  // No process has this name again: a file that is removed cannot be that of a new one.
  const path = join(dirname(target), `${prefix}${own.host}-${own.pid}-${own.began}`)
  // Written, not touched: the time is then that of the file system, as of every other lock file in the folder.
  const write = (): Promise<void> => writeFile(path, JSON.stringify(own), { mode: 0o600 })
  let beating: Promise<unknown> = Promise.resolve()
  const beat = setInterval(() => { beating = write().catch(() => {}) }, BEAT_MS)
  beat.unref()
  const release = async (): Promise<void> => {
    clearInterval(beat)
    await beating
    await rm(path, { force: true })
  }
  try {
    await write()
    const { mtimeMs } = await stat(path)
    for (const name of await readdir(dirname(target))) {
      const other = join(dirname(target), name)
      if (!name.startsWith(prefix) || other === path) continue
      if (await isAlive(other, own, mtimeMs)) {
        await release()
        return { heldBy: other }
      }
      await rm(other, { force: true })
    }
    return { release }
  } catch (error) {
    await release()
    throw error
  }
}

async function isAlive (path: string, own: Owner, nowMs: number): Promise<boolean> {
  let text: string
  let silentMs: number
  try {
    text = await readFile(path, 'utf8')
    // A file of the future is one from before the clock was set back.
    silentMs = Math.abs(nowMs - (await stat(path)).mtimeMs)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false // released just now
    throw error
  }
  const owner = ownerOf(text)
  if (owner === null || owner.host !== own.host) return silentMs < SILENT_MS
  if (owner.pid === own.pid) return false // of an earlier process with our number
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const { began, hasEnded } = await statusOf(owner.pid)
  return !hasEnded && (began === '' || began === owner.began)
}

/** Null: it was not completely written. */
function ownerOf (text: string): Owner | null {
  try {
    const { host, pid, began } = JSON.parse(text) as Owner
    return typeof host === 'string' && Number.isInteger(pid) && pid > 0 && typeof began === 'string'
      ? { host, pid, began }
      : null
  } catch {
    return null
  }
}

/** Numbers of processes mean something within one host, and there within one namespace. */
async function hostOf (): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${hostname()}${namespace}`.replaceAll(/[^\w.-]/g, '_')
}

/**
 * Of Linux's `/proc/<pid>/stat` (proc(5)) the 22nd field, and whether the third says that the process is dead: where
 * nobody waits for it, as in a container without an init process, it keeps its number as a zombie. The second field may
 * have spaces. Elsewhere `began` is empty.
 */
async function statusOf (pid: number): Promise<{ readonly began: string, readonly hasEnded: boolean }> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { began: fields[19] ?? '', hasEnded: /^[ZXx]$/.test(fields[0]!) }
}
