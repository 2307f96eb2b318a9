// `npm test [files]`: runs the test files, two processes at a time, those that must run alone first. Most files share a process. Prints one
// TAP line a process, the details of what failed, and the totals. `--unit` takes the unit tests only, `--coverage` measures lib/, and
// `--timeout` is how many seconds a process may take.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { reportCoverage } from './coverage.ts'
import { type TestFile, testFiles } from './test-plan.ts'

/** Files in one process, where they need other programs. */
const TOGETHER = 6

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    unit: { type: 'boolean' },
    coverage: { type: 'boolean' },
    jobs: { type: 'string' },
    reporter: { type: 'string' },
    timeout: { type: 'string', default: '180' }
  }
})
const jobs = Number(values.jobs ?? process.env['IP_RISK_TEST_JOBS'] ?? Math.min(4, Math.max(2, availableParallelism())))
const timeoutSeconds = Number(values.timeout)
const coverageFolder = join(root, '.tap/coverage')

interface Counts { total: number, pass: number, fail: number, skip: number }
interface Outcome extends Counts { readonly output: string, readonly failed: boolean, readonly seconds: number }

/** Runs files in one process. It fails when a test fails, or when there was none. */
async function run (files: readonly string[]): Promise<Outcome> {
  const program = files.length === 1 ? files[0]! : 'scripts/test-batch.js'
  const child = spawn(process.execPath, ['--import', new URL('./strip-types.js', import.meta.url).href, program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(timeoutSeconds), IP_RISK_TEST_FILES: files.join(' '), ...values.coverage === true && { NODE_V8_COVERAGE: coverageFolder } }
  })
  const startedAt = performance.now()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text })
  const timer = setTimeout(() => child.kill('SIGKILL'), (timeoutSeconds + 10) * 1000)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject).once('close', (...ended) => resolve(ended))
  })
  clearTimeout(timer)
  if (signal !== null) output += `\nnot ok - ended by ${signal}, after at most ${timeoutSeconds} seconds`
  const counts = countsOf(output)
  return { ...counts, output, failed: code !== 0 || counts.fail > 0 || counts.total === 0, seconds: (performance.now() - startedAt) / 1000 }
}

/** tap's own closing line: `# { total: 68, pass: 66, fail: 1, skip: 1 }`. */
function countsOf (output: string): Counts {
  const line = output.match(/^# \{ total: .*\}$/mg)?.at(-1) ?? ''
  const read = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { total: read('total'), pass: read('pass'), fail: read('fail'), skip: read('skip') }
}

/** The lines about failures, with tap's diagnosis below each; all of it when the process ended without a summary. */
function detailsOf ({ output, total }: Outcome): string[] {
  const lines = output.split('\n')
  if (total === 0) return lines.slice(-100)
  const shown: string[] = []
  let inside = -1
  for (const line of lines) {
    const indent = line.search(/\S/)
    if (/^ *not ok /.test(line)) inside = indent
    else if (inside >= 0 && indent >= 0 && indent <= inside) inside = -1
    if (inside >= 0 || /^# file /.test(line) || !/^ *(ok |# |\d+\.\.|\.\.\.|---|$)/.test(line)) shown.push(line)
  }
  return shown.slice(0, 400)
}

const asked = positionals.map(name => relative(root, resolve(name)))
const chosen = testFiles(root).filter(({ file, unit }) => asked.length > 0 ? asked.includes(file) : values.unit !== true || unit)
const missing = asked.filter(name => !chosen.some(({ file }) => file === name))
if (missing.length > 0) throw new Error(`no such test file: ${missing.join(', ')}`)

const filesOf = (isOne: (test: TestFile) => boolean): string[] => chosen.filter(isOne).map(({ file }) => file)
/** Deals files to so many processes. */
const dealt = (files: readonly string[], count: number): string[][] =>
  Array.from({ length: Math.min(files.length, count) }, (_, i) => files.filter((_file, at) => at % count === i))
const shared = filesOf(({ unit, shares }) => shares && !unit)
const serial = filesOf(test => test.serial).map(file => [file])
const queue = [
  ...filesOf(({ serial, shares }) => !serial && !shares).map(file => [file]),
  ...dealt(shared, Math.ceil(shared.length / TOGETHER)),
  ...dealt(filesOf(({ unit }) => unit), jobs * 2)
]

if (values.coverage === true) {
  rmSync(coverageFolder, { recursive: true, force: true })
  mkdirSync(coverageFolder, { recursive: true })
}

const startedAt = performance.now()
const sum: Counts = { total: 0, pass: 0, fail: 0, skip: 0 }
let failedFiles = 0
let done = 0

async function work (queue: string[][]): Promise<void> {
  for (let files = queue.shift(); files !== undefined; files = queue.shift()) {
    const outcome = await run(files)
    if (outcome.failed && outcome.fail === 0) outcome.fail = 1 // it ended without a summary, or had no test
    for (const name of ['total', 'pass', 'fail', 'skip'] as const) sum[name] += outcome[name]
    if (outcome.failed) failedFiles++
    const name = files.length === 1 ? files[0]! : `${files.length} files: ${files.map(file => file.replace(/^test\/|\.test\.ts$/g, '')).join(' ')}`
    console.log(`${outcome.failed ? 'not ok' : 'ok'} ${++done} - ${name} # ${outcome.total} assertions, ${outcome.seconds.toFixed(1)} s`)
    if (outcome.failed) for (const line of detailsOf(outcome)) console.log(`    ${line}`)
    for (const [line] of outcome.output.matchAll(/^ *ok .* # SKIP.*$/mg)) console.log(`    ${line.trim()}`)
  }
}

console.log('TAP version 14')
await work(serial)
await Promise.all(Array.from({ length: jobs }, () => work(queue)))
console.log(`1..${done}`)
console.log(`# ${chosen.length} files, ${failedFiles} failed, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
console.log(`# { total: ${sum.total}, pass: ${sum.pass}, fail: ${sum.fail}, skip: ${sum.skip} }`)
const covered = values.coverage !== true || await reportCoverage(root, coverageFolder)
process.exitCode = failedFiles === 0 && done > 0 && covered ? 0 : 1
