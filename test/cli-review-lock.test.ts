import t from 'tap'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockOutput } from '../lib/cli/review/checkpoint.ts'
import { bulkServer, logOf } from './support/bulk-server.ts'
import { until } from './support/until.ts'

const main = new URL('../dist/lib/cli/main.js', import.meta.url).pathname

interface Started { readonly process: ChildProcess, readonly ended: Promise<{ code: number | null, err: string }> }

function start (env: Record<string, string>, ...args: string[]): Started {
  const child = spawn(process.execPath, [main, 'review', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', data => { err += String(data) })
  return { process: child, ended: once(child, 'exit').then(([code]) => ({ code: code as number | null, err })) }
}

const locksIn = (folder: string) => readdirSync(folder).filter(name => name.includes('.lock-'))

t.test('a second review of one output is refused, and a crash leaves nothing that stops the next one', async t => {
  const folder = t.testdir({ 'access.log': logOf(1500, 1000) })
  const [input, output] = [join(folder, 'access.log'), join(folder, 'out.csv')]
  const iplogs = await bulkServer(t)
  const whole = join(folder, 'whole.csv')
  t.equal((await start(iplogs.env, input, '--output', whole).ended).code, 0)
  iplogs.calls.length = 0
  iplogs.answered = 4

  const first = start(iplogs.env, input, '--output', output)
  await until(() => iplogs.calls.length === 8)
  for (const more of [[], ['--resume'], ['--force']]) {
    const { code, err } = await start(iplogs.env, input, '--output', output, ...more).ended
    t.equal(code, 2, more.join())
    t.match(err, /another review is writing .*out\.csv: wait for it, or end it and use --resume/)
  }
  t.equal(iplogs.calls.length, 8, 'none of them asked the provider')
  t.equal(locksIn(folder).length, 1)
  first.process.kill('SIGKILL')
  await first.ended
  t.equal(locksIn(folder).length, 1, 'the crash left it')
  iplogs.release()
  t.match(await start(iplogs.env, input, '--output', output, '--resume').ended, { code: 0 })
  t.ok(readFileSync(output).equals(readFileSync(whole)), 'the same bytes')
  t.same(locksIn(folder), [])
})

t.test('of reviews that begin at once at most one writes', async t => {
  const folder = t.testdir({ 'access.log': logOf(300, 300) })
  const [input, output] = [join(folder, 'access.log'), join(folder, 'out.csv')]
  const iplogs = await bulkServer(t)
  iplogs.answered = 0
  const all = [1, 2, 3].map(() => start(iplogs.env, input, '--output', output))
  const ended: (number | null)[] = []
  for (const { ended: end } of all) end.then(({ code }) => ended.push(code), () => {})
  await until(() => ended.length >= 2)
  t.same(ended.slice(0, 2), [2, 2])
  iplogs.release()
  await Promise.all(all.map(async ({ ended }) => await ended))
  t.ok([0, 2].includes(ended[2]!))
  t.same(locksIn(folder), [])
})

t.test('a lock of a process that does not exist is removed; one that cannot be looked up, once it is silent', async t => {
  const folder = t.testdir()
  const output = join(folder, 'out.csv')
  const release = await lockOutput(output)
  const own = JSON.parse(readFileSync(join(folder, locksIn(folder)[0]!), 'utf8')) as object
  await release()
  t.same(locksIn(folder), [])
  const leave = (name: string, content: object | string) => {
    const path = `${output}.lock-${name}`
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const old = new Date(Date.now() - 120_000)
  leave('dead', { ...own, pid: 2 ** 22 + 1 })
  leave('reused', { ...own, pid: process.ppid, began: 'x' })
  leave('ours', { ...own, began: 'x' })
  utimesSync(leave('foreign', { ...own, host: 'other' }), old, old)
  utimesSync(leave('torn', '{"host"'), old, old)
  await (await lockOutput(output))()
  t.same(locksIn(folder), [])
  for (const content of [{ ...own, host: 'other' }, '{"host"']) {
    leave('fresh', content)
    await t.rejects(lockOutput(output), /another review is writing/)
    t.same(locksIn(folder), ['out.csv.lock-fresh'], 'and its own is gone')
  }
  writeFileSync(join(folder, 'other.csv.lock-fresh'), '')
  await (await lockOutput(join(folder, 'free.csv')))()
})
