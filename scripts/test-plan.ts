import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf } from './import-rules.ts'

/** What a test file is to the runner. */
export interface TestFile {
  readonly file: string
  /** Uses neither a service nor a process of its own. */
  readonly unit: boolean
  /** Compares processes by the real clock, so it must have the machine to itself. Its first comment says so: "Runs alone". */
  readonly serial: boolean
}

/** Where the helpers that start Redis, a proxy or a browser are; and what starts processes. */
const service = /\bservices\.ts$/
const starts = /from 'node:(child_process|worker_threads)'|'dist\/|\.\.\/dist\//
/** Would apply to the other files of the batch as well, wait for their end, measure what they left, or stop their clocks. */
const alone = /^t\.(before|after|beforeEach|afterEach|teardown|plan)\b|memoryUsage|simulation\//m

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
    .filter(name => name.endsWith('.test.ts')).map(name => `test/${name}`).sort()
    .map(file => {
      const text = readFileSync(join(root, file), 'utf8')
      const serial = text.startsWith('// Runs alone')
      return { file, unit: !serial && !needsMore(file) && !alone.test(text), serial }
    })
}
