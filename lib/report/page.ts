import type { ReportCounts, ReportRow, RiskReport } from '../../types/report.ts'
import { bar, type Column, counted, html, type Html, page, table } from '../util/index.ts'
import { shadowTable } from './composites.ts'
import { stopped } from './counts.ts'

const counts: readonly (readonly [keyof ReportCounts, string])[] = [
  ['requests', 'Requests'], ['blocked', 'Blocked (403)'], ['challenged', 'Challenged (401)'],
  ['satisfied', 'Step-up satisfied'], ['wouldBlock', 'Would be blocked'],
  ['wouldChallenge', 'Would be challenged'], ['flagged', 'Flagged']
]

/** One table of a report, with a bar for the requests that were stopped or would have been. */
function reportTable (caption: string, head: string, rows: readonly ReportRow[]): Html {
  const max = Math.max(0, ...rows.map(stopped))
  const columns: Column<ReportRow>[] = [
    { head, cell: ({ key, label }) => label === undefined ? key : `${key} ${label}` },
    ...counts.map(([key, head]): Column<ReportRow> => ({ head, numeric: true, cell: row => row[key] })),
    { head: 'Stopped if enforced', cell: row => html`${bar(stopped(row), max, 'block')} ${stopped(row)}` }
  ]
  return table({ caption, columns, rows })
}

/** The tables of a report, most important first. */
export function reportTables ({ actions, verdicts, reasons, networks, countries }: RiskReport): Html {
  return html`${reportTable('By action', 'Action', actions)}
${reportTable('By verdict', 'Verdict', verdicts)}
${reportTable('By network, of requests that were not simply allowed', 'Network', networks)}
${reportTable('By country, of requests that were not simply allowed', 'Country', countries)}
${reportTable('Unknown verdicts by reason', 'Reason', reasons)}`
}

/** One sentence for people: what enforcing would change. */
export function reportSummary ({ total }: RiskReport): string {
  const { requests, blocked, challenged, wouldBlock, wouldChallenge } = total
  const share = (count: number): string => (100 * count / Math.max(1, requests)).toFixed(2).replace(/\.?0+$/, '')
  return `Of ${counted(requests, 'request')}, ${blocked} ${blocked === 1 ? 'was' : 'were'} blocked and ` +
    `${challenged} challenged. In enforce mode, ` +
    `${wouldBlock} more would be blocked (${share(wouldBlock)} %) and ${wouldChallenge} more challenged ` +
    `(${share(wouldChallenge)} %).`
}

/** The report as one self-contained page, without JavaScript. */
export function reportPage (report: RiskReport): string {
  const { from, to } = report
  return page({
    title: 'fastify-ip-risk: what enforcing would stop',
    body: html`<main>
<h1>What enforcing would stop</h1>
<p>${reportSummary(report)}</p>
${from !== null && html`<p>From <time datetime="${from}">${from}</time> to <time datetime="${to}">${to}</time>.</p>`}
${reportTables(report)}
${shadowTable(report.composites)}
</main>`
  })
}
