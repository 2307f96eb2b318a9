import { randomUUID } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { AsnPackage } from '../asn/database.ts'
import { decodeSnapshot, type MarkKind, SNAPSHOT_VERSION, type SnapshotMeta } from './snapshot.ts'

/** What `ip-risk lists info` shows of a list. */
export interface ListDescription {
  readonly id: string
  readonly kind: MarkKind
  readonly publisher?: string
  readonly prefixes4: number
  readonly prefixes6: number
  readonly asns: number
  /** Unix seconds; of the newest entry. */
  readonly dateSeconds: number
  readonly ageDays: number
  /** Null: never grows old. */
  readonly halfLifeDays: number | null
  /** Past its half-life. */
  readonly stale: boolean
  /** 0..1, lowered by the linter. */
  readonly trust: number
}
export interface SnapshotDescription {
  readonly version: number
  readonly createdSeconds: number
  readonly bytes: number
  /** Disjoint intervals kept. */
  readonly intervals4: number
  readonly intervals6: number
  /** Networks with an AS number; 0 without that data. */
  readonly networks: number
  readonly asnSource?: string
  /** Those given; then what comes with the package or was derived. */
  readonly lists: readonly ListDescription[]
  readonly builtIn: readonly ListDescription[]
}

/** Throws `BadSnapshot`. */
export function describeSnapshot (bytes: Uint8Array, nowMs: number = Date.now()): SnapshotDescription {
  const { meta, map, asns } = decodeSnapshot(bytes)
  const describe = (wanted: boolean): ListDescription[] => meta.lists
    .filter(list => (list.builtIn === true) === wanted)
    .map(({ builtIn, ...list }) => ({ ...list, ...ageOf(list, nowMs) }))
  return {
    version: SNAPSHOT_VERSION,
    createdSeconds: meta.createdSeconds,
    bytes: bytes.byteLength,
    intervals4: map.v4.labels.length,
    intervals6: map.v6.labels.length,
    networks: asns.length,
    ...meta.asnSource !== undefined && { asnSource: meta.asnSource },
    lists: describe(false),
    builtIn: describe(true)
  }
}

interface StaleList { readonly id: string, readonly ageDays: number, readonly halfLifeDays: number }

/** The lists given that are past their half-life. */
export function staleLists (meta: SnapshotMeta, nowMs: number): StaleList[] {
  return meta.lists.flatMap(list => {
    const { ageDays, stale } = ageOf(list, nowMs)
    return stale && !list.builtIn ? [{ id: list.id, ageDays, halfLifeDays: list.halfLifeDays! }] : []
  })
}

function ageOf (
  list: Pick<ListDescription, 'dateSeconds' | 'halfLifeDays'>, nowMs: number
): Pick<ListDescription, 'ageDays' | 'stale'> {
  const ageDays = Math.max(0, Math.floor((nowMs / 1000 - list.dateSeconds) / 86400))
  return { ageDays, stale: list.halfLifeDays !== null && ageDays > list.halfLifeDays }
}

/**
 * Of this user: `$XDG_CACHE_HOME/fastify-ip-risk`, else `~/.cache/fastify-ip-risk`, else one in the system's folder for
 * temporary files. XDG says to ignore a relative path.
 */
export function defaultCacheFolder (env: NodeJS.ProcessEnv = process.env, home: () => string = homedir): string {
  const base = env['XDG_CACHE_HOME']
  if (base !== undefined && isAbsolute(base)) return join(base, 'fastify-ip-risk')
  const own = homeFolder(home)
  return own === undefined ? temporaryFolder() : join(own, '.cache', 'fastify-ip-risk')
}

/**
 * Undefined where there is none. Node throws for a user with neither `HOME` nor a line in passwd, as a container may
 * run under.
 */
function homeFolder (home: () => string): string | undefined {
  try {
    const folder = home()
    return isAbsolute(folder) ? folder : undefined
  } catch {
    return undefined
  }
}

/**
 * Everybody can write there: a folder that somebody else made under this user's name is not read, since its lists would
 * be believed.
 */
function temporaryFolder (): string {
  const uid = process.getuid?.()
  const folder = join(tmpdir(), `fastify-ip-risk-${uid ?? 'user'}`)
  const state = lstatSync(folder, { throwIfNoEntry: false })
  const isOwn = state === undefined || (state.isDirectory() && (uid === undefined || state.uid === uid))
  return isOwn ? folder : `${folder}-${randomUUID()}`
}

/** What `ip-risk lists pull` and `ip-risk lists compile` write and `lists()` reads first. */
export function listsSnapshotPath (folder: string = defaultCacheFolder()): string {
  return join(folder, 'lists.snapshot')
}

/** What `lists()` itself compiles from the package of AS numbers where no lists were pulled. */
export function asnSnapshotPath (folder: string = defaultCacheFolder()): string {
  return join(folder, 'asn.snapshot')
}

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
