import type { ClientIpExplanation, DecisionRecord, ProviderStats, Stats } from '../../types/contract.ts'
import type { RiskReport } from '../../types/report.ts'
import type { Health } from '../../types/telemetry.ts'
import { reportSummary, reportTables } from '../report/index.ts'
import { ageText, bar, html, type Html, page, table, type TimeChart, timeChart } from '../util/index.ts'

export interface Explained {
  readonly peer: string
  readonly headers: string
  readonly explanation: ClientIpExplanation | undefined
}

interface DashboardView {
  readonly stats: Stats
  readonly health: Health
  readonly report: RiskReport
  readonly chart: TimeChart
  readonly decisions: readonly DecisionRecord[]
  readonly explained: Explained
  readonly at: string
  readonly nonce: string
}

export function dashboardPage (view: DashboardView): string {
  const { stats, health, report, chart, decisions, explained, at, nonce } = view
  return page({
    title: 'fastify-ip-risk',
    nonce,
    script: pageScript,
    body: html`<main>
<h1>fastify-ip-risk</h1>
<p><button type="button" id="pause" hidden aria-pressed="false">Pause updates</button></p>
<div id="live">
<p>Counts of this process since <time>${report.from}</time>, as of <time>${at}</time>.</p>
${healthOf(health)}
<h2>Outcomes</h2>
${timeChart(chart)}
<h2>What enforcing would change</h2>
<p>${reportSummary(report)}</p>
${reportTables(report)}
<h2>Verdicts and lookups</h2>
${countTable('Verdicts', 'Verdict', report.verdicts.map(({ key, requests }) => [key, requests]))}
${countTable('Lookups by where the answer came from', 'Source', Object.entries(stats.lookups))}
<h2>Providers and quota</h2>
${providerTable(stats)}
<p>Redis: ${stats.redis}. Verdicts in memory: ${stats.cache.entries} of ${stats.cache.maxEntries}.</p>
<h2>Last decisions</h2>
${decisionTable(decisions)}
</div>
${explainForm(explained)}
</main>`
  })
}

function healthOf ({ status, reasons }: Health): Html {
  return html`<p><strong>Health: ${status}</strong></p>
${reasons.length > 0 && html`<ul>${reasons.map(({ code, provider, message }) =>
    html`<li><code>${code}</code>${provider !== undefined && ` ${provider}`}: ${message}</li>`)}</ul>`}`
}

function countTable (caption: string, head: string, rows: readonly (readonly [string, number])[]): Html {
  const max = Math.max(0, ...rows.map(([, count]) => count))
  return table({
    caption,
    rows,
    columns: [
      { head, cell: ([key]) => key },
      { head: 'Count', numeric: true, cell: ([, count]) => count },
      { head: 'Share', cell: ([, count]) => bar(count, max) }
    ]
  })
}

function providerTable ({ providers }: Stats): Html {
  const left = (value: number | undefined, limit: number | undefined): string =>
    value === undefined ? '–' : limit === undefined ? String(value) : `${value} of ${limit}`
  const errorsOf = ({ errors }: ProviderStats): string =>
    Object.entries(errors).map(([reason, count]) => `${reason} ${count}`).join(', ')
  return table<readonly [string, ProviderStats]>({
    caption: 'Providers',
    rows: Object.entries(providers),
    columns: [
      { head: 'Provider', cell: ([name]) => name },
      { head: 'Calls', numeric: true, cell: ([, { calls }]) => calls },
      { head: 'In flight', numeric: true, cell: ([, { active }]) => active },
      { head: 'Failures', cell: ([, stats]) => errorsOf(stats) },
      { head: 'Circuit breaker', cell: ([, { breaker }]) => breaker },
      { head: 'Left this minute', cell: ([, { minuteLeft, minuteLimit }]) => left(minuteLeft, minuteLimit) },
      { head: 'Left this day', cell: ([, { dayLeft, dayLimit }]) => left(dayLeft, dayLimit) },
      { head: 'Left this month', cell: ([, { monthLeft, monthLimit }]) => left(monthLeft, monthLimit) },
      { head: 'Credit left', numeric: true, cell: ([, { creditLeft }]) => creditLeft ?? '–' },
      { head: 'Age of data', cell: ([, stats]) => ageOf(stats) },
      { head: 'Paused', cell: ([, { pausedSeconds }]) => pausedSeconds === 0 ? '–' : `${pausedSeconds} s` }
    ]
  })
}

function ageOf ({ dataAgeSeconds: age, dataIsLoading, dataIsMissing }: ProviderStats): string {
  if (dataIsLoading === true) return 'loading'
  if (dataIsMissing === true) return 'no data'
  return age === undefined ? '–' : ageText(age)
}

function decisionTable (rows: readonly DecisionRecord[]): Html {
  return table({
    caption: 'The last 100 decisions of this process',
    rows,
    columns: [
      { head: 'Time', cell: ({ at }) => at },
      { head: 'Address', cell: ({ address }) => address ?? '–' },
      { head: 'Route', cell: ({ method, route }) => `${method} ${route ?? ''}` },
      { head: 'Action', cell: ({ action }) => action ?? '–' },
      { head: 'Verdict', cell: ({ verdict, reason }) => reason === undefined ? verdict : `${verdict} (${reason})` },
      { head: 'Decision', cell: ({ decision }) => decision },
      { head: 'Outcome', cell: ({ outcome }) => outcome },
      { head: 'Network', cell: ({ info: { asn, org } }) => [asn, org].filter(Boolean).join(' ') }
    ]
  })
}

function explainForm ({ peer, headers, explanation }: Explained): Html {
  return html`<h2 id="explain">Explain the address of a request</h2>
<form method="post" action="#explain">
<p><label for="peer">Address of the connection</label>
<input id="peer" name="peer" required maxlength="60" value="${peer}"></p>
<p><label for="headers">Request headers, one a line</label>
<textarea id="headers" name="headers" maxlength="16000" spellcheck="false">
${headers}</textarea></p>
<p><button type="submit">Explain</button></p>
</form>
${explanation !== undefined && html`<p role="status">${explanation.summary}</p>
${table({
    caption: 'Every hop, from the connection to the client',
    rows: explanation.chain,
    columns: [
      { head: 'From', cell: ({ from }) => from },
      { head: 'Text', cell: ({ text }) => text },
      { head: 'Verdict', cell: ({ verdict }) => verdict },
      { head: 'Why', cell: ({ why }) => why }
    ]
  })}`}`
}

/**
 * Runs in the browser: replaces the live part every five seconds. Without it the page is a snapshot. The head of an
 * update is left out, because its style has another nonce, and the browser would report a violation each time.
 */
export const pageScript = `
'use strict'
const live = document.getElementById('live')
const pause = document.getElementById('pause')
let paused = false
pause.hidden = false
pause.addEventListener('click', () => {
  paused = !paused
  pause.setAttribute('aria-pressed', String(paused))
})
setInterval(async () => {
  if (paused || document.hidden || live.contains(document.activeElement) || String(getSelection()) !== '') return
  try {
    const response = await fetch(location.pathname + location.search, { cache: 'no-store' })
    if (!response.ok) throw new Error(String(response.status))
    const html = await response.text()
    const body = html.slice(html.indexOf('<main>'))
    const next = new DOMParser().parseFromString(body, 'text/html').getElementById('live')
    live.replaceChildren(...document.importNode(next, true).childNodes)
    document.title = 'fastify-ip-risk'
  } catch {
    document.title = 'not updating: fastify-ip-risk'
  }
}, 5000)
`
