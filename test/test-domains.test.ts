import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** What a test does that fails it although no assertion of it does. */
const failures = {
  'throws in a timer': "setTimeout(() => { throw new Error('uncaught') }, 5); await sleep(100)",
  'rejects later': "await sleep(1); Promise.reject(new Error('uncaught')); await sleep(100)",
  'throws in a microtask': "await sleep(1); queueMicrotask(() => { throw new Error('uncaught') }); await sleep(100)",
  'throws in a subtest': "await t.test('inner', async () => { await sleep(1); setTimeout(() => { throw new Error('uncaught') }); await sleep(100) })",
  'rejects itself': "await sleep(1); throw new Error('uncaught')"
}
const fileOf = (body: string): string => `
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
t.test('before', async t => { t.pass() })
t.test('guilty', async t => { ${body} })
`

t.test('an uncaught error fails the test that it belongs to', async t => {
  const folder = t.testdir(Object.fromEntries(Object.entries(failures).map(([name, body]) => [`${name}.mjs`, fileOf(body)])))
  await Promise.all(Object.keys(failures).map(async name => {
    const child = spawn(process.execPath, ['--import', './scripts/strip-types.js', join(folder, `${name}.mjs`)], {
      cwd: root, stdio: ['ignore', 'pipe', 'ignore']
    })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    t.equal(code, 1, name)
    t.match(output, /^ok 1 - before/m, name)
    t.match(output, /^not ok \d - (guilty|uncaught)/m, name)
    t.match(output, /uncaught/, name)
  }))
})

t.test('this is what tap uses here', async t => {
  const { Domain } = await import('async-hook-domain' as string) as { readonly Domain: { current?: unknown } }
  t.type(Domain.current, 'function')
})
