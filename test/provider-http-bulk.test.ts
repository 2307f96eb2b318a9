import t, { type Test } from 'tap'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/index.ts'
import { httpProvider } from '../lib/providers/http/index.ts'
import { ipinfo, proxycheck } from '../lib/providers/vendors/index.ts'
import { fakeIpinfo, fakeProxycheck } from '../lib/testing/index.ts'
import { fakeServer, type FakeReply } from '../lib/testing/fake-server.ts'
import { knownAnswer } from '../lib/verdict/index.ts'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { bareContext, collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ips = Array.from({ length: 20 }, (_, i) => `203.0.113.${i + 1}`)

function pipelinesOf (t: Test, provider: Provider): ProviderPipelines {
  const pipelines = createPipelines(provider, { log: memoryLog() })
  t.teardown(() => pipelines.close())
  return pipelines
}

const reasonOf = (answer: ProviderAnswer): string => answer.verdict === 'unknown' ? answer.reason : answer.verdict

async function asked (pipelines: ProviderPipelines, write = true): Promise<string[]> {
  const rows = await collect(pipelines.bulk(ips, { write }))
  return rows.map(([, answer]) => reasonOf(answer))
}

/** A service that answers every call with the same reply. */
async function replying (t: Test, reply: FakeReply): Promise<{ readonly url: string, readonly calls: number }> {
  const server = await fakeServer(() => reply)
  t.teardown(() => server.close())
  return server
}

const ok = (body: { [ip: string]: boolean }, ip: string): ProviderAnswer | null => body[ip] === false ? knownAnswer('clean') : null
const request = (): { path: string } => ({ path: '/' })

t.test('each address of a bulk call counts against the limits and costs, as the vendors count', async t => {
  const server = await fakeProxycheck()
  t.teardown(() => server.close())
  const pipelines = pipelinesOf(t, proxycheck({ baseUrl: server.url, key: 'hush-hush', limits: { perCalendarDay: 12 }, reserveForWrites: 0, costPerCall: 2 }))
  const said = await asked(pipelines)
  t.equal(said.filter(one => one === 'clean').length, 12)
  t.equal(said.filter(one => one === 'quota_exhausted').length, 8)
  t.match(pipelines.stats(), { proxycheck: { dayLeft: 0, cost: 24 } })
  t.equal(server.calls, 1)
})

t.test('where the vendor counts calls, countsPer says so', async t => {
  const server = await replying(t, { text: JSON.stringify(Object.fromEntries(ips.map(ip => [ip, false]))), asked: [] })
  const pipelines = pipelinesOf(t, httpProvider<{ [ip: string]: boolean }>({
    name: 'own', baseUrl: server.url, limits: { perCalendarDay: 12 }, request, read: ok, bulk: { max: 10, countsPer: 'call', request, read: ok }
  }))
  t.ok((await asked(pipelines)).every(one => one === 'clean'))
  t.match(pipelines.stats(), { own: { dayLeft: 10 } })
})

t.test('one bulk reply that is not understood is one failure, and one refusal one pause', async t => {
  const damaged = await fakeIpinfo()
  t.teardown(() => damaged.close())
  damaged.fault('html')
  const provider = ipinfo({ baseUrl: damaged.url, token: 'hush-hush', product: 'privacy' })
  const pipelines = pipelinesOf(t, provider)
  t.ok((await asked(pipelines)).every(one => one === 'bad_response'))
  t.equal(pipelines.stats()['ipinfo/privacy']!.breaker, 'closed', 'five failures in a row would open it')
  const spent = await replying(t, { status: 429, text: '', asked: [] })
  const own = ipinfo({ baseUrl: spent.url, token: 'hush-hush', product: 'privacy' })
  t.teardown(() => own.close!())
  const rows = await collect(own.bulk!(ips, bareContext()))
  t.equal(new Set(rows.map(([, answer]) => answer)).size, 1, 'one answer for all its rows')
})

t.test('rows that are missing, doubled, spelled otherwise or not asked for harm only themselves', async t => {
  const server = await fakeServer(() => ({
    text: JSON.stringify({
      status: 'ok',
      [`::ffff:${ips[0]}`]: { detections: flags({}) },
      [ips[1]!]: { detections: flags({}) },
      [`::ffff:${ips[1]}`]: { detections: flags({ vpn: true }) },
      '198.51.100.1': { detections: flags({}) }
    }),
    asked: []
  }))
  t.teardown(() => server.close())
  const pipelines = pipelinesOf(t, proxycheck({ baseUrl: server.url, key: 'hush-hush' }))
  const rows = new Map(await collect(pipelines.bulk(ips.slice(0, 3), { write: true })))
  t.same([...rows].map(([ip, answer]) => [ip, reasonOf(answer)]).sort(), [
    [ips[0], 'clean'], [ips[1], 'bad_response'], [ips[2], 'bad_response']
  ])
})

function flags (found: object): object {
  return { proxy: false, vpn: false, compromised: false, scraper: false, tor: false, hosting: false, anonymous: false, risk: 0, ...found }
}

t.test('options of a bulk that could not work throw at boot', async t => {
  const base = { name: 'own', baseUrl: 'https://example.com', request, read: ok }
  const bulk = { max: 10, request, read: ok }
  for (const [more, path] of [
    [{ bulk: { ...bulk, max: 0 } }, /bulk\.max/],
    [{ bulk: { ...bulk, max: NaN } }, /bulk\.max/],
    [{ bulk: { ...bulk, timeoutMs: 0 } }, /bulk\.timeoutMs/],
    [{ bulk: { ...bulk, read: undefined } }, /bulk.*"read"/],
    [{ bulk: { ...bulk, countsPer: 'row' } }, /bulk\.countsPer/],
    [{ bulk: { ...bulk, maximum: 3 } }, /maximum/],
    [{ spentStatuses: 429 }, /spentStatuses/],
    [{ spentStatuses: ['429'] }, /spentStatuses/],
    [{ alsoRead: [99] }, /alsoRead/],
    [{ remaining: 5 }, /remaining/]
  ] as const) t.throws(() => httpProvider({ ...base, ...more } as never), { code: 'FST_IP_RISK_BAD_OPTION', message: path }, String(path))
})

t.test('a function that never gives its key ends with the time of the call, in bulk too', async t => {
  const server = await replying(t, { text: '{}', asked: [] })
  const provider = proxycheck({ baseUrl: server.url, timeoutMs: 50, key: () => new Promise<string>(() => {}) })
  const pipelines = pipelinesOf(t, provider)
  const said = await asked(pipelines)
  t.ok(said.every(one => one === 'rejected' || one === 'timeout'))
  t.equal(reasonOf(await pipelines.ask(ips[0]!, { write: true })), said[0]!)
  t.equal(server.calls, 0)
})
