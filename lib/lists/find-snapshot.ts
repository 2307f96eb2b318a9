import { readFileSync } from 'node:fs'
import type { AsnPackage } from './asn-database.ts'
import { asnSnapshotPath, listsSnapshotPath } from './cache-folder.ts'
import { decodeSnapshot } from './snapshot.ts'

export interface FoundSnapshot {
  /** Undefined: the folder has none that can be used. */
  readonly bytes?: Uint8Array
  /** Why snapshots that are there cannot be used. */
  readonly problems: readonly unknown[]
}

/** The pulled lists; else the compiled AS numbers, if they are those of the package that is installed now. */
export function findSnapshot (cacheFolder: string, asnPackage: AsnPackage | undefined): FoundSnapshot {
  const problems: unknown[] = []
  const read = (path: string, wanted: (asnSource: string | undefined) => boolean): Uint8Array | undefined => {
    try {
      const bytes = readFileSync(path)
      return wanted(decodeSnapshot(bytes).meta.asnSource) ? bytes : undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(error)
      return undefined
    }
  }
  const bytes = read(listsSnapshotPath(cacheFolder), () => true) ??
    read(asnSnapshotPath(cacheFolder), asnSource => asnPackage === undefined || asnSource === asnPackage.source)
  return { ...bytes && { bytes }, problems }
}
