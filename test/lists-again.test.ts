import t from 'tap'
import { rowsOf } from '../lib/lists/pull/list-store.ts'
import { loadPulled, pullLists } from '../lib/lists/pull/pull.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import type { PublishedList } from '../lib/lists/sources/publishers.ts'
import { publisher } from './support/publisher.ts'

const DAY = 86_400
const NOW = 1_790_000_000
const source = (url: string, more: Partial<PublishedList> = {}): PublishedList =>
  ({ id: 'a', url: `${url}/a`, kind: 'vpn-range', halfLifeDays: 10, licence: 'CC0-1.0', ...more })
const quick = { retryDelayMs: 0, now: () => NOW * 1000 }

t.test('a list that was never compared with access networks is fetched again once it can be', async t => {
  const { url } = await publisher(t, {
    '/a': (request, response) => request.headers['if-none-match'] === '"1"'
      ? response.writeHead(304).end()
      : response.writeHead(200, { etag: '"1"' }).end(`${Array.from({ length: 99 }, (_, i) => `95.216.${i}.0/24`).join('\n')}\n24.0.0.0/24\n`)
  })
  const folder = t.testdir()
  const eyeball = { asns: new Set<number>(), ranges: rangesOf(['24.0.0.0/8']) }
  const rows = async (): Promise<string[]> => [...rowsOf((await loadPulled(folder, [source(url)]))[0]!.ranges)]
  t.match(await pullLists({ folder, sources: [source(url)], ...quick }), [{ outcome: 'new' }])
  t.ok((await rows()).includes('24.0.0.0-24.0.0.255'))
  t.match(await pullLists({ folder, sources: [source(url)], ...quick, eyeball }), [{ outcome: 'updated', remarks: [/in a network of people/] }])
  t.notOk((await rows()).includes('24.0.0.0-24.0.0.255'))
  t.match(await pullLists({ folder, sources: [source(url)], ...quick, eyeball }), [{ outcome: 'unchanged' }])
  t.match(await pullLists({ folder, sources: [source(url)], ...quick }), [{ outcome: 'unchanged' }], 'a comparison is not lost')
})

t.test('a list from before that fails the checks of today does not stay where the new one is refused', async t => {
  let body = 'wrong'
  const { url } = await publisher(t, { '/a': (_request, response) => response.end(body) })
  const eyeball = { asns: new Set<number>(), ranges: rangesOf(['24.0.0.0/8']) }
  const refused = { outcome: 'refused', problem: /cannot be right/ }
  for (const [before, lists] of [['24.0.0.0/14', 0], ['95.216.0.0/24', 1]] as const) {
    const folder = t.testdir()
    const pull = (more = {}) => pullLists({ folder, sources: [source(url)], ...quick, ...more })
    body = before
    await pull()
    body = 'wrong'
    t.match(await pull(), [refused])
    t.equal((await loadPulled(folder, [source(url)])).length, 1)
    t.match(await pull({ eyeball }), [refused])
    t.equal((await loadPulled(folder, [source(url)])).length, lists, before)
  }
})

t.test('what a rotating sample showed while the clock was ahead is forgotten like the rest', async t => {
  let body = '95.216.0.1\n95.216.0.2\n'
  const { url } = await publisher(t, { '/a': (_request, response) => response.end(body) })
  const folder = t.testdir()
  const sources = [source(url, { kind: 'vpn-server', rotating: true })]
  const pull = (seconds: number) => pullLists({ folder, sources, ...quick, now: () => seconds * 1000 })
  await pull(NOW + 3650 * DAY)
  body = '95.216.0.3\n95.216.0.4\n'
  await pull(NOW)
  t.match(await loadPulled(folder, sources), [{ lastSeenSeconds: Uint32Array.of(NOW, NOW, NOW, NOW) }])
  await pull(NOW + 91 * DAY)
  t.same([...rowsOf((await loadPulled(folder, sources))[0]!.ranges)], ['95.216.0.3', '95.216.0.4'])
})
