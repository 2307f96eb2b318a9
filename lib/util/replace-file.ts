import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

interface ReplaceFileOptions {
  /** Permissions of the file. Default 0o644. */
  readonly mode?: number | undefined
  /** Waits until the disk has it, so that a loss of power leaves the old or the new content. Default false. */
  readonly flush?: boolean | undefined
  /** The temporary file. Default: a name that no other process has. */
  readonly beside?: string | undefined
}

/** Whole or not at all: it is written beside and renamed, so no reader meets a part of it. Makes the folder. */
export function replaceFile (path: string, content: string | Uint8Array, options: ReplaceFileOptions = {}): void {
  // No process id: containers that share a volume have the same ones.
  const { mode = 0o644, flush = false, beside = `${path}.${randomUUID()}.new` } = options
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(beside, content, { mode, flush })
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}
