import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { IpRiskLogger, LookupContext, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { badOption } from '../../errors.ts'
import { formatAddress, parseAddress } from '../../ip/index.ts'
import { fileState, watchFiles } from '../../lists/index.ts'
import { checkOneOf, checkString, flag, int, readObject, type Specification } from '../../util/index.ts'
import { answerOf, MMDB_KINDS, type MmdbKind } from './answer.ts'

/** A MaxMind-format file, opened. */
interface MmdbFile {
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
  if (binaryFormatMajorVersion !== 2) {
    throw new RangeError(`it has format version ${binaryFormatMajorVersion}, and only 2 is known`)
  }
  if (ipVersion !== 4 && ipVersion !== 6) throw new RangeError(`it says that it is of IP version ${ipVersion}`)
  if (!Number.isInteger(nodeCount) || nodeCount < 1 || searchTreeSize + SEPARATOR_BYTES > bytes.length) {
    throw new RangeError('it is cut off or damaged')
  }
  const found = kind ?? kindOf(databaseType)
  if (found === undefined) {
    throw new RangeError(
      `its type "${String(databaseType)}" is none that is known: say which with kind (${MMDB_KINDS.join(', ')})`
    )
  }
  return { kind: found, databaseType, builtMs: buildEpoch.getTime(), ipVersion, get: ip => reader.get(ip) }
}

/**
 * By the type that the file names: `GeoIP2-Anonymous-IP`, `GeoLite2-ASN`, `DBIP-ASN-Lite (compat=GeoLite2-ASN)`, …
 */
function kindOf (databaseType: unknown): MmdbKind | undefined {
  if (typeof databaseType !== 'string') return undefined
  const name = databaseType.toLowerCase()
  if (/\basn\b|\bisp\b/.test(name)) return 'asn'
  return MMDB_KINDS.find(kind => name.includes(kind))
}

/** The options of `mmdb`. Only `path` is needed. */
export interface MmdbOptions {
  /** A file of MaxMind's format: Anonymous IP, Anonymous Plus, Residential Proxy, IP Risk, ASN or ISP. */
  readonly path: string
  /** Default: derived from the type that the file names. */
  readonly kind?: MmdbKind | undefined
  /** Loads the file anew when it changes. Default true. */
  readonly watch?: boolean | undefined
  /** How often the file is looked at. Default 2 000. */
  readonly watchIntervalMs?: number | undefined
}

/**
 * A database of MaxMind's format in memory, answering at once. Needs the package `mmdb-lib`. A file that is missing or
 * broken throws `IpRiskError` here; where a record is broken the address is `unknown`. A changed file that is broken
 * is logged, and the one before stays.
 */
export function mmdb (options: MmdbOptions): Provider {
  const { path, kind, watchIntervalMs } = checkMmdbOptions(options)
  const Reader = loadReader()
  const before = [fileState(path)]
  let file = openFirst()
  let unwatch: (() => void) | undefined
  let saidBroken = false

  function openFirst (): MmdbFile {
    try {
      return openMmdb(Reader, readFileSync(path), kind)
    } catch (cause) {
      throw badOption('mmdb.path', `cannot be used (${path}): ${(cause as Error).message}`, cause)
    }
  }

  /** Never rejects. */
  async function reload (log: IpRiskLogger): Promise<void> {
    try {
      const next = openMmdb(Reader, await readFile(path), kind)
      if (next.kind !== file.kind) {
        throw new RangeError(`it is of the kind ${next.kind} now, and was ${file.kind}: restart to use it`)
      }
      file = next
      saidBroken = false
      log.info({
        path, databaseType: file.databaseType, builtAt: new Date(file.builtMs).toISOString()
      }, 'ip-risk: a changed MMDB file is in use')
    } catch (error) {
      log.error({ code: 'IP_RISK_MMDB_UNUSABLE', path, err: error }, 'ip-risk: a changed MMDB file cannot be used; ' +
        'the one before stays in use. Replace it')
    }
  }

  function start (log: IpRiskLogger): void {
    if (unwatch !== undefined) return
    unwatch = watchIntervalMs === undefined
      ? () => {}
      : watchFiles([path], before, () => { reload(log) }, watchIntervalMs)
  }

  function lookup (ip: string, { log }: LookupContext): ProviderAnswer {
    if (unwatch === undefined) start(log)
    // mmdb-lib answers for `1.2.3` and for any other text: only canonical addresses reach it.
    const family = parseAddress(ip)
    if (family === 0) return { verdict: 'unknown', reason: 'no_ip' }
    if (family > file.ipVersion) return { verdict: 'unknown', reason: 'unsupported_family' }
    try {
      return answerOf(file.kind, file.get(formatAddress(family)))
    } catch (cause) {
      if (!saidBroken) {
        log.error({ code: 'IP_RISK_MMDB_BROKEN', path, err: cause }, 'ip-risk: an MMDB file is broken where it was ' +
          'asked; such addresses are unknown. Replace it')
      }
      saidBroken = true
      return { verdict: 'unknown', reason: 'no_data', cause }
    }
  }

  return {
    name: `mmdb:${file.kind}`,
    sync: true,
    get dataBuiltAtMs () { return file.builtMs },
    start,
    lookup,
    close () {
      unwatch?.()
    }
  }
}

const specification = {
  path (path, given) {
    const file = checkString(path, given, '')
    if (file === '') throw badOption(path, 'is missing: give the path of an .mmdb file')
    return file
  },
  kind: (path, given) => given === undefined ? undefined : checkOneOf(path, given, MMDB_KINDS, 'anonymous-ip'),
  watch: flag(true),
  watchIntervalMs: int(10, 86_400_000, 2000)
} satisfies Specification<MmdbOptions>

function checkMmdbOptions (given: MmdbOptions) {
  const { watch, watchIntervalMs, ...settings } = readObject('mmdb', given, specification)
  return { ...settings, watchIntervalMs: watch ? watchIntervalMs : undefined }
}
