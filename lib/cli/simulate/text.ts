import { alignedRows } from '../io.ts'
import { shownNumber } from '../html/index.ts'
import { cheapest, type Quality } from './outcomes.ts'
import type { Simulation } from './simulation.ts'
import type { ChangeRow, Transition } from './tally.ts'

/** The head of each column and its cell: the tables of the text and of the page are the same. */
export interface Columns<Row> { readonly heads: readonly string[], readonly cells: (row: Row) => readonly string[] }

export const changeColumns = (first: string): Columns<ChangeRow> => ({
  heads: [
    first, 'records', 'changed', 'stopped before', 'after', 'newly', 'no longer', 'visitors before', 'after', 'newly',
    'no longer'
  ],
  cells: ({ key, records, changed, stopped, visitors }) => [key, ...[
    records, changed, ...[stopped, visitors].flatMap(counts => [
      counts.stoppedBefore, counts.stoppedAfter, counts.newlyStopped, counts.noLongerStopped
    ])
  ].map(shownNumber)]
})

const transitionColumns: Columns<Transition> = {
  heads: ['action', 'verdict', 'before', 'after', 'records'],
  cells: ({ action, verdict, before, after, records }) => [action, verdict, before, after, shownNumber(records)]
}

export const qualityColumns: Columns<Quality> = {
  heads: ['stopped by', 'stopped', 'fraud stopped', 'missed', 'good stopped', 'precision', 'recall', 'cost'],
  cells: ({ by, stopped, fraudStopped, fraudMissed, goodStopped, precision, recall, cost }) => [
    by, shownNumber(stopped), shownNumber(fraudStopped), shownNumber(fraudMissed), shownNumber(goodStopped),
    percent(precision), percent(recall), cost === null ? '' : shownNumber(cost)
  ]
}

function percent (share: number | null): string {
  return share === null ? '-' : `${(100 * share).toFixed(1)} %`
}

/** One sentence: what the policy changes. */
export function summaryOf ({ before, after, total, exact }: Simulation): string {
  const { records, changed, stopped, visitors } = total
  const about = exact ? '' : 'about '
  const of = (requests: number, people: number): string => (
    `${shownNumber(requests)} (of ${people === 0 ? '' : about}${shownNumber(people)} ` +
      `${people === 1 ? 'visitor' : 'visitors'})`)
  return `Of ${count(records, 'record', 'records')}, ` +
    `${before} stops ${of(stopped.stoppedBefore, visitors.stoppedBefore)} and ` +
    `${after} ${of(stopped.stoppedAfter, visitors.stoppedAfter)}: ` +
    `${of(stopped.newlyStopped, visitors.newlyStopped)} newly, ` +
    `${of(stopped.noLongerStopped, visitors.noLongerStopped)} no longer. ` +
    `${count(changed, 'decision changes', 'decisions change')}.`
}

const count = (n: number, one: string, many: string): string => `${shownNumber(n)} ${n === 1 ? one : many}`

/** What the counts leave out, and how far they can be believed. */
export function limitsOf (result: Simulation): string[] {
  const { omitted, missing, addresses, withoutAddress, withoutAction, outcomes, exact, exactParts } = result
  const lines: readonly (readonly [number | boolean, string])[] = [
    [omitted.noRecord, `${count(omitted.noRecord, 'line was no record', 'lines were no records')}`],
    [omitted.clientGone, `${count(omitted.clientGone, 'record is', 'records are')} of clients that left, and left out`],
    [omitted.unmarked, `${count(omitted.unmarked, 'record is', 'records are')} of unmarked routes, and left out`],
    [omitted.notRecorded, `${count(omitted.notRecorded, 'record has', 'records have')} no decision, and left out: ` +
      'name a policy to compare with by --against'],
    ...missing.map(({ name, records, undecided }) => [records, `${name} is asked for and not recorded in ` +
      `${count(records, 'record', 'records')}: ${undecided === 0
        ? 'no decision depends on it'
        : `${count(undecided, 'is', 'are')} left out, because the decision depends on it`}`] as const),
    [omitted.undecided, `${count(omitted.undecided, 'record', 'records')} in all cannot be decided, and left out`],
    [addresses === 'network', 'addresses are recorded as networks (recordAddress: truncated): several visitors count ' +
      'as one'],
    [addresses === 'mixed', 'addresses are recorded in several forms: one visitor may count several times'],
    [withoutAddress, `${count(withoutAddress, 'record has', 'records have')} no address: they are not among visitors`],
    [withoutAction, `${count(withoutAction, 'record has', 'records have')} no action: some may be of unmarked routes`],
    [!exact, 'counts of all visitors are estimates, with a standard error of 0.6 %'],
    [!exactParts, 'counts of visitors by action and by verdict are estimates, with a standard error of 2.2 %'],
    [outcomes.fraud + outcomes.good > 0 && outcomes.withoutOutcome, `${count(outcomes.withoutOutcome,
      'record has', 'records have')} no known outcome: they count as stopped only`],
    [outcomes.withoutScore, `${count(outcomes.withoutScore, 'record has', 'records have')} no score: no threshold ` +
      'stops them']
  ]
  return lines.filter(([applies]) => applies !== false && applies !== 0).map(([, line]) => line)
}

/** The result as tables for people. */
export function textLines (result: Simulation): string[] {
  const { actions, verdicts, transitions, outcomes: { policies, thresholds, fraud, good } } = result
  const changed = transitions.filter(({ before, after }) => before !== after)
  return [
    summaryOf(result),
    '', ...textTable(changeColumns('action'), actions),
    '', ...textTable(changeColumns('verdict'), verdicts),
    ...changed.length === 0 ? [] : ['', ...textTable(transitionColumns, changed.slice(0, 20))],
    ...fraud + good === 0
      ? []
      : ['', ...textTable(qualityColumns, [...policies, ...distinct(thresholds)]), ...best(result)]
  ]
}

function best ({ outcomes: { thresholds } }: Simulation): string[] {
  const row = cheapest(thresholds)
  return row === undefined ? [] : [`The threshold with the least cost: ${row.threshold}, ${shownNumber(row.cost!)}.`]
}

/** Without thresholds between which no score is: of equals the highest. */
function distinct (rows: readonly Quality[]): Quality[] {
  return rows.filter((row, i) => {
    const next = rows[i + 1]
    return next === undefined || next.stopped !== row.stopped || next.fraudStopped !== row.fraudStopped
  })
}

function textTable<Row> ({ heads, cells }: Columns<Row>, rows: readonly Row[]): string[] {
  const texts = rows.map(row => [...cells(row)])
  const isNumber = heads.map((_, i) => texts.every(row => /^[-\d,. %]*$/.test(row[i]!)))
  const isEmpty = heads.map((_, i) => texts.every(row => row[i] === ''))
  const head = heads.map((text, i) => isEmpty[i] ? '' : text)
  return alignedRows([head, ...texts], isNumber.map(right => ({ align: right ? 'right' : 'left', max: 40 })))
}
