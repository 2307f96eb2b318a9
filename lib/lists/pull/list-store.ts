import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatAddress } from '../../ip/index.ts'
import { replaceFile } from '../../util/index.ts'
import type { AddressList, ListKind, Ranges } from '../sources/list.ts'
import { createCollector } from '../sources/read-rows.ts'

/** A pulled list as it lies in the data folder: one text file, first a line of JSON, then a row an entry. */
export interface StoredList {
  readonly id: string
  readonly kind: ListKind
  readonly publisher?: string
  readonly url: string
  readonly licence: string
  readonly halfLifeDays: number
  readonly etag?: string
  readonly lastModified?: string
  /**
   * Unix seconds: when the publisher was last asked with success, and when the list was published as far as it says so.
   */
  readonly checkedSeconds: number
  readonly dateSeconds: number
  /** Rows as the publisher sent them: what the next one's size is compared with. */
  readonly publishedRows: number
  /** Which checks it passed: `CHECKS` of lint.ts then. */
  readonly checks?: number
  /** Whether its ranges were compared with access networks, which the package of AS numbers is needed for. */
  readonly compared?: boolean
  readonly trust: number
  readonly remarks: readonly string[]
  readonly ranges: Ranges
  readonly asns: readonly number[]
  /** Of a rotating sample, Unix seconds for each range, in the order of `ranges.v4` then `ranges.v6`. */
  readonly seen?: Seen
}

interface Seen { readonly first: Uint32Array, readonly last: Uint32Array }

const SUFFIX = '.list'
const FORMAT = 1

function fileOf (folder: string, id: string): string {
  return join(folder, `${id}${SUFFIX}`)
}

export function writeStored (folder: string, list: StoredList): void {
  const { ranges, asns, seen, ...head } = list
  const rows = [...rowsOf(ranges)].map((row, i) => seen === undefined ? row : `${row} ${seen.first[i]} ${seen.last[i]}`)
  const text = [JSON.stringify({ format: FORMAT, rotating: seen !== undefined, ...head }), ...rows, ...asns.map(asn =>
    `AS${asn}`), ''].join('\n')
  replaceFile(fileOf(folder, list.id), text, { flush: true })
}

export function removeStored (folder: string, id: string): Promise<void> {
  return rm(fileOf(folder, id), { force: true })
}

export function makeFolder (folder: string): Promise<unknown> {
  return mkdir(folder, { recursive: true })
}

/** Undefined where there is none, or none that can be read any more: it is pulled again. */
export async function readStored (folder: string, id: string): Promise<StoredList | undefined> {
  let text: string
  try {
    text = await readFile(fileOf(folder, id), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return parseStored(text, id)
}

function parseStored (text: string, id: string): StoredList | undefined {
  const headEnd = text.indexOf('\n')
  const { format, rotating, ...head } = parsedHead(text.slice(0, headEnd))
  if (headEnd < 0 || format !== FORMAT || head.id !== id || !text.endsWith('\n')) return undefined
  const into = createCollector()
  const first: number[] = []
  const last: number[] = []
  for (const row of text.slice(headEnd + 1, -1).split('\n')) {
    const [entry, firstSeen, lastSeen] = row.split(' ') as [string, string?, string?]
    if (!into.addNetwork(entry) && !into.addAsn(entry)) return undefined
    if (rotating === true) {
      first.push(Number(firstSeen))
      last.push(Number(lastSeen))
    }
  }
  const stored = { ...head as unknown as StoredList, ranges: into.ranges(), asns: into.asns() }
  return rotating === true
    ? { ...stored, seen: { first: Uint32Array.from(first), last: Uint32Array.from(last) } }
    : stored
}

function parsedHead (line: string): Record<string, unknown> {
  try {
    const head: unknown = JSON.parse(line)
    return typeof head === 'object' && head !== null ? head as Record<string, unknown> : {}
  } catch {
    return {}
  }
}

/** `first-last`, or one address. */
export function * rowsOf ({ v4, v6 }: Ranges): Generator<string> {
  const between = (first: string, last: string) => first === last ? first : `${first}-${last}`
  for (let i = 0; i < v4.length; i += 2) {
    yield between(
      formatAddress(4, [0, 0, 0, v4[i]!]), formatAddress(4, [0, 0, 0, v4[i + 1]!])
    )
  }
  for (let i = 0; i < v6.length; i += 8) {
    yield between(
      formatAddress(6, v6.subarray(i, i + 4)), formatAddress(6, v6.subarray(i + 4, i + 8))
    )
  }
}

/** What compiling takes. */
export function addressListOf (stored: StoredList): AddressList {
  const { id, kind, publisher, ranges, asns, halfLifeDays, dateSeconds, seen, trust } = stored
  const list = { id, kind, ranges, asns, halfLifeDays, dateSeconds, trust }
  return {
    ...list,
    ...publisher !== undefined && { publisher },
    ...seen !== undefined &&
    { lastSeenSeconds: seen.last }
  }
}

/**
 * A range of a rotating sample that was not seen for so long is forgotten. In 45 days a sample of a fifth had shown
 * nine in ten.
 */
const REMEMBER_SECONDS = 90 * 86_400

/** A time of the future is from before the clock was set back, and would never grow old. */
function notAfter (nowSeconds: number, seconds: number): number {
  return Math.min(nowSeconds, seconds)
}

export interface SeenRanges { readonly ranges: Ranges, readonly seen: Seen }

/** What was seen before and what is seen now, each range with its first and last time. */
export function accumulate (before: SeenRanges | undefined, now: Ranges, nowSeconds: number): SeenRanges {
  const rows = new Map<string, { first: number, last: number }>()
  if (before !== undefined) {
    let i = 0
    for (const row of rowsOf(before.ranges)) {
      const last = notAfter(nowSeconds, before.seen.last[i]!)
      if (nowSeconds - last <= REMEMBER_SECONDS) {
        rows.set(row, { first: notAfter(nowSeconds, before.seen.first[i]!), last })
      }
      i++
    }
  }
  for (const row of rowsOf(now)) rows.set(row, { first: rows.get(row)?.first ?? nowSeconds, last: nowSeconds })
  const into = createCollector()
  // Dates are in the order of the ranges: IPv4 first.
  const sorted = [...rows].sort(([a], [b]) => Number(a.includes(':')) - Number(b.includes(':')))
  for (const [row] of sorted) into.addNetwork(row)
  return {
    ranges: into.ranges(),
    seen: {
      first: Uint32Array.from(sorted, ([, { first }]) =>
        first),
      last: Uint32Array.from(sorted, ([, { last }]) => last)
    }
  }
}

/** The publisher says that nothing changed: what was seen the last time is seen again. */
export function seenAgain (before: SeenRanges, checkedSeconds: number, nowSeconds: number): SeenRanges {
  const { ranges, seen } = before
  return {
    ranges,
    seen: {
      first: seen.first,
      last: seen.last.map(last => last === checkedSeconds ? nowSeconds : notAfter(nowSeconds, last))
    }
  }
}
