// `npm run bench`: all benchmarks of suite.js, one after the other. Writes bench/results.json and docs/benchmarks.md.
// `-- --compare` measures the quick ones that compare with a peer again, and prints which ratios differ from bench/results.json by more
// than the noise; it writes nothing. `--only PATTERN` selects files and keeps the results of the others, `--runs N` repeats each to learn
// its noise (3).
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOptions, whole } from '../scripts/command-line.ts'
import { changes, combine, hasFailed, summary } from './compare.js'
import { page } from './page.js'
import { suite } from './suite.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const resultsFile = join(here, 'results.json')
const values = readOptions(import.meta.url, {
  compare: { type: 'boolean' }, only: { type: 'string' }, runs: { type: 'string', default: '3' }
})
const runs = whole('runs', values.runs, 1)
const last = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, 'utf8')) : { benches: {} }
const chosen = suite.filter(({ file, quick }) => new RegExp(values.only ?? '').test(file) && (values.compare !== true || quick === true))
if (chosen.length === 0) throw new Error(`--only ${values.only} selects no benchmark of bench/suite.js`)

/** The tables of one run; undefined where the benchmark says that it has nothing to measure with. */
function tablesOf ({ file, args: all = [], quickArgs = all, typescript = file.endsWith('.ts'), mayMiss = false }) {
  const output = join(work, 'tables.json')
  const args = values.compare === true ? quickArgs : all
  rmSync(output, { force: true })
  const loader = typescript ? ['--import', 'tsx'] : []
  const { status, signal } = spawnSync(process.execPath, [...loader, '--import', join(here, 'record-tables.js'), join(here, file), ...args], {
    cwd: join(here, '..'), env: { ...process.env, BENCH_TABLES: output }, stdio: ['ignore', 'inherit', 'inherit']
  })
  const found = existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')) : undefined
  if (status !== 0 && !(mayMiss && found !== undefined)) throw new Error(`${file} ended with ${status ?? signal}`)
  if (status !== 0) console.log(`${file} ended with ${status}: a target of its own was missed`)
  return found
}

function measure (bench) {
  const all = []
  // What has no ratio has no noise to learn.
  for (let i = 0; i < (bench.ratios === undefined ? 1 : runs); i++) {
    console.log(`\n== ${bench.file}, run ${i + 1}`)
    const tables = tablesOf(bench)
    if (tables === undefined) return undefined
    all.push(tables)
  }
  const found = bench.ratios === undefined ? [] : all.map(tables => bench.ratios(tables))
  const ratios = Object.fromEntries(Object.keys(found[0] ?? {}).map(name => [name, combine(name, found.map(ratios => ratios[name]))]))
  const { date, commit } = now
  return { date, commit, ratios, tables: all.at(-1) }
}

function machine () {
  const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const versionOf = folder => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: here, encoding: 'utf8' }).stdout.trim(),
    node: process.versions.node,
    cpu: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    redis: /v=([\d.]+)/.exec(redis)?.[1] ?? 'none',
    fastify: versionOf(join(here, '../node_modules/fastify')),
    peers: Object.fromEntries(Object.keys(dependencies).map(name => [name, versionOf(join(here, 'node_modules', name))]))
  }
}

const now = machine()
const kept = values.only === undefined ? {} : last.benches
const isSameMachine = ['cpu', 'system', 'node', 'redis', 'fastify'].every(part => last.machine?.[part] === now[part])
if (Object.keys(kept).length > 0 && values.compare !== true && !isSameMachine) {
  throw new Error('bench/results.json is of another machine or other versions: run all benchmarks, without --only')
}
const work = mkdtempSync(join(tmpdir(), 'ip-risk-bench-'))

try {
  const benches = {}
  const failed = []
  for (const bench of chosen) {
    try {
      const result = measure(bench)
      if (result !== undefined) benches[bench.file] = result
      else if (values.compare === true) throw new Error(`${bench.file} measured nothing`)
      else console.log(`${bench.file}: nothing was measured`)
    } catch (error) {
      console.error(error)
      failed.push(bench.file)
      process.exitCode = 1 // the others are measured all the same
    }
  }
  if (values.compare === true) {
    const found = changes(last.benches, benches)
    const text = summary(found, { last: last.machine, now, failed })
    console.log(`\n${text}`)
    if (hasFailed(found, failed)) process.exitCode = 1
    if (process.env.GITHUB_STEP_SUMMARY !== undefined) appendFileSync(process.env.GITHUB_STEP_SUMMARY, `${text}\n`)
    for (const { name, verdict, was, is } of found) {
      if (verdict === 'worse') console.log(`::warning title=Benchmark::${name}: ${was} before, ${is} now`)
    }
  } else {
    const all = { ...kept, ...benches }
    const inOrder = suite.flatMap(({ file }) => file in all ? [[file, all[file]]] : [])
    const results = { machine: now, benches: Object.fromEntries(inOrder) }
    writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
    writeFileSync(join(here, '../docs/benchmarks.md'), page(results))
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
