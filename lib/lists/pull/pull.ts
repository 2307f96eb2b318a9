import { BadList } from '../../errors.ts'
import { type AddressList, mergeRanges, type Ranges } from '../sources/list.ts'
import { type PublishedList, publishers } from '../sources/publishers.ts'
import { readList } from '../sources/read-list.ts'
import { type Fetched, fetchList, type FetchOptions } from './fetch-list.ts'
import { eyeballLimits, type EyeballNetworks, unitsAmong } from './eyeball.ts'
import { CHECKS, crowdRefusal, isNetworkKind, lintList } from './lint.ts'
import {
  accumulate, addressListOf, makeFolder, readStored, removeStored, seenAgain, type SeenRanges, type StoredList,
  writeStored
} from './list-store.ts'

export interface PullOptions extends FetchOptions {
  /** Where the lists are kept; made when it is not there. */
  readonly folder: string
  /** Default: every list of `publishers`. */
  readonly sources?: readonly PublishedList[]
  /** Fetches `<mirror>/<host>/<path>` instead of the publisher's `https://<host>/<path>`. */
  readonly mirror?: string
  /** Takes lists whose size changed by more than half. */
  readonly acceptSize?: boolean
  /** For the comparison of ranges with them. */
  readonly eyeball?: EyeballNetworks
  /** Called as soon as the fate of each list is known. */
  readonly onPulled?: (pulled: PulledList) => void
  /** Unix milliseconds. */
  readonly now?: () => number
}

export interface PulledList {
  readonly id: string
  /** `failed` and `refused`: the list that was there before, if any, stays. */
  readonly outcome: 'new' | 'updated' | 'unchanged' | 'refused' | 'failed'
  /** Why, with `failed` and `refused`. */
  readonly problem?: string
  /** What the linter left out. */
  readonly remarks: readonly string[]
  /** What is in the data folder now; undefined where there is nothing. */
  readonly stored?: StoredList
}

/** Lists fetched at once. Most of them lie with one host, which should not be overrun. */
const CONCURRENT = 4

/**
 * Fetches, checks and keeps every list. Rejects only when the folder cannot be used; a list that fails is reported in
 * its result.
 */
export async function pullLists (options: PullOptions): Promise<PulledList[]> {
  const { sources = publishers, onPulled } = options
  await makeFolder(options.folder)
  const results: PulledList[] = new Array(sources.length)
  const rest = sources.entries()
  const worker = async () => {
    for (const [i, source] of rest) {
      results[i] = await pullOne(source, options)
      onPulled?.(results[i])
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, worker))
  return results
}

async function pullOne (source: PublishedList, options: PullOptions): Promise<PulledList> {
  const { id, kind } = source
  const url = options.mirror === undefined ? source.url : mirrored(source.url, options.mirror)
  const stored = await readStored(options.folder, id)
  const before = stored?.kind === kind ? stored : undefined
  const kept = { id, remarks: [], ...stored !== undefined && { stored } }
  try {
    const fetched = await fetchList(url, before?.url === url && passedAll(before, options) ? before : {}, options)
    const nowSeconds = Math.floor((options.now ?? Date.now)() / 1000)
    if (fetched.status === 'unchanged') {
      if (before === undefined) {
        return { ...kept, outcome: 'failed', problem: 'its publisher says "unchanged" of a list that was never sent' }
      }
      return {
        id, outcome: 'unchanged', remarks: [], stored: await keep(options.folder, confirmed(before, source, nowSeconds))
      }
    }
    const list = readList(fetched.bytes, source.format)
    const previousRows = options.acceptSize === true ? undefined : before?.publishedRows
    const report = lintList(list, { ...options, kind, ...previousRows !== undefined && { previousRows } })
    if (report.refusals.length > 0) {
      const refused = { outcome: 'refused', problem: report.refusals.join('; '), remarks: report.remarks } as const
      if (stored === undefined || passedAll(stored, options) || isGood(stored, options)) return { ...kept, ...refused }
      await removeStored(options.folder, id)
      return { id, ...refused, problem: `${refused.problem}; nor is the list from before used any longer` }
    }
    const next: StoredList = {
      ...headOf(source, url),
      ...validatorsOf(fetched),
      ...datesOf(fetched.lastModified, nowSeconds),
      publishedRows: list.rows,
      checks: CHECKS,
      ...options.eyeball !== undefined && { compared: true },
      trust: report.trust,
      remarks: report.remarks,
      asns: [...new Set(report.asns)],
      ...rangesOf(source, before, report.ranges, nowSeconds)
    }
    const crowd = crowdOf(next, options.eyeball)
    if (crowd !== undefined) return { ...kept, outcome: 'refused', problem: crowd, remarks: report.remarks }
    return {
      id,
      outcome: stored === undefined
        ? 'new'
        : 'updated',
      remarks: report.remarks,
      stored: await keep(options.folder, next)
    }
  } catch (error) {
    if (!(error instanceof BadList)) throw error
    return { ...kept, outcome: 'failed', problem: error.message.replace(/^.*?: /, '') }
  }
}

/** A list that passed fewer checks is fetched whole, even if it did not change. */
function passedAll ({ checks, compared }: StoredList, { eyeball }: PullOptions): boolean {
  return checks === CHECKS && (compared === true || eyeball === undefined)
}

/** Whether a list that passed fewer checks passes those of today. */
function isGood ({ kind, ranges, asns, publishedRows: rows }: StoredList, { eyeball }: PullOptions): boolean {
  const list = { format: 'addresses', ranges, asns, rejected: [], rejectedRows: 0, rows } as const
  return lintList({ ...list, asns: [...asns] }, { kind, ...eyeball && { eyeball } }).refusals.length === 0
}

/** What a rotating sample has shown in all is judged as one list: it must not do in parts what it may not at once. */
function crowdOf ({ kind, ranges, seen }: StoredList, eyeball: EyeballNetworks | undefined): string | undefined {
  if (seen === undefined || eyeball === undefined) return undefined
  const people = unitsAmong(ranges, eyeball.ranges)
  return people > eyeballLimits[kind].most ? crowdRefusal(people, eyeballLimits[kind]) : undefined
}

/** The lists that were pulled, for compiling. Those that were never pulled are left out. */
export async function loadPulled (
  folder: string, sources: readonly PublishedList[] = publishers
): Promise<AddressList[]> {
  const stored = await Promise.all(sources.map(source => readStored(folder, source.id)))
  return stored.filter(list => list !== undefined).map(addressListOf)
}

async function keep (folder: string, list: StoredList): Promise<StoredList> {
  writeStored(folder, list)
  return list
}

/** A query would be cut off or doubled by the path that follows. */
export function isMirror (text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && search === '' && hash === ''
}

export function mirrored (url: string, mirror: string): string {
  const { host, pathname, search } = new URL(url)
  return `${mirror.replace(/\/$/, '')}/${host}${pathname}${search}`
}

function headOf ({ id, kind, publisher, halfLifeDays, licence }: PublishedList, url: string) {
  return { id, kind, url, halfLifeDays, licence, ...publisher !== undefined && { publisher } }
}

function validatorsOf ({ etag, lastModified }: Fetched & { status: 'fetched' }) {
  return { ...etag !== undefined && { etag }, ...lastModified !== undefined && { lastModified } }
}

/** Published when the publisher says so; not in the future, and now where it says nothing. */
function datesOf (lastModified: string | undefined, nowSeconds: number) {
  const published = Math.floor(Date.parse(lastModified ?? '') / 1000)
  return { checkedSeconds: nowSeconds, dateSeconds: published > 0 && published < nowSeconds ? published : nowSeconds }
}

function rangesOf (source: PublishedList, before: StoredList | undefined, ranges: Ranges, nowSeconds: number) {
  if (source.rotating === true) return accumulate(seenOf(before), ranges, nowSeconds)
  return { ranges: isNetworkKind(source.kind) ? mergeRanges(ranges) : ranges }
}

function confirmed (before: StoredList, source: PublishedList, nowSeconds: number): StoredList {
  const seen = seenOf(before)
  return {
    ...before,
    ...headOf(source, before.url),
    ...datesOf(before.lastModified, nowSeconds),
    ...seen !== undefined && seenAgain(seen, before.checkedSeconds, nowSeconds)
  }
}

function seenOf (stored: StoredList | undefined): SeenRanges | undefined {
  return stored?.seen === undefined ? undefined : { ranges: stored.ranges, seen: stored.seen }
}
