import { createRequire } from 'node:module'
import { badOption } from '../../errors.ts'
import { MMDB_KINDS, type MmdbKind } from './answer.ts'

/** A MaxMind-format file, opened. */
export interface MmdbFile {
  readonly kind: MmdbKind
  readonly databaseType: string
  /** Unix milliseconds. */
  readonly builtMs: number
  /** 4: the file knows nothing of IPv6. */
  readonly ipVersion: 4 | 6
  /** The record of an address in canonical text, null where there is none. Throws where the file is broken. */
  get (ip: string): unknown
}

interface Reader {
  readonly metadata: {
    readonly binaryFormatMajorVersion: number
    readonly buildEpoch: Date
    readonly databaseType: string
    readonly ipVersion: number
    readonly nodeCount: number
    readonly searchTreeSize: number
  }
  get (ip: string): unknown
}
type ReaderConstructor = new (bytes: Buffer) => Reader

/** `mmdb-lib`, an optional peer: loaded when a database is asked for, from where this package is installed. */
export function loadReader (require: NodeJS.Require = createRequire(import.meta.url)): ReaderConstructor {
  try {
    return (require('mmdb-lib') as { Reader: ReaderConstructor }).Reader
  } catch (cause) {
    throw badOption('mmdb', 'needs the package "mmdb-lib", which cannot be loaded: npm install mmdb-lib', cause)
  }
}

const SEPARATOR_BYTES = 16

/** Throws a plain error that says what is wrong with the file, for an option check or a log line to wrap. */
export function openMmdb (Reader: ReaderConstructor, bytes: Buffer, kind?: MmdbKind): MmdbFile {
  const reader = new Reader(bytes)
  const { binaryFormatMajorVersion, buildEpoch, databaseType, ipVersion, nodeCount, searchTreeSize } = reader.metadata
  if (binaryFormatMajorVersion !== 2) throw new RangeError(`it has format version ${binaryFormatMajorVersion}, and only 2 is known`)
  if (ipVersion !== 4 && ipVersion !== 6) throw new RangeError(`it says that it is of IP version ${ipVersion}`)
  if (!Number.isInteger(nodeCount) || nodeCount < 1 || searchTreeSize + SEPARATOR_BYTES > bytes.length) throw new RangeError('it is cut off or damaged')
  const found = kind ?? kindOf(databaseType)
  if (found === undefined) {
    throw new RangeError(`its type "${String(databaseType)}" is none that is known: say which with kind (${MMDB_KINDS.join(', ')})`)
  }
  return { kind: found, databaseType, builtMs: buildEpoch.getTime(), ipVersion, get: ip => reader.get(ip) }
}

/** By the name that stands in the file: `GeoIP2-Anonymous-IP`, `GeoLite2-ASN`, `DBIP-ASN-Lite (compat=GeoLite2-ASN)`, … */
function kindOf (databaseType: unknown): MmdbKind | undefined {
  if (typeof databaseType !== 'string') return undefined
  const name = databaseType.toLowerCase()
  if (/\basn\b|\bisp\b/.test(name)) return 'asn'
  return MMDB_KINDS.find(kind => name.includes(kind))
}
