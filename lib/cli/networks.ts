import { existsSync } from 'node:fs'
import { findAsnPackage } from '../lists/asn-database.ts'
import { asnSnapshotPath, defaultCacheFolder, listsSnapshotPath, writeSnapshot } from '../lists/cache-folder.ts'
import { runCompileJob } from '../lists/compile-job.ts'
import type { Io } from './command.ts'

/**
 * A server answers `unknown` until its AS numbers are compiled in the background. Somebody who asks about one address waits for them
 * instead, once.
 */
export function compileNetworksOnce (io: Io): void {
  const folder = defaultCacheFolder(io.env)
  const asnPackage = findAsnPackage()
  if (asnPackage === undefined || existsSync(listsSnapshotPath(folder)) || existsSync(asnSnapshotPath(folder))) return
  io.err(`ip-risk: compiling ${asnPackage.source}, once`)
  const job = { sources: [], covers: [], builtIn: true, asnPackage, nowSeconds: Math.floor(Date.now() / 1000) }
  writeSnapshot(asnSnapshotPath(folder), runCompileJob(job))
}
