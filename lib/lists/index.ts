export { type AsnPackage, findAsnPackage, readAsnTable } from './asn/database.ts'
export type { AsnTable } from './asn/table.ts'
export { runCompileJob } from './compile/compile-job.ts'
export { compileSnapshot } from './compile/compile.ts'
export { BANDS } from './compile/weights.ts'
export { NO_DATA } from './database/database.ts'
export { fileState, watchFiles } from './database/live-database.ts'
export { type Part, snapshotPart, sourcesPart } from './database/parts.ts'
export { verdictOf } from './database/score.ts'
export {
  asnSnapshotPath, defaultCacheFolder, describeSnapshot, findSnapshot, type ListDescription, listsSnapshotPath,
  type SnapshotDescription, writeSnapshot
} from './database/snapshot-files.ts'
export { eyeballNetworks } from './pull/eyeball.ts'
export { loadPulled, type PulledList, pullLists } from './pull/pull.ts'
export { rangesOf } from './sources/list.ts'
export { type PublishedList, publishers } from './sources/publishers.ts'
export type { FileSource, InlineSource, ListSource } from './sources/source.ts'
