import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import t from 'tap'
import { folders } from '../scripts/import-rules.ts'
import { startRedis } from './support/redis.ts'

const root = join(import.meta.dirname, '..')
const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')

function section (title: string): string {
  const found = contributing.split(/^## /m).find(part => part.startsWith(`${title}\n`))
  if (found === undefined) throw new Error(`CONTRIBUTING.md has no section "${title}"`)
  return found
}
const filesIn = (part: string): string[] => [...new Set(part.match(/\blib\/[\w/-]+\.ts\b/g))]

t.test('the map has a line for each folder of lib/, in the order of the import rules', async t => {
  const named = [...section('Map').matchAll(/^\| `([^`]+)` \|/mg)].map(([, name]) => name!)
  const ofLib = named.filter(name => name.startsWith('lib/') && name.endsWith('/'))
  t.strictSame(ofLib, folders.map(folder => `lib/${folder}/`))
  const atRoot = readdirSync(join(root, 'lib')).filter(name => name.endsWith('.ts')).map(name => `lib/${name}`)
  t.strictSame(named.filter(name => /^lib\/[^/]+$/.test(name)).sort(), atRoot.sort())
  for (const name of named) t.ok(existsSync(join(root, name.replace('*/', ''))), name)
})

t.test('the walk of one request names as many files as it says, and each of them runs', async t => {
  const walk = section('One request, top to bottom')
  const [fromMemory = '', cold = '', afterwards = ''] = walk.split(/^(?=A cold lookup|What follows)/m)
  const [hit, more] = [filesIn(fromMemory), filesIn(cold)]
  t.equal(Number(/needs\s(\d+) files/.exec(fromMemory)?.[1]), hit.length, `the first part names ${hit.length} files: correct its number`)
  t.equal(Number(/needs (\d+) more/.exec(cold)?.[1]), more.length, `the second part names ${more.length} files: correct its number`)
  t.ok(hit.length <= 12)
  t.ok(hit.length + more.length <= 24)
  t.strictSame(more.filter(file => hit.includes(file)), [])
  t.ok(filesIn(afterwards).every(file => existsSync(join(root, file))))

  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const child = spawn(process.execPath, ['--import', './scripts/strip-types.js', 'scripts/walk.ts', redis.url], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const [, ranFromMemory = '', ranCold = ''] = printed.split(/^.*: \d+ files$/m)
  t.strictSame(hit.filter(file => !ranFromMemory.includes(file)), [], 'all of these run for a verdict from memory')
  t.strictSame([...hit, ...more].filter(file => !ranCold.includes(file)), [], 'all of these run for a cold lookup')
  const [inAll, inAllCold] = /: (\d+) and about (\d+)\./.exec(afterwards)!.slice(1).map(Number)
  t.equal(filesIn(ranFromMemory).length, inAll)
  t.ok(Math.abs(filesIn(ranCold).length - inAllCold!) < 5, `${filesIn(ranCold).length} files run`)
})
