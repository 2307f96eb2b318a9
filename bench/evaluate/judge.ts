import { mergeRanges } from '../../lib/lists/sources/list.ts'
import { compileSnapshot } from '../../lib/lists/compile/compile.ts'
import { openDatabase } from '../../lib/lists/database/database.ts'
import { computeAsnKinds } from '../../scripts/asn-kinds.ts'
import { EXAMPLE_SECONDS, type ExampleList } from '../../scripts/example-lists.ts'
import type { Data } from './data.ts'

export type Verdict = (ip: string) => string
/** How many addresses are at least suspicious, at least likely, detected. */
export type Counts = readonly [suspicious: number, likely: number, detected: number]

interface JudgeOptions {
  /** The package's own table of networks knows nothing of this provider, too. */
  readonly without?: string
  /** Default true. */
  readonly asns?: boolean
  /** Days since the lists were pulled. Default 0. */
  readonly ageDays?: number
}

export function judge (data: Data, given: readonly ExampleList[], { without, asns = true, ageDays = 0 }: JudgeOptions = {}): Verdict {
  const others = listsWithout(data.lists, without ?? '')
  const bytes = compileSnapshot(given, {
    nowSeconds: EXAMPLE_SECONDS,
    asnKinds: computeAsnKinds(others, data.isps, data.table, without),
    ...asns && { asnTable: data.table }
  })
  const database = openDatabase(bytes, () => (EXAMPLE_SECONDS + ageDays * 86400) * 1000)
  return ip => database.answer(ip).verdict
}

export function countsOf (addresses: readonly string[], verdict: Verdict): Counts {
  let suspicious = 0
  let likely = 0
  let detected = 0
  for (const address of addresses) {
    const answer = verdict(address)
    if (answer === 'vpn_detected') detected++
    if (answer === 'vpn_detected' || answer === 'vpn_likely') likely++
    if (answer !== 'clean' && answer !== 'unknown') suspicious++
  }
  return [suspicious, likely, detected]
}

/** Without the lists of this provider's servers. */
export function listsWithout (lists: readonly ExampleList[], provider: string): ExampleList[] {
  return lists.filter(list => !list.contains?.includes(provider))
}

/** Kinds of lists whose publishers merge the providers' lists into their own. */
const MERGED = ['vpn-range', 'vpn-server', 'public-proxy', 'abuse']
const NETWORK = 256

/**
 * Without the copies of these servers in the lists of others: of each range narrower than a /24 (IPv6: than a /64) the
 * addresses that are among them. Wider ranges are what somebody knows of a network.
 */
export function withoutCopies (
  lists: readonly ExampleList[], servers: readonly number[], servers6: readonly Uint32Array[] = []
): ExampleList[] {
  const removed = new Set(servers)
  const removed6 = new Set(servers6.map(words => words.join()))
  return lists.map(list => {
    if (!MERGED.includes(list.kind)) return list
    const v4: number[] = []
    const { ranges } = list
    for (let i = 0; i < ranges.v4.length; i += 2) {
      const first = ranges.v4[i]!
      const last = ranges.v4[i + 1]!
      if (last - first >= NETWORK - 1) v4.push(first, last)
      else for (let address = first; address <= last; address++) if (!removed.has(address)) v4.push(address, address)
    }
    const v6: number[] = []
    for (let i = 0; i < ranges.v6.length; i += 8) {
      if (!removed6.has(ranges.v6.subarray(i, i + 4).join())) v6.push(...ranges.v6.subarray(i, i + 8))
    }
    return { ...list, ranges: mergeRanges({ v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }) }
  })
}
