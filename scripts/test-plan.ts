import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf } from './import-rules.ts'

/** What a test file is to the runner. */
export interface TestFile {
  readonly file: string
  /** Uses neither a service nor a process of its own. */
  readonly unit: boolean
  /** May run in one process with others, after each other. Loading tap, Fastify and lib/ takes longer than most files. */
  readonly shares: boolean
  /** Compares processes by the real clock, so it must have the machine to itself. Its first comment says so: "Runs alone". */
  readonly serial: boolean
}

/** Where the helpers that start Redis, a proxy or a browser are; and what starts processes. */
const service = /\b(services|browser)\.ts$/
const starts = /from 'node:(child_process|worker_threads)'|'dist\/|\.\.\/dist\//
/** Would apply to the other files of the batch as well, measure what they left, or stop their clocks. */
const alone = /^t\.(before|after|beforeEach|afterEach|plan)\b|memoryUsage|expose-gc|simulation\/|\.setGlobal/m
/** Would wait for the end of the batch, with a service or without. */
const atTheEnd = /^t\.teardown\b/m
/** More than ten seconds: first, so that at the end no processor waits for one of them. */
const longest = ['redis-faults', 'types', 'simulation', 'adversary/memory', 'lists-memory', 'lists-map']

/** More than five seconds: not for somebody who waits for the unit tests after each change. */
const slow = ['provider-vendors', 'lists-provider', 'lists-read', 'cli-review', 'doc-comments', 'provider-http', 'bulk', 'lists-lint-files']

/** Every test file below `test/`, and whether it is a unit test: decided by what it imports, directly or not. */
export function testFiles (root: string): TestFile[] {
  const known = new Map<string, boolean>()
  const needsMore = (file: string): boolean => {
    const before = known.get(file)
    if (before !== undefined) return before
    known.set(file, false) // an import cycle ends here
    const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : ''
    const needs = service.test(file) || starts.test(text) ||
      importsOf(file, text).some(name => !name.startsWith('lib/') && needsMore(name))
    known.set(file, needs)
    return needs
  }
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts')).map(name => `test/${name}`).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(file => {
      const text = readFileSync(join(root, file), 'utf8')
      const serial = text.startsWith('// Runs alone')
      const shares = !serial && !alone.test(text) && rank(file) === longest.length
      return { file, unit: shares && !atTheEnd.test(text) && !slow.some(name => file === `test/${name}.test.ts`) && !needsMore(file), shares, serial }
    })
}

function rank (file: string): number {
  const place = longest.indexOf(file.slice('test/'.length, -'.test.ts'.length))
  return place < 0 ? longest.length : place
}
