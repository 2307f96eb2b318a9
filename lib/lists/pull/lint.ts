import { packagedAsnKinds } from '../asn/kinds.ts'
import { formatAddress } from '../../ip/index.ts'
import { type ListKind, NO_RANGES, type Ranges } from '../sources/list.ts'
import type { Stride } from '../sources/range-set.ts'
import type { ReadList } from '../sources/read-list.ts'
import {
  coveredV4, coverageLimits, describeWidth, overlapsSpecial, v4Width, v6Width
} from './coverage.ts'
import { cutOut, type EyeballLimit, eyeballLimits, type EyeballNetworks } from './eyeball.ts'
import { rowsOf } from './list-store.ts'

/** Goes up with the checks of this file: a list that passed fewer is fetched again, even if it did not change. */
export const CHECKS = 2
/** More rows than this that cannot be right, and the whole list is not believed. */
const MAX_WRONG_SHARE = 0.1
/** Of each per cent of wrong rows, trust loses this many per cent: at `MAX_WRONG_SHARE` half is left. */
const TRUST_LOST_PER_WRONG_SHARE = 5
/** A list that grew or shrank by more than this part of the old one is not believed. */
const MAX_SIZE_CHANGE = 0.5

export interface LintOptions {
  readonly kind: ListKind
  /** Without it ranges are not compared with eyeball networks; AS numbers are, with those of the package. */
  readonly eyeball?: EyeballNetworks
  /** A list of one kind may have both addresses and AS numbers. */
  readonly mayBeMixed?: boolean
  /** Rows of the list that this one replaces. */
  readonly previousRows?: number
}

export interface LintReport {
  /** Why the list must not be used; empty when it may. */
  readonly refusals: readonly string[]
  /** What was left out. */
  readonly remarks: readonly string[]
  /** 1, less for rows that were left out. */
  readonly trust: number
  /** Rows that are right, in their order. */
  readonly ranges: Ranges
  readonly asns: readonly number[]
}

/**
 * Lists of whole networks. Of these an eyeball network is a mistake; servers, exits and proxies are in people's
 * networks too, and abuse comes from there.
 */
export function isNetworkKind (kind: ListKind): boolean {
  return !['vpn-server', 'tor-exit', 'public-proxy', 'abuse'].includes(kind)
}

/** Rows that are left out, by what is wrong with them. */
interface WrongRows {
  /** Answers the rest of the row: nothing. */
  leaveOut (why: string, example: () => string): readonly Uint32Array[]
  count (): number
  remarks (rows: number): string[]
}

function wrongRows (): WrongRows {
  const wrong = new Map<string, { count: number, example: string }>()
  return {
    leaveOut (why, example) {
      const seen = wrong.get(why)
      if (seen === undefined) wrong.set(why, { count: 1, example: example() })
      else seen.count++
      return []
    },
    count: () => [...wrong.values()].reduce((sum, { count }) => sum + count, 0),
    remarks: rows => [...wrong].map(([why, { count, example }]) => `${count} of ${rows} rows ${why} (${example})`)
  }
}

/**
 * Judges a list before it replaces another. Rows that cannot be right (not understood, special-purpose space, too wide,
 * in an eyeball network) are left out and cost trust; too many of them, a wide part of an eyeball network, a coverage
 * beyond its kind, or a sudden change of size, and the list is refused.
 */
export function lintList (list: ReadList, options: LintOptions): LintReport {
  const { kind, eyeball, previousRows } = options
  const limits = coverageLimits[kind]
  const eyeballLimit = eyeballLimits[kind]
  const wrong = wrongRows()
  const refusals: string[] = []
  let people = 0

  const withoutEyeball = (range: Uint32Array, set: Uint32Array, stride: Stride): readonly Uint32Array[] => {
    // A range costs as much as all that it has of the set: of a list that is refused anyway, no more are compared.
    const isRefused = refusals.length > 0 || wrong.count() > MAX_WRONG_SHARE * list.rows
    if (isRefused || eyeballLimit.kept === Infinity) return [range]
    const { units, rest } = cutOut(range, set, stride)
    if (units <= eyeballLimit.kept) {
      people += units
      return [range]
    }
    if (units > eyeballLimit.widest) addOnce(refusals, `it names ${shown(range, stride)}, ${WIDE}`)
    wrong.leaveOut('in a network of people', () => shown(range, stride))
    return rest
  }
  const rightOf = (family: 'v4' | 'v6', stride: Stride, isTooWide: (range: Uint32Array) => boolean, widest: number) =>
    kept(list.ranges[family], stride, range => {
      const partly = eyeball === undefined ? [range] : withoutEyeball(range, eyeball.ranges[family], stride)
      const first = (): string => firstOf(range, stride)
      if (overlapsSpecial(range, stride)) return wrong.leaveOut('in private or reserved space', first)
      return isTooWide(range) ? wrong.leaveOut(`wider than a /${widest}`, first) : partly
    })
  const v4 = rightOf('v4', 2, range => v4Width(range) > limits.widestV4, 32 - limits.widestV4)
  const v6 = rightOf('v6', 8, range => v6Width(range) > limits.widestV6, 128 - limits.widestV6)
  const eyeballAsns = eyeball?.asns ?? new Set(packagedAsnKinds().eyeball)
  const asns = list.asns.filter(asn => {
    if (!eyeballAsns.has(asn)) return true
    if (kind === 'vpn-asn') addOnce(refusals, `it names AS${asn}, ${WIDE}`)
    wrong.leaveOut('in a network of people', () => `AS${asn}`)
    return false
  })

  const wrongShare = list.rows === 0 ? 0 : Math.min(1, (list.rejectedRows + wrong.count()) / list.rows)
  const remarks = wrong.remarks(list.rows)
  if (list.rejectedRows > 0) {
    remarks.unshift(`${list.rejectedRows} of ${list.rows} rows not understood (first: line ${list.rejected[0]!.line})`)
  }
  if (people > eyeballLimit.most) refusals.push(crowdRefusal(people, eyeballLimit))
  const covered = coveredV4(v4)
  if (list.rows === 0) refusals.push('it is empty')
  else if (wrongShare > MAX_WRONG_SHARE) refusals.push('too many of its rows cannot be right')
  else if (options.mayBeMixed !== true && (list.asns.length > 0) !== kind.endsWith('-asn')) {
    refusals.push(`it has ${list.asns.length > 0
    ? 'AS numbers'
    : 'addresses'}, which its kind has not`)
  }
  if (covered > limits.mostV4) {
    refusals.push(`it covers ${describeWidth(covered)}, and its kind not more than ${describeWidth(limits.mostV4)}`)
  }
  if (previousRows !== undefined && Math.abs(list.rows - previousRows) > previousRows * MAX_SIZE_CHANGE) {
    refusals.push(`it has ${list.rows} rows, the one before had ${previousRows}, and may change by ` +
      `${100 * MAX_SIZE_CHANGE} % ("ip-risk lists pull --accept-size" accepts more)`)
  }
  const trust = Math.max(0, Math.round(1000 - 1000 * TRUST_LOST_PER_WRONG_SHARE * wrongShare) / 1000)
  return { refusals, remarks, trust, ranges: { v4, v6 }, asns }
}

const WIDE = 'a wide part of a network that sells internet access to people'

function addOnce (refusals: string[], refusal: string): void {
  if (refusals.length === 0) refusals.push(refusal)
}

export function crowdRefusal (people: number, { most }: EyeballLimit): string {
  return `it names ${people} addresses in networks that sell internet access to people, and its kind may name ${most}`
}

function firstOf (range: Uint32Array, stride: Stride): string {
  return stride === 2 ? formatAddress(4, [0, 0, 0, range[0]!]) : formatAddress(6, range)
}

/** `first-last`, as a list may have it. */
function shown (range: Uint32Array, stride: Stride): string {
  return [...rowsOf(stride === 2 ? { v4: range, v6: NO_RANGES.v6 } : { v4: NO_RANGES.v4, v6: range })][0]!
}

function kept (
  ranges: Uint32Array, stride: Stride, rightOf: (range: Uint32Array) => readonly Uint32Array[]
): Uint32Array {
  const right: number[] = []
  for (let at = 0; at < ranges.length; at += stride) {
    for (const part of rightOf(ranges.subarray(at, at + stride))) for (const word of part) right.push(word)
  }
  return Uint32Array.from(right)
}
