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

export interface StaleList { readonly id: string, readonly ageDays: number, readonly halfLifeDays: number }

/** The lists given that are past their half-life. */
export function staleLists (meta: SnapshotMeta, nowMs: number): StaleList[] {
  return meta.lists.flatMap(list => {
    const { ageDays, stale } = ageOf(list, nowMs)
    return stale && !list.builtIn ? [{ id: list.id, ageDays, halfLifeDays: list.halfLifeDays! }] : []
  })
}

function ageOf (list: Pick<ListDescription, 'dateSeconds' | 'halfLifeDays'>, nowMs: number): Pick<ListDescription, 'ageDays' | 'stale'> {
  const ageDays = Math.max(0, Math.floor((nowMs / 1000 - list.dateSeconds) / 86400))
  return { ageDays, stale: list.halfLifeDays !== null && ageDays > list.halfLifeDays }
}
