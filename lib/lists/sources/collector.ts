import { parseAddress, parseCidr, words } from '../../ip/index.ts'
import type { Ranges } from './list.ts'

/** Rows that were not understood are kept up to this number, each up to this many characters: enough to see what is wrong. */
const KEPT_REJECTED = 20
const KEPT_TEXT_LENGTH = 80

export interface RejectedRow { readonly line: number, readonly text: string }

/** Gathers what the rows of one list say. The add functions answer whether the text was understood. */
export interface Collector {
  /** An address, a CIDR, `first-last`, `address:port`, `[address]:port`, or a proxy's URL without a path. */
  addNetwork (text: string): boolean
  addRange (first: string, last: string): boolean
  /** `AS64496` or `64496`. */
  addAsn (text: string): boolean
  reject (line: number, text: string): void
  readonly rejected: readonly RejectedRow[]
  rejectedRows (): number
  ranges (): Ranges
  asns (): number[]
}

export function createCollector (): Collector {
  const v4: number[] = []
  const v6: number[] = []
  const asns: number[] = []
  const rejected: RejectedRow[] = []
  let rejectedRows = 0

  const addBetween = (family: 4 | 6, first: ArrayLike<number>, last: ArrayLike<number>) => {
    if (family === 4) v4.push(first[3]!, last[3]!)
    else v6.push(first[0]!, first[1]!, first[2]!, first[3]!, last[0]!, last[1]!, last[2]!, last[3]!)
    return true
  }

  const addAddress = (text: string, start = 0, end = text.length) => {
    const family = parseAddress(text, start, end)
    return family !== 0 && addBetween(family, words, words)
  }

  const addRange = (firstText: string, lastText: string) => {
    const family = parseAddress(firstText)
    if (family === 0) return false
    const first = words.slice()
    return parseAddress(lastText) === family && compare(first, words) <= 0 && addBetween(family, first, words)
  }

  const addCidr = (text: string, slash: number) => {
    const prefix = text.slice(slash + 1)
    const family = parseAddress(text, 0, slash)
    const mapped = family === 4 && text.includes(':')
    const width = family === 4 && !mapped ? 32 : 128
    // Asked before parseCidr, which throws: a long list of nonsense must cost no more than a good one.
    if (family === 0 || !/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > width || (mapped && Number(prefix) < 96)) return false
    const cidr = parseCidr(text)
    return addBetween(cidr.family, cidr.words, lastOf(cidr.words, cidr.family === 4 ? cidr.prefix + 96 : cidr.prefix))
  }

  const addWithPort = (text: string) => {
    const scheme = /^[a-z][a-z\d]{2,9}:\/\//.exec(text)
    const host = scheme === null ? text : text.slice(scheme[0].length)
    const port = /:\d{1,5}$/.exec(host)
    if (port === null) return false
    if (host.startsWith('[')) return host[port.index - 1] === ']' && addAddress(host, 1, port.index - 1)
    return addAddress(host, 0, port.index)
  }

  return {
    rejected,
    rejectedRows: () => rejectedRows,
    addRange,
    addNetwork (text) {
      const slash = text.indexOf('/')
      if (slash >= 0 && text[slash + 1] !== '/') return addCidr(text, slash)
      const dash = text.indexOf('-')
      if (dash >= 0) return addRange(text.slice(0, dash), text.slice(dash + 1))
      return addAddress(text) || addWithPort(text)
    },
    addAsn (text) {
      const number = asnOf(text)
      if (number > 0) asns.push(number)
      return number > 0
    },
    reject (line, text) {
      rejectedRows++
      if (rejected.length < KEPT_REJECTED) rejected.push({ line, text: text.slice(0, KEPT_TEXT_LENGTH) })
    },
    ranges: () => ({ v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }),
    asns: () => asns
  }
}

/** A 32-bit AS number, with or without `AS` before it; 0 where the text is none. */
export function asnOf (text: string): number {
  const match = /^(?:AS)?([1-9]\d{0,9})$/i.exec(text)
  const number = match === null ? 0 : Number(match[1])
  return number <= 0xffffffff ? number : 0
}

function compare (a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

function lastOf (first: readonly number[], prefix: number): number[] {
  return first.map((word, i) => {
    const networkBits = Math.min(32, Math.max(0, prefix - 32 * i))
    return networkBits === 32 ? word : (word | (0xffffffff >>> networkBits)) >>> 0
  })
}
