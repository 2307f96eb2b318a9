import type { Decision, Outcome } from '../../types/contract.ts'
import type { ReportedDecision, ReportRow, RiskReport } from '../../types/report.ts'
import { addTo, columnOf, type KeyedCounts, keyedCounts, noCounts, stopped } from './counts.ts'

const maxNetworks = 1_000
const maxOthers = 300
const shownRows = 50

/** Where requests came from that were not simply allowed, and why nothing was known of some. */
export interface Origins {
  add (outcome: Outcome, wouldBe: Decision, risk: Pick<ReportedDecision, 'reason' | 'info'>): void
  readonly networks: KeyedCounts
  readonly countries: KeyedCounts
  readonly reasons: KeyedCounts
}

export function createOrigins (): Origins {
  const networks = keyedCounts(maxNetworks)
  const countries = keyedCounts(maxOthers)
  const reasons = keyedCounts(maxOthers)
  return {
    networks,
    countries,
    reasons,
    add (outcome, wouldBe, { reason, info }) {
      if (outcome === 'allowed') return
      const column = columnOf(outcome, wouldBe)
      if (reason !== undefined) reasons.add(reason, column, 1)
      networks.add(info.asn ?? 'unknown', column, 1, info.org ?? info.isp)
      countries.add(info.countryCode ?? info.country ?? 'unknown', column, 1)
    }
  }
}

/** Requests that agree in what a report reads of them. */
export interface CountedDecisions extends Omit<ReportedDecision, 'info' | 'at' | 'reason'> {
  /** As `ReportRow.key` of an action. */
  readonly action: string
  readonly count: number
}

interface ReportParts {
  readonly counted: Iterable<CountedDecisions>
  /** Requests by the reason of their `unknown`. */
  readonly unknown: { readonly [reason: string]: number | undefined }
  readonly origins: Origins
  readonly from: string | null
  readonly to: string | null
}

/** The report of counts that were kept while requests came. */
export function reportOf ({ counted, unknown, origins, from, to }: ReportParts): RiskReport {
  const total = noCounts()
  const [actions, verdicts] = [keyedCounts(maxOthers), keyedCounts(maxOthers)]
  for (const { action, verdict, outcome, wouldBe, count } of counted) {
    const column = columnOf(outcome, wouldBe)
    addTo(total, column, count)
    actions.add(action, column, count)
    verdicts.add(verdict, column, count)
  }
  return {
    from,
    to,
    total,
    actions: actions.rows(),
    verdicts: verdicts.rows(),
    reasons: reasonRows(origins.reasons.rows(), unknown),
    networks: origins.networks.rows().slice(0, shownRows),
    countries: origins.countries.rows().slice(0, shownRows)
  }
}

/** Most requests with an unknown verdict are allowed, and are in no row of the origins. */
function reasonRows (rows: readonly ReportRow[], unknown: ReportParts['unknown']): ReportRow[] {
  const known = new Map(rows.map(row => [row.key, row]))
  for (const [key, requests = 0] of Object.entries(unknown)) {
    known.set(key, { ...known.get(key) ?? { key, ...noCounts() }, requests })
  }
  return [...known.values()].sort((a, b) => stopped(b) - stopped(a) || b.requests - a.requests)
}
