import { html, type Html, page, table } from '../../util/index.ts'
import {
  type BarRow, barChart, chartStyle, dataTable, dataTableScript, dataTableStyle, lineChart, shownNumber, type Tone
} from '../html/index.ts'
import { cheapest, type Quality } from './outcomes.ts'
import type { Simulation } from './simulation.ts'
import type { ChangeRow } from './tally.ts'
import { changeColumns, type Columns, limitsOf, qualityColumns, summaryOf } from './text.ts'

const decisionTones: Readonly<Record<string, Tone>> = {
  block: 'block', step_up_auth: 'step', elevate_risk: 'flag', allow: 'allow'
}

/** One self-contained page: what changes, where, and how well fraud is separated from the rest. */
export function simulationPage (result: Simulation, inputs: readonly string[], nowMs: number): string {
  const { before, after, actions, verdicts, transitions } = result
  const made = new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ')
  return page({
    title: `ip-risk simulation of ${after}`,
    style: chartStyle + dataTableStyle,
    script: dataTableScript,
    body: html`<main>
<h1>${after} instead of ${before}</h1>
<p>${summaryOf(result)}</p>
<p>Of ${inputs.join(', ')}; ${made} UTC. Visitors are distinct addresses.</p>
<ul>${limitsOf(result).map(line => html`<li>${line}</li>`)}</ul>
<h2>What changes</h2>
${barChart({ title: 'Stopped requests by action', rows: actions.map(barOf) })}
${plainTable('By action', changeColumns('action'), actions)}
${plainTable('By verdict', changeColumns('verdict'), verdicts)}
${dataTable({
  id: 'changes',
  caption: 'Decisions before and after',
  columns: [
    { name: 'action', kind: 'choice' }, { name: 'verdict', kind: 'choice' },
    { name: 'before', kind: 'choice', tones: decisionTones }, { name: 'after', kind: 'choice', tones: decisionTones },
    { name: 'records', kind: 'number' }
  ],
  rows: transitions.map(({ action, verdict, before, after, records }) => [action, verdict, before, after, records])
})}
<h2>Thresholds of the score</h2>
${thresholdPart(result)}
</main>`
  })
}

function barOf ({ key, stopped }: ChangeRow): BarRow {
  const { stoppedAfter, newlyStopped, noLongerStopped } = stopped
  return {
    label: key,
    parts: [
      { label: 'stopped by both', tone: 'plain', value: stoppedAfter - newlyStopped },
      { label: 'newly stopped', tone: 'block', value: newlyStopped },
      { label: 'no longer stopped', tone: 'allow', value: noLongerStopped }
    ]
  }
}

function plainTable<Row> (caption: string, { heads, cells }: Columns<Row>, rows: readonly Row[]): Html {
  const columns = heads.map((head, i) => ({ head, numeric: i > 0, cell: (row: Row) => cells(row)[i] }))
  return table({ caption, columns, rows })
}

function thresholdPart ({ outcomes }: Simulation): Html {
  const { policies, thresholds, fraud, good } = outcomes
  const line = (label: string, tone: Tone, of: (row: Quality) => number | null) => ({
    label, tone, points: thresholds.map(row => [row.threshold!, of(row) ?? NaN] as const)
  })
  const stopped = lineChart({
    title: 'Records stopped where the score is at least the threshold',
    xLabel: 'threshold',
    series: [line('stopped', 'plain', row => row.stopped)]
  })
  if (fraud + good === 0) return html`<p>No known outcomes were given (--outcome-column).</p>${stopped}`
  const best = cheapest(thresholds)
  return html`<p>Known outcomes: ${shownNumber(fraud)} fraud, ${shownNumber(good)} good.
${best !== undefined && html`The least cost is ${shownNumber(best.cost!)}, at ${best.threshold}.`}</p>
${lineChart({
  title: 'Precision and recall',
  xLabel: 'threshold',
  series: [line('precision', 'step', row => row.precision), line('recall', 'block', row => row.recall)]
})}
${best !== undefined && lineChart({
  title: 'Cost', xLabel: 'threshold', series: [line('cost', 'flag', row => row.cost)]
})}
${stopped}
${plainTable('Policies and thresholds', qualityColumns, [...policies, ...thresholds])}`
}
