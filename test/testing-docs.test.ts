import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
interface Outcome { readonly stdout: string, readonly code: number }
const text = readFileSync(join(import.meta.dirname, '..', 'docs', 'testing.md'), 'utf8')
const files = Object.fromEntries([...text.matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g)].map(([, name, code]) => [name, code!]))

/** What the page uses of vitest, which is not installed here, over node:test. */
const vitest = `
import assert from 'node:assert/strict'
export { after as afterAll, test } from 'node:test'
export const expect = actual => ({ toBe: expected => assert.equal(actual, expected), toEqual: expected => assert.deepEqual(actual, expected) })
`

t.test('the tests of docs/testing.md pass as they are printed, under tap, node:test and in the words of vitest', async t => {
  t.same(Object.keys(files), ['app.ts', 'signup.tap.ts', 'signup.node.ts', 'signup.test.ts'])
  const folder = t.testdir({
    ...files,
    node_modules: { vitest: { 'package.json': '{ "name": "vitest", "type": "module", "exports": "./index.js" }', 'index.js': vitest } }
  })
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, TAP: undefined }
  await Promise.all(Object.keys(files).filter(name => name !== 'app.ts').map(async name => {
    const { stdout, code }: Outcome = await run(process.execPath, ['--import', 'tsx', name], { cwd: folder, env })
      .then(({ stdout }) => ({ stdout, code: 0 }), (err: Outcome) => err)
    t.equal(code, 0, `${name} ${code === 0 ? '' : stdout}`)
    t.match(stdout, /^(# pass 1|.*ok 1 - |✔ )/m, 'a test was run')
  }))
})
