import { join } from 'node:path'
import { type AsnPackage, readAsnTable } from '../asn/database.ts'
import { compileSnapshot } from '../compile/compile.ts'
import { listsSnapshotPath } from '../database/snapshot-files.ts'
import { eyeballNetworks } from '../pull/eyeball.ts'
import { loadPulled, pullLists } from '../pull/pull.ts'
import { sweepTemporaryFiles } from '../pull/sweep.ts'
import { type PublishedList, publishers } from '../sources/publishers.ts'
import { replaceFile } from '../../util/index.ts'

/** One pull of the public lists, with all that a thread needs for it; survives structured cloning. */
export interface RefreshJob {
  readonly cacheFolder: string
  readonly asnPackage?: AsnPackage | undefined
  /** As `PullOptions`. */
  readonly mirror?: string | undefined
  /** Ids of lists that are neither fetched nor compiled. */
  readonly skip: readonly string[]
  /** Default: all of `publishers`. */
  readonly sources?: readonly PublishedList[] | undefined
  /** Default: that of `fetchList`. */
  readonly timeoutMs?: number | undefined
}

export interface RefreshResult {
  readonly lists: number
  /** Those whose data are the old ones, or none. */
  readonly failed: readonly { readonly id: string, readonly problem: string }[]
}

/** Where the lists are that were pulled. */
export function pulledFolder (cacheFolder: string): string {
  return join(cacheFolder, 'lists')
}

/**
 * Pulls and compiles. Where no list came, nothing is written. Rejects where files cannot be written or read: then the
 * snapshot of before is still there, whole.
 */
export async function runRefreshJob (job: RefreshJob): Promise<RefreshResult> {
  const { cacheFolder, asnPackage, mirror, skip, timeoutMs } = job
  const sources = (job.sources ?? publishers).filter(({ id }) => !skip.includes(id))
  const folder = pulledFolder(cacheFolder)
  await Promise.all([cacheFolder, folder].map(path => sweepTemporaryFiles(path)))
  const asnTable = asnPackage && readAsnTable(asnPackage)
  const results = await pullLists({
    folder,
    sources,
    ...mirror !== undefined && { mirror },
    ...timeoutMs !== undefined && { timeoutMs },
    ...asnTable !== undefined && { eyeball: eyeballNetworks(asnTable) }
  })
  const failed = results.flatMap(({ id, problem }) => problem === undefined ? [] : [{ id, problem }])
  if (failed.length < results.length) {
    const nowSeconds = Math.floor(Date.now() / 1000)
    const bytes = compileSnapshot(await loadPulled(folder, sources), { nowSeconds, ...asnTable && { asnTable } })
    replaceFile(listsSnapshotPath(cacheFolder), bytes)
  }
  return { lists: results.length, failed }
}
