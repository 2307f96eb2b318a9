import { readFileSync, statSync } from 'node:fs'
import { badOption } from '../../errors.ts'
import { checkBoolean, checkNumber, checkObject, checkOneOf, checkString, checkStrings } from '../../util/index.ts'
import type { AsnPackage } from '../asn/database.ts'
import { HALF_LIFE_DAYS } from '../compile/weights.ts'
import { type EyeballNetworks, readEyeballNetworks } from '../pull/eyeball.ts'
import { lintList, type LintReport } from '../pull/lint.ts'
import { type AddressList, type ListKind, rangesOf } from './list.ts'
import { type ListFormat, type ReadList, readList } from './read-list.ts'

/** What inline lists and files have in common. */
interface SourceBase {
  /** Short and unique; shown in signal details. */
  readonly id: string
  /** What its entries are, which sets their weight, their category and how fast they age. */
  readonly kind: ListKind
  /** The VPN provider of a `vpn-server` source. */
  readonly publisher?: string
  /** 0..1: how much of the kind's weight it carries. Default 1. */
  readonly trust?: number
}
/** Your own word: it never grows old. */
export interface InlineSource extends SourceBase {
  /** Addresses, CIDRs, and AS numbers as `AS64496`. */
  readonly entries: readonly string[]
}
/** A file is as old as its modification time. */
export interface FileSource extends SourceBase {
  /** Path of the file. A file that cannot be read is refused at boot, code `FST_IP_RISK_BAD_OPTION`. */
  readonly path: string
  /** Default: found out from the content. */
  readonly format?: ListFormat | undefined
  /** Default by kind, from 7 for public proxies to 730. */
  readonly halfLifeDays?: number | undefined
  /**
   * Check the file as `ip-risk lists pull` checks a public list: rows that cannot be right, or that name an access
   * network, are left out, which is logged; with too many of them the file is refused. False: every row is obeyed, as
   * `entries` are. Default true.
   */
  readonly lint?: boolean | undefined
}
/**
 * A list of your own for `lists({ sources })`: its entries inline, or in a file.
 *
 * @example
 * { id: 'office', kind: 'vpn-server', entries: ['203.0.113.0/24', 'AS64496'] }
 */
export type ListSource = InlineSource | FileSource

const KINDS = Object.keys(HALF_LIFE_DAYS) as ListKind[]
const BASE = ['id', 'kind', 'publisher', 'trust'] as const

/** What the check of a file left out. */
export interface LeftOut { readonly list: string, readonly remarks: readonly string[] }

interface ReadOptions {
  readonly nowSeconds: number
  /** Networks with which files are compared; none without the package. */
  readonly asnPackage?: AsnPackage | undefined
  readonly onLeftOut?: (leftOut: LeftOut) => void
}

/** Reads every source, files too. Throws an `IpRiskError` that names the option. */
export function readSources (path: string, sources: readonly ListSource[], options: ReadOptions): AddressList[] {
  const seen = new Set<string>()
  let eyeball: EyeballNetworks | undefined
  const { asnPackage } = options
  // Read once, and only where a file is compared with them.
  const eyeballOf = (): EyeballNetworks | undefined => {
    eyeball ??= asnPackage && readEyeballNetworks(asnPackage)
    return eyeball
  }
  return sources.map((source, i) => {
    const list = readSource(`${path}[${i}]`, source, options, eyeballOf)
    if (seen.has(list.id)) {
      throw badOption(`${path}[${i}].id`, `is "${list.id}", as that of another source: give each its own`)
    }
    seen.add(list.id)
    return list
  })
}

function readSource (
  path: string, source: ListSource, { nowSeconds, onLeftOut }: ReadOptions,
  eyeballOf: () => EyeballNetworks | undefined
): AddressList {
  const isFile = typeof source === 'object' && source !== null && 'path' in source
  if (isFile && 'entries' in source) throw badOption(path, 'has entries and path: give one of them')
  if (isFile) checkObject<FileSource>(path, source, [...BASE, 'path', 'format', 'halfLifeDays', 'lint'])
  else checkObject<InlineSource>(path, source, [...BASE, 'entries'])
  const id = checkString(`${path}.id`, source.id, '')
  if (id === '') throw badOption(`${path}.id`, 'is missing: give the source a short name')
  checkOneOf<string>(`${path}.kind`, source.kind ?? '', KINDS, '')
  const publisher = checkString(`${path}.publisher`, source.publisher, undefined)
  const base = {
    id,
    kind: source.kind,
    ...publisher !== undefined &&
    { publisher },
    trust: checkNumber(`${path}.trust`, source.trust, 1, { min: 0, max: 1, integer: false })
  }
  if (isFile) {
    const { trust, remarks, ...content } = readFile(path, source as FileSource, eyeballOf)
    if (remarks.length > 0) onLeftOut?.({ list: id, remarks })
    return { ...base, ...content, trust: base.trust * trust }
  }
  return {
    ...base,
    ...readEntries(
      `${path}.entries`, (source as InlineSource).entries
    ),
    halfLifeDays: Infinity,
    dateSeconds: nowSeconds
  }
}

function readEntries (path: string, given: unknown): Pick<AddressList, 'ranges' | 'asns'> {
  if (given === undefined) {
    throw badOption(path, 'is missing: give entries (addresses, CIDRs, AS numbers), or the path of a file')
  }
  const entries = checkStrings(path, given)
  const asns: number[] = []
  const cidrs: string[] = []
  entries.forEach((entry, i) => {
    const asn = /^AS(\d{1,10})$/i.exec(entry)
    if (asn === null) {
      try {
        rangesOf([entry])
      } catch (cause) {
        throw badOption(`${path}[${i}]`, `is wrong: ${(cause as Error).message}`, cause)
      }
      cidrs.push(entry)
    } else asns.push(Number(asn[1]))
  })
  return { ranges: rangesOf(cidrs), asns }
}

type FileContent = Pick<AddressList, 'ranges' | 'asns' | 'halfLifeDays' | 'dateSeconds'>
  & Pick<LintReport, 'trust' | 'remarks'>

function readFile (
  path: string, source: FileSource, eyeballOf: () => EyeballNetworks | undefined
): FileContent {
  const file = checkString(`${path}.path`, source.path, '')
  const format = source.format === undefined
    ? undefined
    : checkOneOf(`${path}.format`, source.format, ['addresses', 'asns', 'columns', 'json'], 'addresses')
  const halfLifeDays = checkNumber(`${path}.halfLifeDays`, source.halfLifeDays, HALF_LIFE_DAYS[source.kind], {
    min: 1, max: 36500, integer: false
  })
  const lint = checkBoolean(`${path}.lint`, source.lint, true)
  let list: ReadList
  let dateSeconds: number
  try {
    list = readList(readFileSync(file), format)
    if (list.ranges.v4.length + list.ranges.v6.length + list.asns.length === 0) {
      throw new RangeError('there is no address in it')
    }
    dateSeconds = Math.floor(statSync(file).mtimeMs / 1000)
  } catch (cause) {
    throw badOption(`${path}.path`, `cannot be read: ${(cause as Error).message}`, cause)
  }
  const base = { halfLifeDays, dateSeconds }
  if (!lint) return { ...base, ranges: list.ranges, asns: list.asns, trust: 1, remarks: [] }
  const eyeball = eyeballOf()
  const { refusals, remarks, ranges, asns, trust } = lintList(list, {
    kind: source.kind, mayBeMixed: true, ...eyeball && { eyeball }
  })
  if (refusals.length > 0) {
    const why = [...refusals, ...remarks].join('; ')
    throw badOption(`${path}.path`, `is refused: ${why}. Fix the file, or set lint: false to obey every row of it`)
  }
  return { ...base, ranges, asns, trust, remarks }
}
