import t, { type Test } from 'tap'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { IpRiskLogger, LookupContext, Provider, ProviderAnswer } from '../types/contract.ts'
import { type AsnPackage, findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { asnSnapshotPath, defaultCacheFolder, listsSnapshotPath } from '../lib/lists/database/snapshot-files.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { type CompileJob, runCompileJob } from '../lib/lists/compile/compile-job.ts'
import type { AddressList } from '../lib/lists/sources/list.ts'
import { liveDatabase } from '../lib/lists/database/live-database.ts'
import type { Part } from '../lib/lists/database/parts.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import { snapshotPart } from '../lib/lists/database/parts.ts'
import { lists, type ListsOptions } from '../lib/providers/lists/index.ts'
import { replaceFile } from '../lib/util/index.ts'
import { memoryLog } from './support/log.ts'

const nowSeconds = Math.floor(Date.now() / 1000)
const DAY = 86_400

/** What a sync provider looks at: the log. */
const contextOf = (log: IpRiskLogger): LookupContext => ({ log, write: false }) as unknown as LookupContext
function ask (provider: Provider, ip: string, log = memoryLog()): unknown[] {
  const answer = provider.lookup(ip, contextOf(log)) as ProviderAnswer
  return answer.verdict === 'unknown' ? [answer.reason] : [answer.verdict, answer.score, answer.categories]
}
const keepAlive = (t: Test, provider: { close?: () => unknown }): void => {
  // Workers and file watches of the provider are unref'd: something else has to keep the test running meanwhile.
  const timer = setInterval(() => {}, 1000)
  t.teardown(async () => {
    clearInterval(timer)
    await provider.close?.()
  })
}
const list = (id: string, kind: AddressList['kind'], cidrs: readonly string[], more: Partial<AddressList> = {}): AddressList =>
  ({ id, kind, ranges: rangesOf(cidrs), asns: [], halfLifeDays: 365, dateSeconds: nowSeconds, ...more })

/** A package like `@ip-location-db/asn`, with two networks. */
function asnFolder (t: Test, more: Record<string, string> = {}): AsnPackage {
  const folder = t.testdir({
    'asn-ipv4.csv': '20.0.0.0,20.0.255.255,64500,"Net, ""One"""\n21.0.0.0,21.0.0.255,24940,Hetzner Online GmbH\r\n',
    'asn-ipv6.csv': '2a00::,2a00:0:ffff:ffff:ffff:ffff:ffff:ffff,64500,Net One',
    ...more
  })
  return { folder, source: 'test 1' }
}

t.test('gives an inline source\'s addresses its verdict, and the rest of what it covers none', async t => {
  const provider = lists({
    covers: ['192.0.2.0/24', '2001:db8::/32'],
    sources: [
      { id: 'servers', kind: 'vpn-server', publisher: 'acme', entries: ['192.0.2.1', '2001:db8::1'] },
      { id: 'vpn', kind: 'vpn-asn', entries: ['192.0.2.16/28'] },
      { id: 'doubted', kind: 'vpn-asn', entries: ['192.0.2.64/26'], trust: 0.5 }
    ]
  })
  t.same([provider.name, provider.sync], ['lists', true])
  t.same(ask(provider, '192.0.2.1'), ['vpn_detected', 1, ['vpn']])
  t.same(ask(provider, '::ffff:192.0.2.1'), ['vpn_detected', 1, ['vpn']])
  t.same(ask(provider, '2001:db8::1'), ['vpn_detected', 1, ['vpn']])
  t.same(ask(provider, '192.0.2.2'), ['clean', 0, []])
  t.same(ask(provider, '192.0.2.31'), ['vpn_likely', 0.8, ['vpn']])
  t.same(ask(provider, '192.0.2.65'), ['suspicious', 0.4, ['vpn']])
  t.same(ask(provider, '198.51.100.1'), ['no_data'])
  t.same(ask(provider, '104.16.0.1'), ['suspicious', 0.45, ['hosting']], 'Cloudflare, which comes with the package')
  t.same(ask(provider, '10.0.0.1'), ['not_public'])
  t.same(ask(provider, 'nobody'), ['no_ip'])
  t.notOk(provider.lookup('192.0.2.1', contextOf(memoryLog())) instanceof Promise)
  await provider.close?.()
})

t.test('without any data knows scopes and Cloudflare, is never clean, and says once how to get data', async t => {
  const cacheFolder = join(t.testdir({}), 'none-yet')
  const provider = lists({ cacheFolder, asn: false })
  const log = memoryLog()
  provider.start?.(log)
  t.same(ask(provider, '8.8.8.9', log), ['no_data'])
  t.same(ask(provider, '2a00::1', log), ['no_data'])
  t.same(ask(provider, '172.64.0.1', log), ['suspicious', 0.45, ['hosting']])
  t.same(ask(provider, '127.0.0.1', log), ['not_public'])
  t.match(log.lines, [{ level: 'warn', message: /ip-risk lists pull.*npm install @ip-location-db\/asn/ }])
  t.equal(log.lines.length, 1)
  t.throws(() => statSync(cacheFolder), 'nothing was written')
  await provider.close?.()
})

t.test('refuses wrong options, and names them', async t => {
  const file = join(t.testdir({ 'empty.txt': '# nothing\n', 'bad.snapshot': 'x'.repeat(5000) }), 'empty.txt')
  const rows: [unknown, string, RegExp][] = [
    [{ source: [] }, 'lists.source', /does not exist: use one of sources, covers/],
    [{ sources: {} }, 'lists.sources', /must be an array/],
    [{ sources: [7] }, 'lists.sources[0]', /must be an object/],
    [{ sources: [{ id: '', kind: 'relay', entries: [] }] }, 'lists.sources[0].id', /missing/],
    [{ sources: [{ id: 'a', kind: 'vpn', entries: [] }] }, 'lists.sources[0].kind', /must be one of vpn-server.*, got "vpn"/],
    [{ sources: [{ id: 'a', kind: 'relay' }] }, 'lists.sources[0].entries', /missing/],
    [{ sources: [{ id: 'a', kind: 'relay', entries: [], path: file }] }, 'lists.sources[0]', /entries and path: give one of them/],
    [{ sources: [{ id: 'a', kind: 'relay', entries: ['1.2.3'] }] }, 'lists.sources[0].entries[0]', /"1.2.3" is not an IP address/],
    [{ sources: [{ id: 'a', kind: 'relay', entries: [], trust: 2 }] }, 'lists.sources[0].trust', /from 0 to 1/],
    [{ sources: [{ id: 'a', kind: 'relay', entries: [] }, { id: 'a', kind: 'relay', entries: [] }] }, 'lists.sources[1].id', /another source/],
    [{ sources: [{ id: 'a', kind: 'relay', path: file }] }, 'lists.sources[0].path', /no address in it/],
    [{ sources: [{ id: 'a', kind: 'relay', path: `${file}x` }] }, 'lists.sources[0].path', /ENOENT/],
    [{ sources: [{ id: 'a', kind: 'relay', path: file, format: 'xml' }] }, 'lists.sources[0].format', /must be one of addresses/],
    [{ sources: [{ id: 'a', kind: 'relay', path: file, halfLifeDays: 0 }] }, 'lists.sources[0].halfLifeDays', /from 1/],
    [{ sources: [], covers: ['10.0.0.0/33'] }, 'lists.covers[0]', /prefix length/],
    [{ covers: ['192.0.2.0/24'] }, 'lists.covers', /give sources too/],
    [{ snapshot: false }, 'lists.snapshot', /give one of them/],
    [{ snapshot: 7 }, 'lists.snapshot', /the path of a snapshot/],
    [{ snapshot: `${file}.none` }, 'lists.snapshot', /ENOENT.*"ip-risk lists pull" makes one/],
    [{ snapshot: join(file, '../bad.snapshot') }, 'lists.snapshot', /no snapshot of lists/],
    [{ watch: 1 }, 'lists.watch', /true or false/],
    [{ watchIntervalMs: 1 }, 'lists.watchIntervalMs', /from 10/],
    [{ asn: 'yes' }, 'lists.asn', /true or false/],
    [{ cacheFolder: 7 }, 'lists.cacheFolder', /string/],
    [{ cacheFolder: '' }, 'lists.cacheFolder', /non-empty/]
  ]
  for (const [options, path, problem] of rows) {
    const name = JSON.stringify(options)
    t.throws(() => lists(options as ListsOptions), { code: 'FST_IP_RISK_BAD_OPTION', message: problem }, name)
    t.throws(() => lists(options as ListsOptions), { message: `option "${path}"` }, name)
  }
})

t.test('reads files, and reads them anew when they change, also by renaming', async t => {
  const folder = t.testdir({ 'exits.txt': '20.0.0.1\n' })
  const path = join(folder, 'exits.txt')
  const log = memoryLog()
  const provider = lists({ sources: [{ id: 'exits', kind: 'tor-exit', path }], watchIntervalMs: 20 })
  keepAlive(t, provider)
  t.same(ask(provider, '20.0.0.1', log), ['vpn_detected', 1, ['tor']])
  t.same(ask(provider, '20.0.0.2', log), ['no_data'])
  writeFileSync(`${path}.new`, '20.0.0.2\n')
  renameSync(`${path}.new`, path)
  await log.logged('compiled lists are in use')
  t.same(ask(provider, '20.0.0.2', log), ['vpn_detected', 1, ['tor']])
  t.same(ask(provider, '20.0.0.1', log), ['no_data'])
  writeFileSync(path, '<html>not a list</html>')
  const failure = await log.logged('could not be compiled')
  t.equal(failure.level, 'error')
  t.match(String(failure.fields['err']), /HTML/)
  t.same(ask(provider, '20.0.0.2', log), ['vpn_detected', 1, ['tor']], 'those before stay')
})

t.test('says which list is past its half-life, once', async t => {
  const folder = t.testdir({ 'proxies.txt': '20.0.0.1:8080\n' })
  const path = join(folder, 'proxies.txt')
  utimesSync(path, nowSeconds - 8 * DAY, nowSeconds - 8 * DAY)
  const log = memoryLog()
  const provider = lists({ sources: [{ id: 'proxies', kind: 'public-proxy', path }], watch: false })
  t.same(ask(provider, '20.0.0.1', log), ['suspicious', 0.329, ['proxy']])
  provider.start?.(log)
  t.match(log.lines, [{ level: 'warn', fields: { list: 'proxies', ageDays: 8, halfLifeDays: 7 }, message: /past its half-life/ }])
  t.equal(log.lines.length, 1)
  await provider.close?.()
})

t.test('compiles the package of networks in a thread, keeps the snapshot, and takes it at the next start', async t => {
  const asnPackage = asnFolder(t)
  const cacheFolder = join(asnPackage.folder, 'cache')
  const part = (): Part => snapshotPart({ cacheFolder, asnPackage, watchIntervalMs: undefined })
  const first = part()
  keepAlive(t, first)
  const log = memoryLog()
  first.start(log)
  t.same(first.answer('20.0.0.1'), { verdict: 'unknown', reason: 'no_data' }, 'not yet')
  await log.logged('compiled lists are in use')
  t.match(first.answer('20.0.0.1'), { verdict: 'clean', info: { asn: 'AS64500', org: 'Net, "One"' } })
  t.match(first.answer('21.0.0.1'), { verdict: 'suspicious', info: { asn: 'AS24940', type: 'hosting' }, categories: ['hosting'] })
  t.match(first.answer('2a00::1'), { verdict: 'clean', info: { asn: 'AS64500' } })
  t.match(first.answer('22.0.0.1'), { verdict: 'unknown', reason: 'no_data' })
  t.ok(log.lines.some(({ level, fields }) => level === 'debug' && fields['percent'] === 100), 'with progress')

  const second = part()
  const quiet = memoryLog()
  second.start(quiet)
  t.match(second.answer('20.0.0.1'), { verdict: 'clean' }, 'at once')
  t.same(quiet.lines, [])
  await second.close()
  const newer = snapshotPart({ cacheFolder, asnPackage: { ...asnPackage, source: 'test 2' }, watchIntervalMs: undefined })
  t.match(newer.answer('20.0.0.1'), { reason: 'no_data' }, 'another version of the package is compiled anew')
  await newer.close()
  t.same(readdirSync(cacheFolder), ['asn.snapshot'], 'nothing else is left behind')
})

t.test('works on where the cache folder cannot be written, or the package is broken', async t => {
  const asnPackage = asnFolder(t, { blocked: 'a file, no folder' })
  const log = memoryLog()
  const part = snapshotPart({ cacheFolder: join(asnPackage.folder, 'blocked'), asnPackage, watchIntervalMs: undefined })
  keepAlive(t, part)
  part.start(log)
  await log.logged('compiled lists are in use')
  t.ok(log.lines.some(({ message }) => message.includes('cannot be kept')))
  t.match(part.answer('20.0.0.1'), { verdict: 'clean' })

  for (const [row, problem] of [['20.0.0.0,x,1,a', /row 1 of .*asn-ipv4.csv is not "first,last,number,name"/], ['1.0.0.0', /row 1/]] as const) {
    const broken = asnFolder(t, { 'asn-ipv4.csv': row })
    t.throws(() => readAsnTable(broken), { code: 'FST_IP_RISK_BAD_LIST', message: problem })
  }
  t.throws(() => readAsnTable({ folder: join(asnPackage.folder, 'nowhere'), source: '' }), { message: /asn-ipv4.csv is missing/ })
})

t.test('takes pulled lists from the cache folder, and the next ones when they are pulled', async t => {
  const cacheFolder = t.testdir({})
  const write = (ip: string): void => replaceFile(listsSnapshotPath(cacheFolder), compileSnapshot([list('exits', 'tor-exit', [ip])], { nowSeconds }))
  write('20.0.0.1')
  const log = memoryLog()
  const provider = lists({ cacheFolder, watchIntervalMs: 20, asn: false })
  keepAlive(t, provider)
  t.same(ask(provider, '20.0.0.1', log), ['vpn_detected', 1, ['tor']])
  write('20.0.0.2')
  await log.logged('the new snapshot of lists is in use')
  t.same(ask(provider, '20.0.0.2', log), ['vpn_detected', 1, ['tor']])
  writeFileSync(listsSnapshotPath(cacheFolder), 'damaged')
  t.equal((await log.logged('cannot be used; the one before stays')).level, 'error')
  t.same(ask(provider, '20.0.0.2', log), ['vpn_detected', 1, ['tor']])
  const next = lists({ cacheFolder, watch: false, asn: false })
  const said = memoryLog()
  t.same(ask(next, '20.0.0.2', said), ['no_data'])
  t.match(said.lines.map(({ message }) => message), [/cache folder cannot be used/, /there are no data/])
  await next.close?.()
})

t.test('asks own sources first, and the snapshot where they say nothing', async t => {
  const path = join(t.testdir({}), 'own.snapshot')
  replaceFile(path, compileSnapshot([list('range', 'vpn-range', ['20.0.0.0/24', '104.16.0.0/24'])], { nowSeconds }))
  const provider = lists({ snapshot: path, sources: [{ id: 'ours', kind: 'crawler', entries: ['20.0.0.1'] }], watch: false })
  t.same(ask(provider, '20.0.0.1'), ['clean', 0, ['crawler']])
  t.same(ask(provider, '20.0.0.2'), ['vpn_detected', 0.9, ['vpn']])
  t.same(ask(provider, '104.16.0.1'), ['vpn_detected', 0.945, ['vpn', 'hosting']])
  t.same(ask(provider, '10.0.0.1'), ['not_public'])
  t.same(ask(provider, '30.0.0.1'), ['no_data'])
  await provider.close?.()
})

t.test('looks AS numbers in sources up where the package is there, and says so where it is not', async t => {
  const sources = [{ id: 'ours', kind: 'vpn-asn', entries: ['AS64500', '30.0.0.1'] }] as const
  const bytes = runCompileJob({ sources, covers: [], builtIn: true, asnPackage: asnFolder(t), nowSeconds })
  const path = join(t.testdir({}), 'x.snapshot')
  replaceFile(path, bytes)
  const compiled = lists({ snapshot: path, watch: false })
  t.same(ask(compiled, '20.0.0.1'), ['vpn_likely', 0.8, ['vpn']])
  await compiled.close?.()
  const log = memoryLog()
  const without = lists({ sources, asn: false })
  t.same(ask(without, '20.0.0.1', log), ['no_data'])
  t.same(ask(without, '30.0.0.1', log), ['vpn_likely', 0.8, ['vpn']])
  t.match(log.lines, [{ level: 'warn', message: /say nothing without AS data/ }])
  await without.close?.()

  const real = lists({ sources: [{ id: 'ours', kind: 'vpn-asn', entries: ['AS15169'] }] })
  keepAlive(t, real)
  t.same(ask(real, '8.8.8.9', log), ['no_data'], 'until the networks are read')
  await log.logged('compiled lists are in use')
  t.match(ask(real, '8.8.8.9', log), ['vpn_likely', Number, ['vpn']])
})

t.test('gives a compilation up for a newer one', async t => {
  const job = (ip: string): CompileJob => ({ sources: [{ id: 'exits', kind: 'tor-exit', entries: [ip] }], covers: [], builtIn: true, nowSeconds })
  const database = liveDatabase(runCompileJob(job('20.0.0.1')))
  keepAlive(t, database)
  const log = memoryLog()
  database.compile(job('20.0.0.2'), log)
  database.compile(job('20.0.0.3'), log)
  await log.logged('compiled lists are in use')
  t.match(database.current.answer('20.0.0.3'), { verdict: 'vpn_detected' })
  t.match(database.current.answer('20.0.0.2'), { verdict: 'unknown' })
  t.same(log.lines.filter(({ level }) => level !== 'debug').length, 1)
})

t.test('gives a compilation up for a newer snapshot, also where its result is on its way already', async t => {
  const job = (ip: string): CompileJob => ({ sources: [{ id: 'exits', kind: 'tor-exit', entries: [ip] }], covers: [], builtIn: true, nowSeconds })
  const broken = { ...job('20.0.0.2'), asnPackage: { folder: '/nowhere', source: 'none' } }
  const pulled = runCompileJob(job('20.0.0.3'))
  const swapped = (compiled: CompileJob, when: 'at once' | 'at its end') => {
    const database = liveDatabase(runCompileJob(job('20.0.0.1')))
    const log = memoryLog()
    const debug = (fields: object): void => {
      if (when === 'at its end' && (fields as { percent: number }).percent === 100) database.swap(pulled)
    }
    database.compile(compiled, { ...log, debug }, () => log.info({}, 'done'))
    if (when === 'at once') database.swap(pulled)
    return { database, log }
  }
  const all = [swapped(job('20.0.0.2'), 'at once'), swapped(job('20.0.0.2'), 'at its end'), swapped(broken, 'at once')]
  const last = liveDatabase(pulled)
  keepAlive(t, last)
  for (const ip of ['20.0.0.4', '20.0.0.5']) {
    // Those before, which began earlier, would have ended by now.
    const log = memoryLog()
    last.compile(job(ip), log)
    await log.logged('compiled lists are in use')
  }
  for (const { database, log } of all) {
    t.match(database.current.answer('20.0.0.3'), { verdict: 'vpn_detected' })
    t.match(database.current.answer('20.0.0.2'), { verdict: 'unknown' })
    t.same(log.lines, [])
    await database.close()
  }
})

t.test('ends a compilation that is under way when it is closed', async t => {
  const provider = lists({ cacheFolder: t.testdir({}) })
  const log = memoryLog()
  provider.start?.(log)
  provider.start?.(log)
  await provider.close?.()
  t.same(log.lines.map(({ message }) => message.includes('compiling AS numbers in the background')), [true])
})

t.test('finds the package and the cache folder', async t => {
  t.match(findAsnPackage()?.source, /^@ip-location-db\/asn \d/)
  t.equal(findAsnPackage(['file:///nowhere/package.json']), undefined)
  const broken = t.testdir({ node_modules: { '@ip-location-db': { asn: { 'package.json': '{ "version": ' } } } })
  t.throws(() => findAsnPackage([`file://${broken}/package.json`]), { message: /@ip-location-db\/asn cannot be read, install it again: / })
  t.equal(defaultCacheFolder({ XDG_CACHE_HOME: '/var/cache' }), '/var/cache/fastify-ip-risk')
  t.equal(defaultCacheFolder({ XDG_CACHE_HOME: 'relative' }), join(homedir(), '.cache', 'fastify-ip-risk'))
  t.equal(asnSnapshotPath('/x'), '/x/asn.snapshot')
  t.ok(listsSnapshotPath().startsWith(defaultCacheFolder()))
  const folder = t.testdir({ taken: { 'file.txt': '' } })
  t.throws(() => replaceFile(join(folder, 'taken'), Uint8Array.of(1)), 'a folder is in the way')
  t.same(readdirSync(folder), ['taken'])
  // Where another container with this process id is writing.
  mkdirSync(join(folder, 'deep', `s.${process.pid}.new`), { recursive: true })
  replaceFile(join(folder, 'deep', 's'), Uint8Array.of(2))
  t.same([...readFileSync(join(folder, 'deep', 's'))], [2])
  replaceFile(join(folder, 'deep', 'er', 's'), Uint8Array.of(1))
  t.same([...readFileSync(join(folder, 'deep', 'er', 's'))], [1])
})

t.test('keeps a user without a home apart in the folder for temporary files', t => {
  const tmp = t.testdir({})
  const before = process.env['TMPDIR']
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  })
  process.env['TMPDIR'] = tmp
  const own = join(tmp, `fastify-ip-risk-${process.getuid?.() ?? 'user'}`)
  t.equal(defaultCacheFolder({}, () => { throw new Error('uv_os_homedir returned ENOENT') }), own, 'a user without a home')
  t.equal(defaultCacheFolder({}, () => ''), own)
  mkdirSync(own)
  t.equal(defaultCacheFolder({}, () => ''), own, 'also when it is there')
  renameSync(own, `${own}.old`)
  symlinkSync(`${own}.old`, own)
  const elsewhere = defaultCacheFolder({}, () => '')
  t.ok(elsewhere.startsWith(`${own}-`), 'what leads elsewhere is not followed')
  t.end()
})
