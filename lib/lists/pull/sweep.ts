import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What `replaceFile` writes beside a file before it renames it; versions before wrote `.tmp`, too. */
const temporaryName = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(?:tmp|new)$/
/** A younger one may belong to a process that is still writing. */
const MIN_AGE_MS = 3_600_000

/** Removes temporary files that a killed process left in a folder. A folder that is not there has none. */
export async function sweepTemporaryFiles (folder: string, nowMs: number = Date.now()): Promise<void> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A folder that cannot be read is reported by what needs it next.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return
    throw error
  }
  for (const name of names.filter(name => temporaryName.test(name))) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path)
    if (nowMs - mtimeMs > MIN_AGE_MS) await rm(path, { force: true })
  }
}
