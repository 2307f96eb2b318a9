import type { IpRiskEngine } from '../../../types/api.ts'
import { EXIT, type ExitCode, UsageError } from '../command.ts'
import { counted } from '../../util/index.ts'
import { isFailure } from '../../verdict/index.ts'
import type { Io } from '../io.ts'
import { createProgress } from '../progress.ts'
import { type Batch, openRecords, type Source } from './batches.ts'
import { type Checkpoint, checkpointPath, removeCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type Counts, countIn, countsLine, emptyCounts } from './counts.ts'
import type { FormatChoice } from './detect.ts'
import type { InputFile } from './input.ts'
import { csvRows, fileSink, ndjsonRows, type RowWriter, type Sink, streamSink } from './output.ts'
import type { RecordFormat, ReviewRecord } from './record.ts'
import { writeReport } from './report.ts'
import type { RouteRules } from './routes.ts'
import { createSummary, type Summary } from './summary.ts'
import { createVerdicts, type AddressVerdict } from './verdicts.ts'

interface ReviewSettings {
  readonly inputs: readonly InputFile[]
  readonly choice: FormatChoice
  readonly to: 'csv' | 'ndjson' | undefined
  readonly rules: RouteRules
  /** Null: standard output, which cannot be resumed. */
  readonly output: string | null
  readonly report: string | null
  readonly retries: number
  readonly fingerprint: string
  /** Where an interrupted review was. */
  readonly from: Checkpoint | null
  /** In front of the name of the provider, for the report. */
  readonly provider: string
}

interface ReviewTools {
  readonly ipRisk: Pick<IpRiskEngine, 'bulk' | 'decide'>
  /** Whether the provider has no calls left in this minute. */
  readonly isFull: () => boolean
  readonly io: Io
  readonly signal: AbortSignal
  /** Records that are looked up together: many for a provider with a bulk call. */
  readonly batchRecords: number
  readonly keptVerdicts: number
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const FLUSH_MS = 250
const CHECKPOINT_MS = 1_000
const WRITE_AT = 262_144

/** Reads, looks up and writes every record, in order, in memory that does not grow with the input. */
export async function review (settings: ReviewSettings, tools: ReviewTools): Promise<ExitCode> {
  const { inputs, output, report, from } = settings
  const { io, signal, now, batchRecords } = tools
  const startedMs = now()
  const counts: Counts = from === null ? emptyCounts() : structuredClone(from.counts)
  const summary = report === null ? null : createSummary(from?.summary ?? undefined)
  const at = { file: from?.file ?? 0, offset: from?.offset ?? 0 }
  // Before the output is there: an output without a checkpoint is a complete one.
  if (output !== null && from === null) writeCheckpoint(checkpointPath(output), initial(settings, counts))
  const sink = output === null ? streamSink(io.stdout) : await fileSink(output, from?.outputBytes ?? null)
  const isSized = inputs.every(({ bytes }) => bytes !== null)
  const totalBytes = inputs.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
  const progress = createProgress(io, 'rows', isSized ? partOf(at.file, at.offset) : 0)
  const run: Run = { settings, tools, counts, summary, sink, at, progress, partOf, checkpointMs: 0 }

  /** Of all input; an offset in a gzip file counts as if it were not packed, and is corrected as soon as it is read. */
  function partOf (file: number, storedBytes: number): number {
    const before = inputs.slice(0, file).reduce((sum, { bytes }) => sum + bytes!, 0)
    return Math.min(1, (before + storedBytes) / Math.max(1, totalBytes))
  }

  try {
    let first: RecordFormat | null = null
    for (; at.file < inputs.length; at.file++, at.offset = 0) {
      const source = { file: inputs[at.file]!, stdin: io.stdin, signal }
      const { format, batches } = await openRecords(source, at.offset, settings.choice)
      first ??= at.file === 0 ? format : await formatOf({ ...source, file: inputs[0]! }, settings.choice)
      const ndjson = (settings.to ?? (first.prefersNdjson ? 'ndjson' : 'csv')) === 'ndjson'
      if (!ndjson) checkSameColumns(first, format, inputs[0]!, source.file)
      const rows = ndjson ? ndjsonRows(format) : csvRows(format)
      if (sink.bytes === 0) await sink.write(rows.header)
      await reviewFile(run, batches(batchRecords), rows, isSized)
    }
    await sink.sync()
    progress.end()
    if (summary !== null) await writeReport(report!, { ...settings, counts, state: summary.state, nowMs: now() })
    if (output !== null) await removeCheckpoint(checkpointPath(output))
    io.err(`ip-risk: ${countsLine(counts, now() - startedMs)}`)
    if (counts.failed > 0) io.err(`ip-risk: ${counted(counts.failed, 'row')} without a verdict: the lookup failed`)
    return counts.failed > 0 ? EXIT.failure : EXIT.ok
  } catch (error) {
    progress.end()
    const resume = output === null ? '' : '; the same command with --resume goes on here'
    if (signal.aborted) {
      await saveCheckpoint(run)
      io.err(`ip-risk: interrupted after ${counted(counts.rows, 'row')}${resume}`)
      return EXIT.failure
    }
    // Where this fails too, the checkpoint from before stays, and the first error is the one to fix.
    await saveCheckpoint(run).catch(() => {})
    if (!(error instanceof UsageError)) io.err(`ip-risk: stopped after ${counted(counts.rows, 'row')}${resume}`)
    throw error
  } finally {
    progress.end()
    await sink.close()
  }
}

function initial ({ fingerprint }: ReviewSettings, counts: Counts): Checkpoint {
  return { fingerprint, file: 0, offset: 0, outputBytes: 0, counts, summary: null }
}

interface Run {
  readonly settings: ReviewSettings
  readonly tools: ReviewTools
  readonly counts: Counts
  readonly summary: Summary | null
  readonly sink: Sink
  readonly at: { file: number, offset: number }
  readonly progress: ReturnType<typeof createProgress>
  readonly partOf: (file: number, storedBytes: number) => number
  checkpointMs: number
}

async function formatOf (source: Source, choice: FormatChoice): Promise<RecordFormat> {
  const { format, batches } = await openRecords(source, 0, choice)
  await batches(1).return()
  return format
}

function checkSameColumns (first: RecordFormat, format: RecordFormat, a: InputFile, b: InputFile): void {
  if (first.columns.join('\n') === format.columns.join('\n')) return
  throw new UsageError(`${b.name} has other columns than ${a.name}: use --to ndjson, or review them one by one`)
}

async function reviewFile (
  run: Run, batches: AsyncIterable<Batch>, rows: RowWriter, isSized: boolean
): Promise<void> {
  const { settings: { rules, retries }, tools, counts, summary, sink, at, progress } = run
  const { ipRisk, signal, sleep, now, keptVerdicts } = tools
  let isWaiting = false
  const verdicts = createVerdicts({
    ipRisk, keptVerdicts, retries, signal, sleep, onWait (waiting) { isWaiting = waiting }
  })
  const rowOf = (record: ReviewRecord, found: AddressVerdict): string => {
    const decision = verdicts.decide(found, record, rules)
    countIn(counts.decisions, decision)
    summary?.add(record, found, decision, rules.nameOf(record), rules.contextOf(record).write)
    return rows.row(record, found, decision)
  }
  let storedBefore = 0
  for await (const batch of batches) {
    const known = new Map<string, AddressVerdict>()
    let next = 0

    /** Writes the rows whose verdicts are there, up to the first whose verdict is not. */
    const writeRows = async (): Promise<void> => {
      while (next < batch.records.length) {
        const from = next
        let text = ''
        for (; next < batch.records.length && text.length < WRITE_AT; next++) {
          const found = known.get(batch.addresses[next]!)
          if (found === undefined) break
          text += rowOf(batch.records[next]!, found)
        }
        if (next === from) break
        await sink.write(text)
        for (let i = from; i < next; i++) countRow(run, batch, i, known)
      }
      const part = isSized ? run.partOf(at.file, between(storedBefore, batch, next)) : null
      progress.update({ rows: counts.rows, part, waitingFor: isWaiting || tools.isFull() ? 'the provider' : undefined })
      if (now() - run.checkpointMs >= CHECKPOINT_MS) await saveCheckpoint(run)
    }

    // One after the other. Once one has failed, all further ones fail with it.
    let writing = Promise.resolve()
    const flush = (): Promise<void> => {
      writing = writing.then(writeRows)
      return writing
    }
    const timer = setInterval(() => { flush().catch(() => {}) }, FLUSH_MS)
    try {
      await verdicts.lookUp(new Set(batch.addresses), known)
    } finally {
      clearInterval(timer)
      await flush()
    }
    signal.throwIfAborted()
    counts.skipped += batch.trailingSkips
    at.offset = batch.end
    storedBefore = batch.storedBytes
  }
}

function countRow ({ counts, at }: Run, batch: Batch, i: number, known: ReadonlyMap<string, AddressVerdict>): void {
  const { verdict, reason } = known.get(batch.addresses[i]!)!.risk
  counts.rows++
  counts.skipped += batch.skips[i]!
  countIn(counts.verdicts, reason === undefined ? verdict : `${verdict} (${reason})`)
  if (isFailure(reason)) counts.failed++
  at.offset = batch.ends[i]!
}

function between (before: number, { storedBytes, records }: Batch, done: number): number {
  return before + Math.max(0, storedBytes - before) * done / Math.max(1, records.length)
}

async function saveCheckpoint (run: Run): Promise<void> {
  const { settings: { output, fingerprint }, tools: { now }, counts, summary, sink, at } = run
  if (output === null) return
  await sink.sync()
  writeCheckpoint(checkpointPath(output), {
    fingerprint, ...at, outputBytes: sink.bytes, counts, summary: summary?.state ?? null
  })
  run.checkpointMs = now()
}
