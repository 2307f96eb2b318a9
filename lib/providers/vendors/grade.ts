import type { Category, IpInfo, KnownAnswer, Signal, VerdictName } from '../../../types/contract.ts'
import {
  categoryNames, isObject, type Json, knownAnswer, rankOf, readInfo, relayOrWarp
} from '../../verdict/index.ts'

/** One flag of a vendor: what it means for the verdict, and its name as a signal. */
export interface Finding {
  readonly type: string
  readonly verdict: VerdictName
  readonly category: Category
}

/** The least score of each verdict, as `lists()` and `mmdb()` have them. */
const bands: Readonly<Record<VerdictName, number>> = { clean: 0, suspicious: 0.25, vpn_likely: 0.6, vpn_detected: 0.9 }

interface GradeOptions {
  /** The vendor's own score, 0 to 1. It never lowers the band that a flag gives. */
  readonly score?: number | null | undefined
  /** The least verdict, where the vendor's score alone suggests one. */
  readonly atLeast?: VerdictName | undefined
  readonly confidence?: number | null | undefined
  readonly info?: IpInfo | undefined
}

/**
 * The answer that flags add up to: the worst verdict, each category, one signal for each flag. Without flags it is
 * `clean`, so a caller must know that the vendor could have sent flags.
 */
export function grade (findings: readonly Finding[], options: GradeOptions = {}): KnownAnswer {
  const { atLeast = 'clean', info = {}, confidence = null } = options
  const worst = [atLeast, ...findings.map(({ verdict }) => verdict)].reduce((a, b) => rankOf(b) > rankOf(a) ? b : a)
  const score = Math.max(options.score ?? 0, bands[worst])
  const signals: Signal[] = findings.map(({ type, verdict }) => ({ type, weight: bands[verdict], detail: '' }))
  const found = new Set(findings.map(({ category }) => category))
  return knownAnswer(worst, {
    score: options.score === undefined && findings.length === 0 ? null : Math.min(score, 1),
    confidence,
    signals,
    info,
    categories: categoryNames.filter(name => found.has(name))
  })
}

/** A private relay, WARP or a company's gateway: ordinary people use them, so they are `clean` with their category. */
export function sharedExit (
  category: 'relay' | 'warp' | 'gateway', info: IpInfo, score: number | null = null
): KnownAnswer {
  return knownAnswer('clean', {
    score, info, categories: [category], signals: [{ type: category, weight: 0, detail: info.vpnProvider ?? '' }]
  })
}

/** `relay` or `warp` where one of these names is that of one. */
export function sharedExitName (...names: readonly unknown[]): 'relay' | 'warp' | null {
  return names.map(relayOrWarp).find(found => found !== null) ?? null
}

/** A section of a body; empty where it is absent or not an object. */
export function sectionOf (value: unknown): Json {
  return isObject(value) ? value : {}
}

/** `IpInfo` out of a vendor's fields; what is absent, empty or `N/A` is left out. */
export function infoOf (fields: Json): IpInfo {
  return readInfo(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 'N/A' && value !== null)))
}
