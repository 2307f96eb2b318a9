import { writeFile } from 'node:fs/promises'
import { counted, html, page, type TimeChart, timeChart } from '../../util/index.ts'
import {
  type BarRow, barChart, chartStyle, dataTable, dataTableScript, dataTableStyle, shownNumber, type Tone
} from '../html/index.ts'
import type { Counts } from './counts.ts'
import type { InputFile } from './input.ts'
import { type AddressRow, byPriority, type SummaryState } from './summary.ts'

interface ReportOptions {
  readonly inputs: readonly InputFile[]
  readonly provider: string
  readonly counts: Counts
  readonly state: SummaryState
  readonly nowMs: number
}

const tones: Readonly<Record<string, Tone>> = {
  vpn_detected: 'block', vpn_likely: 'step', suspicious: 'flag', clean: 'allow', unknown: 'plain'
}
const decisionTones: Readonly<Record<string, Tone>> = {
  block: 'block', step_up_auth: 'step', elevate_risk: 'flag', allow: 'allow'
}
const SHOWN_ADDRESSES = 5_000
const SHOWN_BARS = 15

export async function writeReport (path: string, options: ReportOptions): Promise<void> {
  await writeFile(path, reportPage(options), { mode: 0o600 })
}

/** One self-contained page: what was found, and the addresses worth a person's time first. */
export function reportPage ({ inputs, provider, counts, state, nowMs }: ReportOptions): string {
  const names = inputs.map(({ name }) => name).join(', ')
  const made = minuteOf(nowMs)
  const all = byPriority(state)
  const rows = all.slice(0, SHOWN_ADDRESSES)
  const limits = [
    all.length > rows.length ? `The ${shownNumber(rows.length)} most important addresses are shown.` : '',
    state.truncated ? 'There were too many addresses or routes to keep all of them: counts are lower bounds.' : ''
  ].filter(text => text !== '').join(' ')
  return page({
    title: `ip-risk review of ${names}`,
    style: chartStyle + dataTableStyle,
    script: dataTableScript,
    body: html`<main>
<h1>Review of ${names}</h1>
<p>${counted(counts.rows, 'row', shownNumber(counts.rows))}, judged by ${provider}, ${made} UTC.</p>
<p>Verdicts: ${listed(counts.verdicts)}. Decisions of the policy: ${listed(counts.decisions)}.</p>
<h2>Addresses to look at</h2>
<p>First the ones most worth a person's time: of high risk, and with many writes that succeeded. ${limits}</p>
${dataTable({
  id: 'addresses',
  caption: 'Addresses with a verdict against them',
  columns: [
    { name: 'address' }, { name: 'verdict', kind: 'choice', tones }, { name: 'score', kind: 'number' },
    { name: 'decision', kind: 'choice', tones: decisionTones }, { name: 'rows', kind: 'number' },
    { name: 'writes', kind: 'number' }, { name: 'succeeded', kind: 'number' }, { name: 'categories' },
    { name: 'network' }, { name: 'country', kind: 'choice' }, { name: 'first', kind: 'time' },
    { name: 'last', kind: 'time' }, { name: 'routes' }
  ],
  rows: rows.map(cellsOf)
})}
<h2>Overview</h2>
${timeChart(overTime(state))}
${barChart({ title: 'By route or action', rows: bars(state.routes) })}
${barChart({ title: 'Networks', rows: bars(state.networks) })}
${barChart({ title: 'Countries', rows: bars(state.countries) })}
</main>`
  })
}

function cellsOf (row: AddressRow): (string | number | null)[] {
  return [
    row.address, row.verdict, row.score, row.decision, row.rows, row.writes, row.succeeded, row.categories,
    `${row.asn} ${row.org}`.trim(), row.country, row.firstMs, row.lastMs, row.routes.join(', ')
  ]
}

function overTime ({ buckets, bucketMs }: SummaryState): TimeChart {
  const starts = Object.keys(buckets).map(Number).sort((a, b) => a - b)
  const [from = 0, to = 0] = [starts[0], starts.at(-1)]
  // A gap in the data is a gap in the chart; but one wrong date must not make millions of columns.
  const count = Math.min(480, starts.length === 0 ? 0 : Math.round((to - from) / bucketMs) + 1)
  const series = Object.entries(tones).map(([name, tone]) => ({
    name,
    tone,
    values: Array.from({ length: count }, (_, i) => buckets[String(from + i * bucketMs)]?.[name] ?? 0)
  }))
  return { title: 'Verdicts over time', series, from: starts.length === 0 ? '' : minuteOf(from), to: minuteOf(to) }
}

function minuteOf (ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

/** The keys with most rows that are neither clean nor unknown; then those with most rows. */
function bars (table: SummaryState['routes']): BarRow[] {
  const rows = Object.entries(table).map(([label, counts]) => {
    const parts = Object.entries(tones).map(([name, tone]) => ({ label: name, tone, value: counts[name] ?? 0 }))
    const risky = parts.slice(0, 3).reduce((sum, { value }) => sum + value, 0)
    const all = parts.reduce((sum, { value }) => sum + value, 0)
    return { label, parts, risky, all }
  })
  return rows.sort((a, b) => b.risky - a.risky || b.all - a.all).slice(0, SHOWN_BARS)
}

function listed (counters: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counters).sort((a, b) => b[1] - a[1])
  return sorted.map(([key, count]) => `${key} ${shownNumber(count)}`).join(', ')
}
