import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { counted } from '../../util/index.ts'
import { type Command, command, EXIT, UsageError } from '../command.ts'
import { type Io, plainText } from '../io.ts'
import { createProgress } from '../progress.ts'
import { type InputFile, inputFile } from '../review/input.ts'
import { routeRules } from '../review/routes.ts'
import { readPolicy } from '../settings.ts'
import type { Costs, KnownOutcome } from './outcomes.ts'
import { recordReader } from './records.ts'
import { simulationPage } from './report.ts'
import { type Row, rowsOf } from './rows.ts'
import { createSimulator, type SimulationOptions } from './simulation.ts'
import { limitsOf, textLines } from './text.ts'

export const simulate: Command = command({
  usage: '--policy FILE [--against FILE] [INPUT…] [options]',
  about: 'Judges past decisions by another policy, and says what changes: decision records as onDecision gets them ' +
    '(NDJSON, or the application\'s log), or the output of ip-risk review (CSV, NDJSON), gzip or not. Without INPUT, ' +
    'it reads standard input.',
  options: {
    policy: { value: 'FILE', help: 'JSON with the plugin\'s policy option' },
    against: { value: 'FILE', help: 'another one to compare with; default: the recorded decisions' },
    report: { value: 'FILE', help: 'also an HTML page with charts and tables' },
    force: { help: 'replace the report' },
    json: { help: 'one JSON object' },
    'outcome-column': { value: 'NAME', help: 'column or member that says fraud or good' },
    'cost-missed': { value: 'N', help: 'cost of each fraud that is not stopped' },
    'cost-stopped': { value: 'N', help: 'cost of each good one that is stopped' },
    column: { value: 'NAME', help: 'reviewed: the column with the address; default: found' },
    action: { value: 'NAME', help: 'reviewed: the action that all rows are judged as' },
    'action-column': { value: 'NAME', help: 'reviewed: column or member with the action' },
    route: { value: 'RULE', many: true, help: 'reviewed logs: "POST /signup=signup"' }
  },
  notes: 'What a rule asks for and a record does not have is counted, and never assumed.\n' +
    'Exit code 1: nothing could be judged, or it was interrupted. 2: a policy is wrong; the message names the place.',
  async run ({ values, positionals }, io) {
    const { policy, against, report } = values
    if (policy === undefined) throw new UsageError('simulate needs --policy FILE: JSON with the policy to try')
    const paths = positionals.length === 0 ? ['-'] : positionals
    if (paths[0] === '-' && io.stdin.isTTY === true) throw new UsageError('simulate needs a file, or standard input')
    if (paths.length > 1 && paths.includes('-')) throw new UsageError('"-" cannot be combined with files')
    checkReport(report, paths, values.force)
    const options: SimulationOptions = {
      after: { name: nameOf(policy), policy: await readPolicy('--policy', policy) },
      before: against === undefined
        ? null
        : { name: nameOf(against), policy: await readPolicy('--against', against) },
      costs: costsOf(values['cost-missed'], values['cost-stopped'])
    }
    const { action, route, column, 'action-column': actionColumn, 'outcome-column': outcomeColumn } = values
    if (outcomeColumn === undefined && options.costs !== null) throw new UsageError('costs need --outcome-column')
    const read = recordReader({
      rules: routeRules(action, route),
      column,
      actionColumn,
      namesActions: action !== undefined || actionColumn !== undefined || route.length > 0
    })
    const { read: outcomeOf, others, isAbsent } = outcomeReader(outcomeColumn)
    const simulator = createSimulator(options)
    const rows = await eachRow(await Promise.all(paths.map(inputFile)), io, row => {
      simulator.add(row === null ? 'no_record' : read(row), row === null ? null : outcomeOf(row))
    })
    if (rows === null) return EXIT.failure
    const [other] = others
    if (other !== undefined) {
      io.err('ip-risk: --outcome-column: "fraud" and "good" are known outcomes; others, such as ' +
        `"${plainText(other)}", count as none`)
    }
    if (isAbsent()) {
      io.err(`ip-risk: --outcome-column: no row has "${plainText(outcomeColumn!)}"; check the name of the column`)
      return EXIT.failure
    }
    const result = simulator.result()
    if (report !== undefined) await writeFile(report, simulationPage(result, paths, Date.now()), { mode: 0o600 })
    if (values.json) io.out(JSON.stringify(result))
    else for (const line of textLines(result)) io.out(line)
    for (const line of limitsOf(result)) io.err(`ip-risk: ${line}`)
    if (result.total.records === 0) io.err('ip-risk: nothing could be judged')
    return result.total.records === 0 ? EXIT.failure : EXIT.ok
  }
})

/** A policy may also be given as JSON itself. */
function nameOf (policy: string): string {
  return policy.trimStart().startsWith('{') ? 'the policy given' : basename(policy)
}

function checkReport (report: string | undefined, inputs: readonly string[], force: boolean): void {
  if (report === undefined) return
  if (inputs.some(path => resolve(path) === resolve(report))) {
    throw new UsageError('inputs and --report must be different files')
  }
  if (!force && existsSync(report)) throw new UsageError(`${report} exists: use --force to replace it`)
}

function costsOf (missed: string | undefined, stopped: string | undefined): Costs | null {
  if (missed === undefined && stopped === undefined) return null
  if (missed === undefined || stopped === undefined) {
    throw new UsageError('--cost-missed and --cost-stopped go together')
  }
  return { perFraudMissed: amount('--cost-missed', missed), perGoodStopped: amount('--cost-stopped', stopped) }
}

function amount (option: string, text: string): number {
  if (!/^\d{1,12}(?:\.\d{1,6})?$/.test(text)) {
    throw new UsageError(`${option} must be a number such as 12.5, got "${text}"`)
  }
  return Number(text)
}

/** `others` keeps the first value that is neither. `isAbsent`: no row had the column. */
function outcomeReader (column: string | undefined): {
  readonly read: (row: Row) => KnownOutcome | null
  readonly others: readonly string[]
  isAbsent (): boolean
} {
  const others: string[] = []
  let isPresent = column === undefined
  return {
    others,
    isAbsent: () => !isPresent,
    read (row) {
      const value = column === undefined ? undefined : row.get(column)
      isPresent ||= value !== undefined
      if (value === undefined || value === null || value === '') return null
      const text = String(value).trim().toLowerCase()
      if (text === 'fraud' || text === 'good') return text
      if (others.length === 0) others.push(text.slice(0, 40))
      return null
    }
  }
}

/** Calls `take` for each row of the files; null for a line that is none. The number of rows; null: interrupted. */
async function eachRow (
  files: readonly InputFile[], io: Io, take: (row: Row | null) => void
): Promise<number | null> {
  const signal = io.interrupted()
  const isSized = files.every(({ bytes }) => bytes !== null)
  const totalBytes = Math.max(1, files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0))
  const progress = createProgress(io, 'records')
  let [rows, doneBytes, bytes] = [0, 0, 0]
  try {
    for (const file of files) {
      bytes = 0
      for await (const row of rowsOf({ file, stdin: io.stdin, signal, onBytes (read) { bytes = read } })) {
        take(row)
        if (++rows % 1_000 !== 0) continue
        progress.update({ rows, part: isSized ? Math.min(1, (doneBytes + bytes) / totalBytes) : null })
      }
      doneBytes += file.bytes ?? 0
    }
    return rows
  } catch (error) {
    if (!signal.aborted) throw error
    progress.end()
    io.err(`ip-risk: interrupted after ${counted(rows, 'record')}`)
    return null
  } finally {
    progress.end()
  }
}
