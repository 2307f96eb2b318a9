import t, { type Test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { type Part, snapshotPart } from '../lib/lists/database/parts.ts'
import { listsSnapshotPath } from '../lib/lists/database/snapshot-files.ts'
import { isPullDue } from '../lib/lists/refresh/pull-state.ts'
import type { RefreshJob } from '../lib/lists/refresh/refresh-job.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import type { PublishedList } from '../lib/lists/sources/publishers.ts'
import { lists } from '../lib/providers/lists/index.ts'
import { runCommand } from './support/cli.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { type Handler, publisher } from './support/publisher.ts'
import { replaceFile } from '../lib/util/index.ts'

const HOUR = 3_600_000
const source = (id: string, url: string): PublishedList => ({ id, url, kind: 'tor-exit', halfLifeDays: 10, licence: 'CC0-1.0' })
const text = (body: string): Handler => (_request, response) => response.writeHead(200).end(body)

/** Looks at once, and again every few milliseconds. */
function start (t: Test, cacheFolder: string, job: Partial<RefreshJob>): { part: Part, log: ReturnType<typeof memoryLog> } {
  const log = memoryLog()
  const refresh = { hours: 24, skip: [], firstMs: 0, checkMs: 20, ...job }
  const part = snapshotPart({ cacheFolder, asnPackage: undefined, watchIntervalMs: 20, refresh })
  t.teardown(() => part.close())
  part.start(log)
  return { part, log }
}
const stateOf = (folder: string): { endedAtMs: number, succeeded: boolean } => JSON.parse(readFileSync(join(folder, 'pull.json'), 'utf8'))
const locksIn = (folder: string): string[] => readdirSync(folder).filter(name => name.startsWith('pull.lock-'))
const isDetected = (part: Part, ip: string): boolean => part.answer(ip).verdict === 'vpn_detected'

t.test('a process without data pulls, uses what came, and asks again only when it is due', async t => {
  const { url, requests, routes } = await publisher(t, { '/a': text('20.0.0.1\n20.0.0.2\n'), '/b': text('20.0.1.1\n') })
  const folder = join(t.testdir({}), 'not', 'yet')
  const { part, log } = start(t, folder, { sources: [source('a', `${url}/a`), source('b', `${url}/b`), source('left-out', `${url}/c`)], skip: ['left-out'] })
  await until(() => isDetected(part, '20.0.0.1') && isDetected(part, '20.0.1.1'))
  await until(() => locksIn(folder).length === 0)
  t.ok(stateOf(folder).succeeded)
  t.same([...requests].sort(), [['/a', 1], ['/b', 1]])
  t.same(log.lines.map(({ level }) => level), ['info'], 'the new snapshot, and no warning of missing data')

  routes['/a'] = text('20.0.0.1\n20.0.0.3\n')
  writeFileSync(join(folder, 'pull.json'), JSON.stringify({ endedAtMs: Date.now() - 27 * HOUR, succeeded: true }))
  await until(() => isDetected(part, '20.0.0.3'))
  t.same([...requests].sort(), [['/a', 2], ['/b', 2]])
})

t.test('several processes on one folder pull once, and all of them use it', async t => {
  const { url, requests } = await publisher(t, { '/a': (_request, response) => { setTimeout(() => response.end('20.0.0.1\n'), 300) } })
  const folder = t.testdir({})
  const all = [1, 2, 3].map(() => {
    const child = spawn(process.execPath, [
      '--import', './scripts/strip-types.js', 'test/support/refresh-process.ts', folder, `${url}/a`
    ], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    return once(child.stdout, 'data').then(([line]) => JSON.parse(String(line)) as { level: string }[])
  })
  for (const lines of await Promise.all(all)) t.same(lines.filter(({ level }) => level !== 'info'), [])
  t.equal(requests.get('/a'), 1)
})

t.test('where nothing can be fetched, or the folder not be used, the old data stay and one line says why', async t => {
  const folder = t.testdir({ blocked: 'a file, no folder' })
  const dateSeconds = Math.floor(Date.now() / 1000) - 86_400
  replaceFile(listsSnapshotPath(folder), compileSnapshot([
    { id: 'tor-exits', kind: 'tor-exit', ranges: rangesOf(['20.0.0.9']), asns: [], halfLifeDays: 10, dateSeconds }
  ], { nowSeconds: dateSeconds }))
  const { url, requests, routes } = await publisher(t, { '/a': (_request, response) => { response.writeHead(404).end() } })
  const before = readFileSync(listsSnapshotPath(folder))
  const { part, log } = start(t, folder, { sources: [source('a', `${url}/a`)] })
  await until(() => existsSync(join(folder, 'pull.json')) && locksIn(folder).length === 0)
  t.notOk(stateOf(folder).succeeded)
  const again = (): void => writeFileSync(join(folder, 'pull.json'), JSON.stringify({ endedAtMs: Date.now() - 2 * HOUR, succeeded: false }))
  again()
  await until(() => requests.get('/a') === 2)
  t.match(log.lines, [{ level: 'warn', fields: { code: 'IP_RISK_LISTS_PULL_FAILED', lists: ['a'], problem: /answered 404/ }, message: /lists.cacheFolder.*lists.skip.*ip-risk lists pull/ }])
  t.equal(log.lines.length, 1, 'once for the state')
  t.ok(readFileSync(listsSnapshotPath(folder)).equals(before))
  t.ok(isDetected(part, '20.0.0.9'))
  routes['/a'] = text('20.0.0.1\n')
  await until(() => locksIn(folder).length === 0)
  again()
  await until(() => isDetected(part, '20.0.0.1'))
  await until(() => log.lines.some(({ fields }) => 'code' in fields && fields.code === 'IP_RISK_LISTS_PULL_RECOVERED'))

  const blocked = start(t, join(folder, 'blocked'), { sources: [source('a', `${url}/a`)] })
  const failure = (): object | undefined => blocked.log.lines.find(({ fields }) => 'code' in fields && fields.code === 'IP_RISK_LISTS_PULL_FAILED')
  await until(() => failure() !== undefined)
  t.match(failure(), { level: 'warn', fields: { err: { code: 'EEXIST' } } })
})

t.test('waits for another process, and not for one that was killed', async t => {
  const { url, requests } = await publisher(t, { '/a': text('20.0.0.1\n') })
  const folder = t.testdir({})
  const held = join(folder, 'pull.lock-other')
  writeFileSync(held, JSON.stringify({ host: 'another-container', pid: 1, began: '1' }))
  const { part } = start(t, folder, { sources: [source('a', `${url}/a`)] })
  await until(() => locksIn(folder).some(name => name.includes(hostname().replaceAll(/[^\w.-]/g, '_'))))
  await until(() => locksIn(folder).length === 1)
  t.equal(requests.get('/a'), undefined)
  // Silent for as long as it takes to be counted as dead; a time to come is one of a clock that was set back.
  utimesSync(held, new Date(Date.now() + 2 * HOUR), new Date(Date.now() + 2 * HOUR))
  await until(() => isDetected(part, '20.0.0.1'))
  t.notOk(existsSync(held))
})

t.test('the command waits for no other process: it says who pulls, and asks no publisher', async t => {
  const { url, requests } = await publisher(t, { '/raw.githubusercontent.com/stamparm/ipsum/HEAD/levels/3.txt': text('20.0.0.1\n') })
  const folder = t.testdir({})
  const held = join(folder, 'pull.lock-other')
  const pull = async () => await runCommand(['lists', 'pull', '--only', 'ipsum', '--no-asn', '--folder', folder, '--mirror', url])
  writeFileSync(held, JSON.stringify({ host: 'another-container', pid: 1, began: '1' }))
  const refused = await pull()
  t.same([refused.code, refused.out, requests.size], [1, '', 0])
  t.match(refused.err, /another process is pulling into .*, so nothing was pulled: run the command again .*pull\.lock-other/)
  t.same(locksIn(folder), ['pull.lock-other'], 'and its own is gone')
  rmSync(held)
  t.match(await pull(), { code: 0, out: /^ipsum {2}new {2}1 row$/m })
  t.same(locksIn(folder), [])
})

t.test('ends at once when it is closed while a publisher stalls, and leaves no lock', async t => {
  const { url, requests } = await publisher(t, { '/a': () => {} })
  const folder = t.testdir({})
  const { part, log } = start(t, folder, { sources: [source('a', `${url}/a`)] })
  await until(() => requests.get('/a') === 1)
  await part.close()
  t.same(locksIn(folder), [])
  t.same(log.lines, [])
  t.notOk(existsSync(join(folder, 'pull.json')), 'the next start pulls')
})

t.test('a pull of before the start does not count where its snapshot cannot be read', async t => {
  const { url } = await publisher(t, { '/a': text('20.0.0.1\n') })
  const folder = t.testdir({})
  mkdirSync(join(folder, 'lists'))
  writeFileSync(join(folder, 'pull.json'), JSON.stringify({ endedAtMs: Date.now() - 1000, succeeded: true }))
  const { part } = start(t, folder, { sources: [source('a', `${url}/a`)] })
  await until(() => isDetected(part, '20.0.0.1'))
})

t.test('is due by the clock, with jitter, sooner after a failure, and when the clock was set back', async t => {
  const now = Date.now()
  const due = (hoursAgo: number, succeeded: boolean, spread = 0): boolean =>
    isPullDue({ endedAtMs: now - hoursAgo * HOUR, succeeded }, now, 24, spread)
  t.ok(isPullDue(undefined, now, 24, 1))
  t.same([due(23.9, true), due(24, true), due(24, true, 1), due(26.5, true, 1)], [false, true, false, true])
  t.same([due(0.9, false), due(1.2, false, 1)], [false, true])
  t.same([due(-0.5, true), due(-2, true)], [false, true])
})

t.test('refuses options that would have no effect', async t => {
  const rows: [object, string, RegExp][] = [
    [{ refreshHours: 0 }, 'lists.refreshHours', /from 1 to 24/],
    [{ refreshHours: 48 }, 'lists.refreshHours', /from 1 to 24/],
    [{ refreshHours: 24, snapshot: '/x' }, 'lists.refreshHours', /set snapshot to true/],
    [{ refreshHours: 24, sources: [] }, 'lists.refreshHours', /set snapshot to true/],
    [{ refreshHours: 24, watch: false }, 'lists.refreshHours', /watch: false/],
    [{ refreshHours: 24, mirror: 'ftp://x' }, 'lists.mirror', /http or https/],
    [{ refreshHours: 24, mirror: 'https://mirror.example/?token=x' }, 'lists.mirror', /without a query/],
    [{ refreshHours: 24, skip: ['nobody'] }, 'lists.skip[0]', /no public list: use some of /],
    [{ mirror: 'https://mirror.example' }, 'lists.mirror', /give refreshHours too/],
    [{ skip: ['ipsum'] }, 'lists.skip', /give refreshHours too/]
  ]
  for (const [options, path, problem] of rows) {
    t.throws(() => lists(options), { code: 'FST_IP_RISK_BAD_OPTION', message: problem }, JSON.stringify(options))
    t.throws(() => lists(options), { message: `option "${path}"` })
  }
})
