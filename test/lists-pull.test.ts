import t from 'tap'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fetchList } from '../lib/lists/pull/fetch-list.ts'
import type { ListKind } from '../lib/lists/sources/list.ts'
import { rowsOf } from '../lib/lists/pull/list-store.ts'
import { loadPulled, pullLists, type PullOptions } from '../lib/lists/pull/pull.ts'
import type { PublishedList } from '../lib/lists/sources/publishers.ts'
import { type Handler, publisher } from './support/publisher.ts'

const DAY = 86_400
const start = 1_790_000_000

const source = (id: string, url: string, more: Partial<PublishedList> = {}): PublishedList =>
  ({ id, url, kind: 'abuse', halfLifeDays: 10, licence: 'CC0-1.0', ...more })

const quick = { retryDelayMs: 0, now: () => start * 1000 }
const text = (body: string | Buffer, headers = {}): Handler => (_request, response) => response.writeHead(200, headers).end(body)

t.test('keeps a list, asks whether it changed, and hands it to compiling', async t => {
  const list: Handler = (request, response) => {
    if (request.headers['if-none-match'] === '"1"' && request.headers['if-modified-since'] !== undefined) return response.writeHead(304).end()
    response.writeHead(200, { etag: '"1"', 'last-modified': 'Mon, 01 Jun 2026 00:00:00 GMT' }).end('20.0.0.1\n2600::1\n20.0.0.2\n')
  }
  const { url, routes } = await publisher(t, { '/a': list, '/asn': text('AS64496 # one\nAS64496\nAS64497'), '/dc': text(gzipSync('20.0.0.0/24\n20.0.1.0/24')) })
  const folder = join(t.testdir(), 'deep', 'lists')
  const sources = [
    source('a', `${url}/a`, { kind: 'vpn-server', publisher: 'mullvad' }), source('asn', `${url}/asn`, { kind: 'vpn-asn' }), source('dc', `${url}/dc`, { kind: 'hosting' })
  ]
  const seen: string[] = []
  const first = await pullLists({ folder, sources, ...quick, onPulled: ({ id, outcome }) => seen.push(`${id} ${outcome}`) })
  t.same(first.map(({ outcome }) => outcome), ['new', 'new', 'new'])
  t.same(seen.sort(), ['a new', 'asn new', 'dc new'])
  const second = await pullLists({ folder, sources, ...quick, now: () => (start + DAY) * 1000 })
  t.same(second.map(({ outcome }) => outcome), ['unchanged', 'updated', 'updated'])
  const lists = await loadPulled(folder, [...sources, source('never-pulled', url)])
  t.match(lists[0], { id: 'a', kind: 'vpn-server', publisher: 'mullvad', halfLifeDays: 10, dateSeconds: Date.UTC(2026, 5, 1) / 1000, trust: 1, asns: [] })
  t.same([...rowsOf(lists[0]!.ranges)], ['20.0.0.1', '20.0.0.2', '2600::1'])
  t.match(lists[1], { asns: [64496, 64497], dateSeconds: start + DAY })
  t.same([...rowsOf(lists[2]!.ranges)], ['20.0.0.0-20.0.1.255'], 'networks are merged')
  t.equal(lists.length, 3)
  routes['/a'] = (_request, response) => response.writeHead(304).end()
  const elsewhere = await pullLists({ folder, sources: [source('a', `${url}/a?moved`, { kind: 'vpn-server' })], ...quick })
  t.match(elsewhere, [{ outcome: 'failed', problem: /answered 404/ }], 'another address is not asked about the validators of the first')
  t.same(readdirSync(folder).sort(), ['a.list', 'asn.list', 'dc.list'], 'nothing half-written is left')
})

t.test('the list that was there stays when the new one cannot be had or believed', async t => {
  const good = Array.from({ length: 100 }, (_, i) => `20.0.0.${i}`).join('\n')
  const { url, requests, routes } = await publisher(t, { '/a': text(good) })
  const folder = t.testdir()
  const pull = async (options: Partial<PullOptions> = {}) => (await pullLists({ folder, sources: [source('a', `${url}/a`)], ...quick, ...options }))[0]!
  t.equal((await pull()).outcome, 'new')
  const before = readFileSync(join(folder, 'a.list'), 'utf8')
  const bad: [string, Handler, 'failed' | 'refused', RegExp, Partial<PullOptions>?][] = [
    ['HTML', text('<!doctype html><title>Sign in</title>'), 'failed', /HTML/],
    ['empty', text(''), 'refused', /empty/],
    ['half of it', text(good.slice(0, 300)), 'refused', /rows, the one before had 100/],
    ['twice as much', text(`${good}\n${good.replaceAll('20.', '21.')}`), 'refused', /200 rows/],
    ['private space', text(good.replaceAll('20.0', '10.0')), 'refused', /cannot be right/],
    ['announced as huge', text(good, { 'content-length': 9e9 }), 'failed', /larger than/],
    ['huge without a word', (_request, response) => response.writeHead(200).end(`${good}\n`.repeat(50)), 'failed', /larger than 10000/, { maxBytes: 10_000 }],
    ['a bomb', text(gzipSync(Buffer.alloc(70 * 1024 * 1024))), 'failed', /inflates to more/],
    ['cut before its length', (_request, response) => {
      response.writeHead(200, { 'content-length': 5000 }).write(good)
      setImmediate(() => response.destroy())
    }, 'failed', /broke off/],
    ['cut in a chunk', (_request, response) => {
      response.writeHead(200).write(good)
      setImmediate(() => response.destroy())
    }, 'failed', /broke off/],
    ['gone', (_request, response) => response.writeHead(404).end(), 'failed', /answered 404/],
    ['always down', (_request, response) => response.writeHead(503).end(), 'failed', /answered 503/],
    ['a redirect without a target', (_request, response) => response.writeHead(302).end(), 'failed', /answered 302/],
    ['a redirect to nonsense', (_request, response) => response.writeHead(302, { location: 'http://[' }).end(), 'failed', /none/],
    ['a redirect to a file', (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(), 'failed', /file:\/\/, which is not safe/],
    ['a circle', (_request, response) => response.writeHead(302, { location: '/a' }).end(), 'failed', /more than 5 times/],
    ['silence', () => {}, 'failed', /longer than 50 ms/, { timeoutMs: 50, retries: 0 }],
    ['a trickle', (_request, response) => response.writeHead(200).write(good), 'failed', /longer than 50 ms/, { timeoutMs: 50, retries: 0 }]
  ]
  for (const [name, handler, outcome, problem, options] of bad) {
    routes['/a'] = handler
    requests.clear()
    const pulled = await pull(options)
    t.match(pulled, { outcome, problem, stored: { publishedRows: 100 } }, name)
    t.equal(readFileSync(join(folder, 'a.list'), 'utf8'), before, `${name}: nothing changed`)
    if (name === 'always down') t.equal(requests.get('/a'), 3, 'tried three times')
    if (name === 'gone') t.equal(requests.get('/a'), 1, 'a definite answer is not asked for again')
  }
  routes['/a'] = text(good.slice(0, 300))
  t.equal((await pull({ acceptSize: true })).outcome, 'updated', 'unless the operator says so')
})

t.test('tries again where that may help', async t => {
  const recovers = (statusCode: number, headers = {}): Handler => (_request, response, calls) =>
    calls === 1 ? response.writeHead(statusCode, headers).end() : response.writeHead(200).end('20.0.0.1')
  const { url, requests } = await publisher(t, {
    '/500': recovers(500),
    '/429': recovers(429, { 'retry-after': '0' }),
    '/date': recovers(503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }),
    '/reset': (request, response, calls) => calls === 1 ? request.socket.resetAndDestroy() : response.end('20.0.0.1'),
    '/moved': (_request, response) => response.writeHead(301, { location: '/500' }).end()
  })
  const sources = ['500', '429', 'date', 'reset', 'moved'].map(id => source(id, `${url}/${id}`))
  const pulled = await pullLists({ folder: t.testdir(), sources, ...quick })
  t.same(pulled.map(({ outcome }) => outcome), Array(5).fill('new'))
  t.equal(requests.get('/429'), 2)
  t.equal(requests.get('/reset'), 2)
})

t.test('stops when told to, and says so of a host that is not there', async t => {
  const { url } = await publisher(t, { '/silent': () => {} })
  const stop = new AbortController()
  const waiting = fetchList(`${url}/silent`, {}, { signal: stop.signal })
  stop.abort()
  await t.rejects(waiting, { code: 'FST_IP_RISK_BAD_LIST' })
  await t.rejects(fetchList('http://127.0.0.1:1/', {}, { retries: 1, retryDelayMs: 0 }), { code: 'FST_IP_RISK_BAD_LIST', message: /ECONNREFUSED/ })
})

t.test('remembers what a rotating sample has shown, with its dates', async t => {
  let body = '20.0.0.1\n2600::1\n20.0.0.2'
  const { url, routes } = await publisher(t, { '/a': (_request, response) => response.end(body) })
  const folder = t.testdir()
  const sources = [source('a', `${url}/a`, { kind: 'vpn-server', publisher: 'pia', rotating: true })]
  const pull = async (day: number) => {
    const [pulled] = await pullLists({ folder, sources, ...quick, now: () => (start + day * DAY) * 1000 })
    const [list] = await loadPulled(folder, sources)
    const days = Array.from(list!.lastSeenSeconds!, seconds => (seconds - start) / DAY)
    return { outcome: pulled!.outcome, rows: [...rowsOf(list!.ranges)].map((row, i) => `${row} ${days[i]}`) }
  }
  t.same((await pull(0)).rows, ['20.0.0.1 0', '20.0.0.2 0', '2600::1 0'])
  body = '2600::2\n20.0.0.2\n20.0.0.3'
  t.same((await pull(10)).rows, ['20.0.0.1 0', '20.0.0.2 10', '20.0.0.3 10', '2600::1 0', '2600::2 10'])
  routes['/a'] = (_request, response) => response.writeHead(200, { etag: '"x"' }).end(body)
  await pull(20)
  routes['/a'] = (_request, response) => response.writeHead(304).end()
  const unchanged = await pull(95)
  t.same(unchanged, { outcome: 'unchanged', rows: ['20.0.0.1 0', '20.0.0.2 95', '20.0.0.3 95', '2600::1 0', '2600::2 95'] })
  t.match(readFileSync(join(folder, 'a.list'), 'utf8'), new RegExp(`^20.0.0.2 ${start} ${start + 95 * DAY}$`, 'm'), 'first seen stays')
  routes['/a'] = text('20.0.0.3')
  t.match((await pull(100)).outcome, 'refused', 'the size of the sample is compared with the last sample, not with all that was seen')
  routes['/a'] = text('20.0.0.3\n20.0.0.4\n2600::4')
  t.same((await pull(100)).rows, ['20.0.0.2 95', '20.0.0.3 100', '20.0.0.4 100', '2600::2 95', '2600::4 100'], 'what was not seen for 90 days is forgotten')
})

t.test('a file in the folder that is none of ours is pulled again', async t => {
  const { url } = await publisher(t, { '/a': text('20.0.0.1', { etag: '"1"' }) })
  const folder = t.testdir()
  const sources = [source('a', `${url}/a`)]
  await pullLists({ folder, sources, ...quick })
  const good = readFileSync(join(folder, 'a.list'), 'utf8')
  for (const damaged of ['', '{', 'null\n', good.slice(0, -1), good.replace('"format":1', '"format":0'), good.replace('"id":"a"', '"id":"b"'), `${good}what\n`]) {
    writeFileSync(join(folder, 'a.list'), damaged)
    t.same(await loadPulled(folder, sources), [])
    t.match(await pullLists({ folder, sources, ...quick }), [{ outcome: 'new' }])
  }
  await t.rejects(pullLists({ folder: join(folder, 'a.list'), sources }), { code: 'EEXIST' }, 'a folder that cannot be used is an error of its own')
})

t.test('a list whose kind changed starts anew, and a folder that cannot be written rejects', async t => {
  const folder = t.testdir({ 'b.list': {} })
  const { url } = await publisher(t, {
    '/a': text('20.0.0.1'),
    '/in-the-way': (_request, response) => {
      mkdirSync(join(folder, 'c.list'))
      response.end('20.0.0.1')
    }
  })
  const pull = (kind: ListKind, id = 'a') => pullLists({ folder, sources: [source(id, `${url}/a`, { kind })], ...quick })
  await pull('abuse')
  t.match(await pull('hosting'), [{ outcome: 'updated', stored: { kind: 'hosting' } }])
  await t.rejects(pull('abuse', 'b'), { code: 'EISDIR' })
  await t.rejects(pullLists({ folder, sources: [source('c', `${url}/in-the-way`)], ...quick }), { code: 'EISDIR' })
  t.same(readdirSync(folder).sort(), ['a.list', 'b.list', 'c.list'], 'what could not be renamed is taken away')
})

t.test('fetches from a mirror', async t => {
  const { url } = await publisher(t, { '/copy/lists.example/a?b=c': text('20.0.0.1'), '/copy/lists.example/b': (_request, response) => response.writeHead(304).end() })
  const sources = [source('a', 'https://lists.example/a?b=c'), source('b', 'https://lists.example/b')]
  const pulled = await pullLists({ folder: t.testdir(), sources, mirror: `${url}/copy`, retryDelayMs: 0 })
  t.match(pulled, [{ outcome: 'new' }, { outcome: 'failed', problem: /"unchanged" of a list that was never sent/ }])
  t.ok(Math.abs(pulled[0]!.stored!.dateSeconds - Date.now() / 1000) < 60, 'a list that says no date is of now')
})
