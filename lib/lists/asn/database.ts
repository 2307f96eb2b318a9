import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BadList } from '../../errors.ts'
import { parseAddress, words } from '../../ip/index.ts'
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
 * Reads `asn-ipv4.csv` and `asn-ipv6.csv` (rows `first,last,number,name`; a name may be in quotes). About a second
 * and 100 MB for a while, so in a worker. `onProgress` gets 0..1. Throws `BadList` where a row is no such row.
 */
export function readAsnTable ({ folder, source }: AsnPackage, onProgress: (part: number) => void = () => {}): AsnTable {
  const names = new Map<number, string>()
  const v4 = readRows(join(folder, 'asn-ipv4.csv'), 4, names, part => onProgress(part * 0.7))
  const v6 = readRows(join(folder, 'asn-ipv6.csv'), 6, names, part => onProgress(0.7 + part * 0.3))
  const numbers = Uint32Array.from(names.keys()).sort()
  return {
    source,
    numbers,
    names: Array.from(numbers, number => names.get(number)!),
    v4: Uint32Array.from(v4.bounds),
    v4Asn: Uint32Array.from(v4.asns, asn => indexOfNumber(numbers, asn)),
    v6: Uint32Array.from(v6.bounds),
    v6Asn: Uint32Array.from(v6.asns, asn => indexOfNumber(numbers, asn))
  }
}

interface Rows { readonly bounds: number[], readonly asns: number[] }

function readRows (path: string, family: 4 | 6, names: Map<number, string>, onProgress: (part: number) => void): Rows {
  if (!existsSync(path)) throw new BadList(`${path} is missing`)
  const text = readFileSync(path, 'utf8')
  const bounds: number[] = []
  const asns: number[] = []
  for (let start = 0, row = 1; start < text.length; row++) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    if (end > start) readRow(start, end, row)
    start = end + 1
    if (row % 50_000 === 0) onProgress(start / text.length)
  }
  return { bounds, asns }

  function readRow (start: number, end: number, row: number): void {
    const comma1 = text.indexOf(',', start)
    const comma2 = text.indexOf(',', comma1 + 1)
    const comma3 = text.indexOf(',', comma2 + 1)
    const asn = comma3 > 0 && comma3 < end ? Number(text.slice(comma2 + 1, comma3)) : NaN
    if (!Number.isInteger(asn) || asn < 0 || asn > 0xffffffff || !push(start, comma1) || !push(comma1 + 1, comma2)) {
      throw new BadList(`row ${row} of ${path} is not "first,last,number,name"`)
    }
    asns.push(asn)
    if (!names.has(asn)) names.set(asn, unquoted(text.slice(comma3 + 1, end).trimEnd()))
  }

  function push (start: number, end: number): boolean {
    if (parseAddress(text, start, end) !== family) return false
    if (family === 4) bounds.push(words[3]!)
    else bounds.push(words[0]!, words[1]!, words[2]!, words[3]!)
    return true
  }
}

function unquoted (field: string): string {
  return field.startsWith('"') && field.endsWith('"') && field.length > 1
    ? field.slice(1, -1).replaceAll('""', '"')
    : field
}
