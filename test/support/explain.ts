import { canonicalAddress, parseAddress } from '../../lib/ip/address.ts'
import { evidenceOf, openDatabase } from '../../lib/lists/database/database.ts'
import { findInterval4, findInterval6, type IntervalMap, packStarts } from '../../lib/lists/database/interval-map.ts'
import { type GroupScore, scoreEvidence } from '../../lib/lists/database/score.ts'
import type { ProviderAnswer } from '../../types/contract.ts'

/** Gives the label of the address in `words`. */
export function labelFinder ({ v4, v6 }: IntervalMap): (family: 4 | 6) => number {
  const packed = packStarts(v4)
  return family => family === 4 ? v4.labels[findInterval4(v4.index, packed)]! : v6.labels[findInterval6(v6)]!
}

/** Why an address gets its answer. */
export interface Explanation {
  readonly ip: string | null
  readonly answer: ProviderAnswer
  /** The factors of the score: `score = 1 - product of (1 - weight)`. */
  readonly groups: readonly GroupScore[]
}

export function explain (snapshotBytes: Uint8Array, ip: string, nowMs: number): Explanation {
  const { snapshot, answer: ask } = openDatabase(snapshotBytes, () => nowMs)
  const answer = ask(ip)
  const family = parseAddress(ip)
  const groups = family === 0 || answer.verdict === 'unknown'
    ? []
    : scoreEvidence(evidenceOf(snapshot, labelFinder(snapshot.map)(family)), Math.floor(nowMs / 86_400_000)).groups
  return { ip: canonicalAddress(ip), answer, groups }
}
