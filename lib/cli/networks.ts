import type { Provider } from '../../types/contract.ts'
import { type AsnPackage, findAsnPackage } from '../lists/asn-database.ts'
import { asnSnapshotPath, defaultCacheFolder, writeSnapshot } from '../lists/cache-folder.ts'
import { runCompileJob } from '../lists/compile-job.ts'
import { findSnapshot } from '../lists/find-snapshot.ts'
import { snapshotPart } from '../lists/snapshot-part.ts'
import { providerOfParts } from '../providers/lists.ts'
import type { Io } from './command.ts'

/**
 * The embedded provider as a command needs it. A server answers `unknown` until its AS numbers are compiled in the background; somebody
 * who asks about one address waits for them instead, once.
 */
export function listsForOnce (io: Io): Provider {
  const cacheFolder = defaultCacheFolder(io.env)
  const asnPackage = findAsnPackage()
  const found = findSnapshot(cacheFolder, asnPackage)
  const bytes = found.bytes ?? (asnPackage && compileNetworks(asnPackage, cacheFolder, io))
  const part = snapshotPart({ found: { ...found, ...bytes && { bytes } }, cacheFolder, asnPackage, watchIntervalMs: undefined })
  return providerOfParts([part])
}

function compileNetworks (asnPackage: AsnPackage, cacheFolder: string, io: Io): Uint8Array {
  io.err(`ip-risk: compiling ${asnPackage.source}, once`)
  const bytes = runCompileJob({ sources: [], covers: [], builtIn: true, asnPackage, nowSeconds: Math.floor(Date.now() / 1000) })
  try {
    writeSnapshot(asnSnapshotPath(cacheFolder), bytes)
  } catch (error) {
    io.err(`ip-risk: the compiled AS numbers cannot be kept, and will be compiled anew each time: ${(error as Error).message}`)
  }
  return bytes
}
