import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cyclesIn, folderOf, folders, importsOf, refusedImport } from '../scripts/import-rules.ts'

const root = join(import.meta.dirname, '..')
const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).map(name => `lib/${name}`)

t.test('npm run architecture finds nothing wrong with lib/ and types/', async t => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, join(root, 'scripts/architecture.ts')], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.match(stdout, /\n0 problems\n$/)
  t.equal(status, 0)
})

t.test('a forbidden import is refused in every folder', async t => {
  const found = [...new Set(files.map(folderOf).filter(folder => folder !== ''))]
  t.ok(found.length > 15)
  const entryOf = (folder: string): string | undefined =>
    files.find(name => folderOf(name) === folder && refusedImport('lib/index.ts', name) === undefined)
  for (const folder of found) {
    const file = `lib/${folder}/planted.ts`
    const above = folders.slice(0, folders.indexOf(folders.includes(folder) ? folder : 'providers/*'))
    const upwards = above.map(entryOf).findLast(entry => entry !== undefined) ?? 'lib/index.ts'
    const past = folder === 'util' ? 'lib/ip/address.ts' : 'lib/util/async.ts'
    const targets = [upwards, past]
    const planted = importsOf(file, targets.map(name => `import type { x } from '${'../'.repeat(folder.split('/').length + 1)}${name}'`).join('\n'))
    t.strictSame(planted.filter(name => files.includes(name)), targets, 'both are files that exist')
    t.match(refusedImport(file, upwards), upwards === 'lib/index.ts' ? /belongs to no folder/ : /may not use/, `${file} must not import ${upwards}`)
    t.match(refusedImport(file, past), /: import lib\//, `${file} must not import ${past}`)
  }
})

t.test('a folder that the table does not name may import nothing, and may not be imported', async t => {
  const byHand = "createRequire(import.meta.url)('../core/engine.ts'); new URL('../core/stats.ts', import.meta.url)\nimport x from 'fastify-ip-risk'"
  t.strictSame(importsOf('lib/util/file.ts', byHand).sort(), ['lib/core/engine.ts', 'lib/core/stats.ts', 'lib/index.ts'])
  t.match(refusedImport('lib/new/file.ts', 'lib/util/index.ts'), /new may not use util/)
  t.match(refusedImport('lib/cli/main.ts', 'lib/new/index.ts'), /cli may not use new/)
  t.match(refusedImport('lib/cli/main.ts', 'test/support/log.ts'), /belongs to no folder/)
  t.strictSame(files.map(folderOf).filter(name => name !== '' && !folders.includes(name) && !name.startsWith('providers/')), [])
})

t.test('types/ may import types/ only', async t => {
  for (const name of ['lib/errors.ts', 'lib/index.ts', 'lib/util/index.ts']) {
    const [planted] = importsOf('types/planted.ts', `export type { x } from '../${name}'`)
    t.match(refusedImport('types/planted.ts', planted!), new RegExp(`imports ${name}, but types/ may import nothing else`))
  }
  t.equal(refusedImport('types/api.ts', 'types/contract.ts'), undefined)
})

t.test('a file may import its own folder, a folder below, the errors and the types', async t => {
  for (const name of ['lib/cache/load.ts', 'lib/ip/index.ts', 'lib/errors.ts', 'types/contract.ts']) {
    t.equal(refusedImport('lib/cache/lookup.ts', name), undefined, name)
  }
  t.equal(refusedImport('lib/cli/main.ts', 'lib/frameworks/express.ts'), undefined)
})

t.test('an import cycle is found, types included', async t => {
  t.strictSame(importsOf('lib/a.ts', "import type { B } from './b.ts'\nconst c = await import('./c.ts')"), ['lib/b.ts', 'lib/c.ts'])
  t.strictSame(cyclesIn(new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]])), [['b', 'c', 'b']])
  t.strictSame(cyclesIn(new Map([['a', ['b', 'c']], ['b', ['c']], ['c', []]])), [])
})
