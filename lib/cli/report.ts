import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import {
  addComposites, type Composites, readComposites, readRecordLine, reportOfRecords, reportPage, reportSummary,
  shadowSummaries
} from '../report/index.ts'
import { counted } from '../util/index.ts'
import { type Command, command, EXIT, UsageError } from './command.ts'
import type { Io } from './io.ts'

export const report: Command = command({
  usage: '[FILE…] [options]',
  about: 'What enforcing would have stopped, per action, network, country, verdict and reason. It reads decision ' +
    'records, one JSON object a line: what onDecision wrote, or the log of the application. Files may end in .gz; ' +
    'without one, it reads standard input.',
  options: {
    stats: {
      value: 'FILE',
      many: true,
      help: 'JSON of app.ipRisk.stats(), one file per process: adds how the candidates of shadow() compare'
    },
    json: { help: 'the report as one JSON object' },
    html: { help: 'the report as one self-contained HTML page' }
  },
  notes: 'Lines without a decision are skipped and counted. Exit code 1: there was no decision, or a file failed.',
  async run ({ values, positionals }, io) {
    if (values.json && values.html) throw new UsageError('report writes one format: --json or --html')
    const composites = await compositesOf(values.stats)
    const records = reportOfRecords()
    let [read, skipped] = [0, 0]
    for await (const line of linesOf(positionals, io)) {
      if (line.trim() === '') continue
      const record = readRecordLine(line)
      if (record === null) skipped++
      else {
        read++
        records.add(record)
      }
    }
    if (skipped > 0) io.err(`ip-risk: skipped ${counted(skipped, 'line')} without a decision`)
    const result = { ...records.report(), ...composites !== undefined && { composites } }
    if (values.json) io.out(JSON.stringify(result))
    else if (values.html) io.out(reportPage(result))
    else for (const line of [reportSummary(result), ...shadowSummaries(composites)]) io.out(line)
    return read === 0 ? EXIT.failure : EXIT.ok
  }
})

async function compositesOf (files: readonly string[]): Promise<Composites | undefined> {
  let sum: Composites | undefined
  for (const file of files) {
    try {
      sum = addComposites(sum ?? {}, readComposites(await readFile(file, 'utf8')))
    } catch (error) {
      throw new Error(`--stats ${file}: ${(error as Error).message}`, { cause: error })
    }
  }
  return sum
}

async function * linesOf (files: readonly string[], { stdin }: Io): AsyncGenerator<string> {
  const inputs = files.length === 0 ? ['-'] : files
  for (const file of inputs) {
    const source: Readable = file === '-' ? stdin : createReadStream(file)
    const input: Readable = file.endsWith('.gz') ? source.pipe(createGunzip()) : source
    const failed = new Promise<never>((_resolve, reject) => {
      source.once('error', reject)
      input.once('error', reject)
    })
    failed.catch(() => {}) // it is awaited below, or there was no failure
    const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]()
    while (true) {
      const next = await Promise.race([lines.next(), failed])
      if (next.done === true) break
      yield next.value
    }
  }
}
