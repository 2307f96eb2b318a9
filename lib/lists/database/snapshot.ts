import { crc32 } from 'node:zlib'
import { BadSnapshot } from '../../errors.ts'
import type { ListKind } from '../sources/list.ts'
import { BUCKETS, type IntervalMap } from './interval-map.ts'

/** What a mark on an address means: a kind of list, or what compiling derived. */
export type MarkKind =
  | ListKind | 'covered' | 'not-public' | 'public' | 'public-service' | 'gateway' | 'cgnat'
  | 'near-one' | 'near-few' | 'near-many' | 'vpn-name'

export interface SnapshotList {
  readonly id: string
  readonly kind: MarkKind
  readonly publisher?: string
  /** Null: never grows old. */
  readonly halfLifeDays: number | null
  /** Unix seconds. */
  readonly dateSeconds: number
  readonly trust: number
  /** What the list had, before overlapping ranges were put together. */
  readonly prefixes4: number
  readonly prefixes6: number
  readonly asns: number
  /** Comes with the package or was derived from other lists. */
  readonly builtIn?: true
}
interface SnapshotMark {
  readonly list: number
  readonly day: number
  /** The list names so much around the address that it is not believed alone: see `wideRanges`. */
  readonly wide?: true
}
export interface SnapshotMeta {
  readonly createdSeconds: number
  /** Where the AS numbers come from; absent: no such data, so nothing is known to be `clean`. */
  readonly asnSource?: string
  readonly lists: readonly SnapshotList[]
  /** A list, and the day (Unix days) when it was last right about an address. */
  readonly marks: readonly SnapshotMark[]
}

/**
 * All that is known, in flat arrays. A label is a network's AS number together with a set of marks. Label 0 says
 * nothing at all, label n up to `asns.length` only that network n - 1 announces the address, and those above stand in
 * `labelAsn` and `labelSet`, in their order.
 */
export interface Snapshot {
  readonly meta: SnapshotMeta
  readonly map: IntervalMap
  /** Index into `asns` plus one; 0: none. */
  readonly labelAsn: Uint32Array
  readonly labelSet: Uint16Array
  /** Set s has the marks `setMarks[setStart[s]]` up to `setStart[s + 1]`. */
  readonly setStart: Uint32Array
  readonly setMarks: Uint16Array
  readonly asns: Uint32Array
  readonly asnSet: Uint16Array
  /**
   * 0: too few VPN servers known there; else 1 + density class, and 4 more for the second and the third publisher.
   */
  readonly asnDensity: Uint8Array
  /** UTF-8 names, a newline behind each; `nameStart[b]` is where name `NAME_BLOCK` * b starts. */
  readonly nameStart: Uint32Array
  readonly names: Uint8Array
}
export const NAME_BLOCK = 16

const MAGIC = 0x6b736972 // "risk"
/** Goes up with every change of the format or of what compiling derives, so that old files are compiled anew. */
export const SNAPSHOT_VERSION = 4
/** Read the other way round on a machine of the other byte order. */
const BYTE_ORDER = 0x01020304
const HEADER_WORDS = 6

type Section = Uint8Array | Uint16Array | Uint32Array
type SectionType = Uint8ArrayConstructor | Uint16ArrayConstructor | Uint32ArrayConstructor
const LAYOUT: readonly SectionType[] = [
  Uint8Array, Uint32Array, Uint16Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array,
  Uint32Array, Uint16Array, Uint32Array, Uint16Array, Uint32Array, Uint16Array, Uint8Array, Uint32Array, Uint8Array
]

/**
 * Header, table of sections (offset, bytes), sections on 8-byte boundaries; the check sum covers all behind the header.
 */
export function encodeSnapshot (snapshot: Snapshot): Uint8Array {
  const { map: { v4, v6 } } = snapshot
  const sections: Section[] = [
    new TextEncoder().encode(JSON.stringify(snapshot.meta)),
    v4.index, v4.starts, v4.labels, v6.index, v6.high, v6.low, v6.lowAt, v6.labels,
    snapshot.labelAsn, snapshot.labelSet, snapshot.setStart, snapshot.setMarks,
    snapshot.asns, snapshot.asnSet, snapshot.asnDensity, snapshot.nameStart, snapshot.names
  ]
  const places: number[] = []
  let end = align(4 * (HEADER_WORDS + 2 * sections.length))
  for (const section of sections) {
    places.push(end, section.byteLength)
    end = align(end + section.byteLength)
  }
  const bytes = new Uint8Array(end)
  const table = new Uint32Array(bytes.buffer, 0, HEADER_WORDS + places.length)
  table.set(places, HEADER_WORDS)
  sections.forEach((section, i) =>
    bytes.set(new Uint8Array(section.buffer, section.byteOffset, section.byteLength), places[2 * i]!))
  table.set([MAGIC, SNAPSHOT_VERSION, BYTE_ORDER, end, sections.length, crc32(bytes.subarray(4 * HEADER_WORDS))])
  return bytes
}

/**
 * Views into the bytes, which must not change afterwards. Throws `BadSnapshot` unless everything in them fits together.
 */
export function decodeSnapshot (given: Uint8Array): Snapshot {
  const bytes = given.byteOffset % 8 === 0 ? given : Uint8Array.from(given)
  if (bytes.byteLength < 4 * (HEADER_WORDS + 2 * LAYOUT.length)) throw new BadSnapshot('it is too short')
  const header = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS + 2 * LAYOUT.length)
  if (header[0] !== MAGIC) throw new BadSnapshot('it is no snapshot of lists')
  if (header[2] !== BYTE_ORDER) throw new BadSnapshot('it was written on a machine of another byte order')
  if (header[1] !== SNAPSHOT_VERSION) {
    throw new BadSnapshot(`it has format ${header[1]}, and this version reads ${SNAPSHOT_VERSION}`)
  }
  if (header[3] !== bytes.byteLength || header[4] !== LAYOUT.length) throw new BadSnapshot('it was cut off')
  if (crc32(bytes.subarray(4 * HEADER_WORDS)) !== header[5]) throw new BadSnapshot('its check sum is wrong')
  const sections = LAYOUT.map((SectionArray, i) => {
    const offset = header[HEADER_WORDS + 2 * i]!
    const length = header[HEADER_WORDS + 2 * i + 1]!
    const fits = offset % 8 === 0 && offset + length <= bytes.byteLength &&
      length % SectionArray.BYTES_PER_ELEMENT === 0
    if (!fits) throw new BadSnapshot('a section is misplaced')
    return new SectionArray(
      bytes.buffer as ArrayBuffer, bytes.byteOffset + offset, length / SectionArray.BYTES_PER_ELEMENT
    )
  })
  const u32 = (i: number): Uint32Array => sections[i] as Uint32Array
  const u16 = (i: number): Uint16Array => sections[i] as Uint16Array
  const u8 = (i: number): Uint8Array => sections[i] as Uint8Array
  const snapshot: Snapshot = {
    meta: readMeta(u8(0)),
    map: {
      v4: { index: u32(1), starts: u16(2), labels: u32(3) },
      v6: { index: u32(4), high: u32(5), low: u32(6), lowAt: u32(7), labels: u32(8) }
    },
    labelAsn: u32(9),
    labelSet: u16(10),
    setStart: u32(11),
    setMarks: u16(12),
    asns: u32(13),
    asnSet: u16(14),
    asnDensity: u8(15),
    nameStart: u32(16),
    names: u8(17)
  }
  checkReferences(snapshot)
  return snapshot
}

function align (offset: number): number {
  return (offset + 7) & ~7
}

function readMeta (json: Uint8Array): SnapshotMeta {
  let meta: Partial<SnapshotMeta> | null
  try {
    meta = JSON.parse(new TextDecoder().decode(json)) as Partial<SnapshotMeta> | null
  } catch (cause) {
    throw new BadSnapshot('its description is no JSON', { cause })
  }
  const { lists, marks, createdSeconds } = meta ?? {}
  const complete = Number.isFinite(createdSeconds) && Array.isArray(lists) && lists.every(isList) &&
    Array.isArray(marks) &&
    marks.every(mark => lists[mark?.list] !== undefined && Number.isInteger(mark.day) && Math.abs(mark.day) < MAX_DAY)
  if (!complete) throw new BadSnapshot('its description is incomplete')
  return meta as SnapshotMeta
}

/** Days that a `Date` can show. */
const MAX_DAY = 1e8

function isList (list: Partial<SnapshotList> | null): boolean {
  const { id, kind, halfLifeDays, dateSeconds, trust } = list ?? {}
  return typeof id === 'string' && typeof kind === 'string' &&
    (halfLifeDays === null || Number.isFinite(halfLifeDays)) &&
    Number.isFinite(dateSeconds) && typeof trust === 'number' && trust >= 0 && trust <= 1
}

/**
 * A right check sum says that nothing was damaged; this says that it was made right. The labels of single intervals are
 * left out, for half of the time of loading would go into them: `evidenceOf` takes one that does not exist for "nothing
 * known".
 */
function checkReferences (snapshot: Snapshot): void {
  const {
    map: { v4, v6 }, meta, labelAsn, labelSet, setStart, setMarks, asns, asnSet, asnDensity, nameStart, names
  } = snapshot
  const sets = setStart.length - 1
  const fits = v4.index.length === BUCKETS + 1 && v6.index.length === BUCKETS + 1 &&
    v4.starts.length === v4.labels.length && v6.high.length === 2 * v6.labels.length &&
      v6.low.length === 2 * v6.lowAt.length &&
    v4.labels.length > 0 && v6.labels.length > 0 && v4.index[0] === 0 && v6.index[0] === 0 && v4.index[1] !== 0 &&
      v6.index[1] !== 0 &&
    labelAsn.length === labelSet.length &&
    asnSet.length === asns.length && asnDensity.length === asns.length &&
      nameStart.length === Math.ceil(asns.length / NAME_BLOCK) + 1 &&
    ascending(v4.index, v4.labels.length) && ascending(v6.index, v6.labels.length) &&
    ascending(setStart, setMarks.length) && ascending(nameStart, names.length) &&
    below(labelAsn, asns.length + 1) &&
    v4.starts[0] === 0 && v6.high[0] === 0 && v6.high[1] === 0 && v6.lowAt[0] !== 0 &&
    below(labelSet, sets) && below(asnSet, sets) && below(setMarks, meta.marks.length)
  if (!fits) throw new BadSnapshot('its parts do not fit together')
}

function ascending (array: Uint32Array, last: number): boolean {
  for (let i = 1; i < array.length; i++) if (array[i]! < array[i - 1]!) return false
  return array.at(-1) === last
}

function below (array: Section, limit: number): boolean {
  for (let i = 0; i < array.length; i++) if (array[i]! >= limit) return false
  return true
}
