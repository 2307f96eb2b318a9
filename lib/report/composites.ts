import type { CompositeStats, ShadowStats } from '../../types/contract.ts'
import { type Column, counted, html, type Html, table } from '../util/index.ts'
import { isObject, type Json } from '../verdict/index.ts'

export type Composites = Readonly<Record<string, CompositeStats>>

/** The composites in the JSON of `app.ipRisk.stats()` or `app.ipRisk.report()`. Throws where there is none. */
export function readComposites (text: string): Composites {
  const json: unknown = JSON.parse(text)
  if (!isObject(json) || !isObject(json['composites'])) {
    throw new TypeError('it has no "composites": give the JSON of app.ipRisk.stats(), of an application with shadow()')
  }
  return mergeNumbers({}, json['composites']) as Composites
}

/** The counts of several processes together. Of a limit, and of a largest value, the larger one. */
export function addComposites (a: Composites, b: Composites): Composites {
  return mergeNumbers(a as Json, b as Json) as Composites
}

const notAdded = new Set(['max', 'maxCostPerDay', 'costToday'])

/** Only objects and finite numbers: whatever else a file holds is left out. */
function mergeNumbers (a: Json, b: Json): Json {
  const sum = new Map(Object.entries(a))
  for (const [name, value] of Object.entries(b)) {
    const before = sum.get(name)
    if (isObject(value)) sum.set(name, mergeNumbers(isObject(before) ? before : {}, value))
    else if (typeof value === 'number' && Number.isFinite(value)) {
      const known = typeof before === 'number' ? before : 0
      sum.set(name, notAdded.has(name) ? Math.max(known, value) : known + value)
    }
  }
  return Object.fromEntries(sum)
}

const shadows = (composites: Composites): [string, ShadowStats][] =>
  Object.entries(composites).flatMap(([name, { shadow }]) => shadow === undefined ? [] : [[name, shadow]])

const listed = (counts: Readonly<Record<string, number>> = {}): string => {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return rows.length === 0 ? '–' : rows.map(([name, count]) => `${name.replaceAll('_', ' ')}: ${count}`).join(', ')
}

function meanMs ({ latencyMs }: ShadowStats): string {
  if (latencyMs === undefined || latencyMs.count === 0) return '–'
  return `${Math.round(latencyMs.sum / latencyMs.count)}, at most ${Math.round(latencyMs.max)}`
}

const columns: readonly Column<[string, ShadowStats]>[] = [
  { head: 'Composite', cell: ([name]) => name },
  { head: 'Asked', numeric: true, cell: ([, { asked = 0 }]) => asked },
  { head: 'Same verdict', numeric: true, cell: ([, { agreed = 0 }]) => agreed },
  { head: 'Other verdict', numeric: true, cell: ([, { disagreed = 0 }]) => disagreed },
  { head: 'Only the primary knows', numeric: true, cell: ([, { onlyPrimary = 0 }]) => onlyPrimary },
  { head: 'Only the candidate knows', numeric: true, cell: ([, { onlyCandidate = 0 }]) => onlyCandidate },
  { head: 'Verdicts that differ', cell: ([, { verdicts }]) => listed(verdicts) },
  { head: 'Categories that one found', cell: ([, { categories }]) => listed(categories) },
  { head: 'Errors', cell: ([, { errors }]) => listed(errors) },
  { head: 'Mean ms', cell: ([, stats]) => meanMs(stats) },
  { head: 'Cost', numeric: true, cell: ([, { cost = 0 }]) => cost }
]

/** How the candidate of each `shadow()` compares. Nothing without one. */
export function shadowTable (composites: Composites = {}): Html | false {
  const rows = shadows(composites)
  return rows.length > 0 && html`${table({ caption: 'Candidates beside the primary provider', columns, rows })}`
}

/** One sentence for each `shadow()`. */
export function shadowSummaries (composites: Composites = {}): string[] {
  return shadows(composites).map(([name, stats]) => {
    const { asked = 0, agreed = 0, disagreed = 0, onlyPrimary = 0, onlyCandidate = 0, cost = 0 } = stats
    return `${name}: of ${counted(asked, 'lookup')}, ${agreed} had the same verdict and ${disagreed} another ` +
      `(${listed(stats.verdicts)}); only the primary knew ${onlyPrimary} and only the candidate ${onlyCandidate}. ` +
      `Categories that one found: ${listed(stats.categories)}. Errors: ${listed(stats.errors)}. ` +
      `Mean time in ms: ${meanMs(stats)}. Cost: ${cost}.`
  })
}
