import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BadList } from '../../errors.ts'
import { parseAddress, words } from '../../ip/index.ts'
import type { Ranges } from '../sources/list.ts'
import { eachLine, growingWords } from './read-lines.ts'
import { type AsnTable, indexOfNumber } from './table.ts'

const PACKAGE = '@ip-location-db/asn'

/** The optional package of AS numbers, where it is installed. */
export interface AsnPackage {
  readonly folder: string
  /** Name and version. */
  readonly source: string
}

/** Looks where this package is, then in the application's folder. */
const PLACES = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]

/** As `import` from one of those places would find it. Throws `BadList` where it is installed and cannot be read. */
export function findAsnPackage (places: readonly string[] = PLACES): AsnPackage | undefined {
  for (const from of places) {
    try {
      const path = createRequire(from).resolve(`${PACKAGE}/package.json`)
      const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
      return { folder: dirname(path), source: `${PACKAGE} ${version}` }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') continue
      const problem = `the package ${PACKAGE} cannot be read, install it again: ${(error as Error).message}`
      throw new BadList(problem, { cause: error })
    }
  }
  return undefined
}

/**
 * Reads `asn-ipv4.csv` and `asn-ipv6.csv` (rows `first,last,number,name`; a name may be in quotes). About a second, so
 * in a worker; in parts, because whole files as text and as arrays of numbers took 150 MB. `onProgress` gets 0..1.
 * Throws `BadList` where a row is no such row.
 */
export function readAsnTable ({ folder, source }: AsnPackage, onProgress: (part: number) => void = () => {}): AsnTable {
  const names = new Map<number, string>()
  const onName = (asn: number, nameOf: () => string): void => { if (!names.has(asn)) names.set(asn, nameOf()) }
  const v4 = readRows(folder, 4, { onName, onProgress: part => onProgress(part * 0.7) })
  const v6 = readRows(folder, 6, { onName, onProgress: part => onProgress(0.7 + part * 0.3) })
  const numbers = Uint32Array.from(names.keys()).sort()
  return {
    source,
    numbers,
    names: Array.from(numbers, number => names.get(number)!),
    v4: v4.bounds,
    v4Asn: v4.asns.map(asn => indexOfNumber(numbers, asn)),
    v6: v6.bounds,
    v6Asn: v6.asns.map(asn => indexOfNumber(numbers, asn))
  }
}

/** What the networks announce, of a package that is read for nothing else: a fifth of a second. Throws `BadList`. */
export function readRangesOf ({ folder }: AsnPackage, asns: ReadonlySet<number>): Ranges {
  const read = (family: 4 | 6): Uint32Array => readRows(folder, family, { isWanted: asn => asns.has(asn) }).bounds
  return { v4: read(4), v6: read(6) }
}

interface Announced { readonly bounds: Uint32Array, readonly asns: Uint32Array }
interface RowOptions {
  /** Addresses of the other networks are not even parsed. Default: all. */
  readonly isWanted?: (asn: number) => boolean
  readonly onName?: (asn: number, nameOf: () => string) => void
  readonly onProgress?: (part: number) => void
}

function readRows (folder: string, family: 4 | 6, options: RowOptions): Announced {
  const { isWanted = () => true, onName, onProgress } = options
  const path = join(folder, `asn-ipv${family}.csv`)
  const firstWord = family === 4 ? 3 : 0
  const bounds = growingWords()
  const asns = growingWords()
  let row = 0
  eachLine(path, (text, part) => {
    row++
    if (row % 50_000 === 0) onProgress?.(part)
    const comma1 = text.indexOf(',')
    const comma2 = text.indexOf(',', comma1 + 1)
    const comma3 = text.indexOf(',', comma2 + 1)
    const asn = comma3 > 0 ? Number(text.slice(comma2 + 1, comma3)) : NaN
    const isRow = Number.isInteger(asn) && asn >= 0 && asn <= 0xffffffff
    if (isRow && !isWanted(asn)) return
    for (const [start, end] of [[0, comma1], [comma1 + 1, comma2]] as const) {
      if (!isRow || parseAddress(text, start, end) !== family) {
        throw new BadList(`row ${row} of ${path} is not "first,last,number,name"`)
      }
      for (let i = firstWord; i < 4; i++) bounds.push(words[i]!)
    }
    asns.push(asn)
    // Copied: a part of a text keeps all of it alive.
    onName?.(asn, () => Buffer.from(unquoted(text.slice(comma3 + 1).trimEnd())).toString())
  })
  return { bounds: bounds.whole(), asns: asns.whole() }
}

function unquoted (field: string): string {
  return field.startsWith('"') && field.endsWith('"') && field.length > 1
    ? field.slice(1, -1).replaceAll('""', '"')
    : field
}
