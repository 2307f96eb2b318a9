import t from 'tap'
import type { BulkProgress, Provider, ProviderAnswer } from '../types/contract.ts'
import { bulk, type BulkParts } from '../lib/core/bulk.ts'
import { createPipelines, type PipelinesDeps, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { fakeGetipintel, fakeIplogs, fakeProvider } from '../lib/testing/index.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/verdict.ts'
import { clock, collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const addresses = (count: number): string[] => Array.from({ length: count }, (_, i) => `198.18.${i >> 8}.${i & 255}`)
const windows = { minuteMs: 300, dayMs: 60_000, burstMs: 50, slackMs: 20 }

function guard (provider: Provider, more: Partial<PipelinesDeps> = {}): ProviderPipelines {
  const guarded = createPipelines(provider, { log: memoryLog(), ...more })
  t.teardown(() => guarded.close())
  return guarded
}

function parts (guarded: ProviderPipelines, cached: Readonly<Record<string, string>> = {}): BulkParts<{ verdict: string }> {
  return {
    known: ip => cached[ip] === undefined ? null : { verdict: cached[ip] },
    ask: guarded.bulk,
    verdict: (_ip, answer) => ({ verdict: answer.verdict === 'unknown' ? answer.reason : answer.verdict })
  }
}

t.test('asks once about each address, after the cache, and reports how far it is', async t => {
  const fake = fakeProvider({ '192.0.2.2': 'vpn_detected', '192.0.2.4': 'no_data' })
  const seen: BulkProgress[] = []
  const run = bulk(['192.0.2.1', '192.0.2.2', '::ffff:192.0.2.1', '192.0.2.3', 'nonsense', '192.0.2.4', '192.0.2.2'], { onProgress: now => seen.push(now) }, {
    ...parts(guard(fake), { '192.0.2.1': 'suspicious', nonsense: 'unknown' }), verdict: (_ip, answer) => ({ verdict: answer.verdict })
  })
  t.same(run.progress, { total: 5, done: 0, cached: 0, unknown: 0 })
  const rows = await collect(run)
  t.same(Object.fromEntries(rows.map(([ip, { verdict }]) => [ip, verdict])), {
    '192.0.2.1': 'suspicious', nonsense: 'unknown', '192.0.2.2': 'vpn_detected', '192.0.2.3': 'clean', '192.0.2.4': 'unknown'
  })
  t.equal(rows.length, 5)
  t.same([...fake.asked].sort(), ['192.0.2.2', '192.0.2.3', '192.0.2.4'])
  t.same(run.progress, { total: 5, done: 5, cached: 2, unknown: 2 })
  t.same(seen.map(({ done }) => done), [1, 2, 3, 4, 5])
})

t.test('IPLogs is asked in chunks of 100, rows are matched by address, and a missing one is unknown', async t => {
  const server = await fakeIplogs({ '198.18.0.7': 'vpn_detected' })
  t.teardown(() => server.close())
  const guarded = guard(iplogs({ baseUrl: server.url, limits: {} }))
  const rows = new Map(await collect(bulk(addresses(950), {}, parts(guarded))))
  t.equal(server.calls, 10)
  t.equal(rows.size, 950)
  t.same(rows.get('198.18.0.7'), { verdict: 'vpn_detected' })
  t.same(rows.get('198.18.3.9'), { verdict: 'clean' })
  t.equal(guarded.stats()['iplogs']!.calls, 10)
})

t.test('an odd bulk reply never becomes a verdict of another address', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const odd: [string, string | number, string][] = [
    ['rows in any order, one missing', JSON.stringify({ results: [{ ip: '2001:DB8::0:2', verdict: 'clean' }, { ip: '192.0.2.1', verdict: 'vpn_likely', score: 0.6 }] }), 'vpn_likely clean bad_response'],
    ['rows of others', JSON.stringify({ results: [{ ip: '192.0.2.77', verdict: 'clean' }, { verdict: 'clean' }, null, 7] }), 'bad_response bad_response bad_response'],
    ['a row that is none', JSON.stringify({ results: [{ ip: '192.0.2.1', verdict: 'fine' }, { ip: '2001:db8::2', verdict: 'clean', score: 7 }, { ip: '192.0.2.3', verdict: 'clean', score: null, is_vpn: false, country: 'Nowhere' }] }), 'bad_response bad_response clean'],
    ['no list', '{"results":{}}', 'bad_response bad_response bad_response'],
    ['no object', '42', 'bad_response bad_response bad_response'],
    ['a failure', 500, 'unavailable unavailable unavailable']
  ]
  for (const [what, reply, expected] of odd) {
    const guarded = guard(iplogs({ baseUrl: server.url, retries: 0 }))
    server.fault(typeof reply === 'number' ? { status: reply } : { status: 200, body: reply })
    const rows = new Map(await collect(bulk(['192.0.2.1', '2001:db8::2', '192.0.2.3'], undefined, parts(guarded))))
    t.equal(['192.0.2.1', '2001:db8::2', '192.0.2.3'].map(ip => rows.get(ip)!.verdict).join(' '), expected, what)
  }
})

t.test('a dead provider is left alone in bulk too', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  server.fault({ status: 500 })
  const guarded = guard(iplogs({ baseUrl: server.url, retries: 0, limits: {} }))
  const rows = await collect(bulk(addresses(3_000), {}, parts(guarded)))
  t.ok(rows.every(([, { verdict }]) => verdict === 'unavailable'))
  t.ok(server.calls < 12, `${server.calls} calls for 30 chunks`)
  t.equal(guarded.stats()['iplogs']!.breaker, 'open')
})

t.test('GetIPIntel is asked one by one, as fast as its budget allows, and a spent day is said', async t => {
  const server = await fakeGetipintel()
  t.teardown(() => server.close())
  const guarded = guard(getipintel({ contact: 'ops@example.org', baseUrl: server.url, flags: 'm', limits: { perMinute: 10, perDay: 24 } }), { windows })
  const rows = await collect(bulk(addresses(15), {}, parts(guarded)))
  const count = (what: string): number => rows.filter(([, { verdict }]) => verdict === what).length
  t.same([count('clean'), count('quota_exhausted'), server.calls], [12, 3, 12])
})

t.test('the operator\'s own addresses may come from one subnet', async t => {
  const guarded = guard(fakeProvider())
  const rows = await collect(bulk(Array.from({ length: 50 }, (_, i) => `2001:db8::${i + 1}`), {}, parts(guarded)))
  t.ok(rows.every(([, { verdict }]) => verdict === 'clean'))
})

t.test('chunks wait for room in the budget, and for the end of a pause that others began', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const guarded = guard(iplogs({ baseUrl: server.url, limits: { perMinute: 4 } }), { windows })
  const rows = await collect(bulk(addresses(600), {}, parts(guarded)))
  t.ok(rows.every(([, { verdict }]) => verdict === 'clean'))
  t.equal(server.calls, 6)
  server.fault({ status: 429 }, 1)
  const paused = await collect(bulk(addresses(600), {}, parts(guarded)))
  t.equal(paused.filter(([, { verdict }]) => verdict === 'rate_limited').length, 100)
  t.equal(paused.filter(([, { verdict }]) => verdict === 'clean').length, 500)
})

t.test('ends where its reader stops, with its signal, and with the provider', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  server.delay(20)
  const guarded = guard(iplogs({ baseUrl: server.url, limits: {} }))
  let rows = 0
  for await (const [ip] of bulk(addresses(5_000), {}, parts(guarded))) {
    t.ok(ip)
    if (++rows === 3) break
  }
  t.ok(server.calls <= 5)

  const ended = new AbortController()
  const run = bulk(addresses(5_000), { signal: ended.signal, onProgress: ({ done }) => { if (done === 150) ended.abort(new Error('enough')) } }, parts(guarded))
  await t.rejects(collect(run), { message: 'enough' })
  t.ok(run.progress.done < 300)
  await t.rejects(collect(bulk(addresses(5), { signal: AbortSignal.abort(new Error('before')) }, parts(guarded))), { message: 'before' })
  await t.rejects(bulk(addresses(5), {}, parts(guarded)).throw!(new Error('thrown')), { message: 'thrown' })

  const waiting = guard(fakeProvider({}, { name: 'poor' }), {})
  const poor = createPipelines({ ...fakeProvider(), limits: { perMinute: 2 } }, { log: memoryLog() })
  const pending = collect(poor.bulk(addresses(20), { write: true }))
  setImmediate(() => { poor.close().catch(t.fail) })
  const last = await pending
  t.equal(last.length, 20)
  t.ok(last.some(([, answer]) => answer.verdict === 'unknown' && answer.reason === 'not_asked'))
  t.match(await collect(waiting.bulk(['192.0.2.1'], { write: true, signal: AbortSignal.abort() })), [['192.0.2.1', { reason: 'not_asked' }]])
})

t.test('every address gets one row, whatever a provider\'s own bulk does', async t => {
  const rowsOf = async (rows: () => AsyncIterable<[string, ProviderAnswer]>): Promise<Map<string, ProviderAnswer>> => {
    const all = await collect(guard({ ...fakeProvider(), bulk: rows }).bulk(['192.0.2.1', '192.0.2.2'], { write: false }))
    t.equal(all.length, 2)
    return new Map(all)
  }
  const odd = await rowsOf(async function * () {
    yield ['192.0.2.9', knownAnswer('clean')]
    yield ['192.0.2.1', knownAnswer('suspicious')]
    yield ['192.0.2.1', knownAnswer('clean')]
    yield ['192.0.2.2', {} as ProviderAnswer]
  })
  t.match(odd.get('192.0.2.1'), { verdict: 'suspicious' })
  t.match(odd.get('192.0.2.2'), { reason: 'bad_response' })
  const thrown = await rowsOf(async function * () {
    yield ['192.0.2.1', unknownAnswer('no_data')]
    throw new TypeError('hush')
  })
  t.match(thrown.get('192.0.2.2'), { reason: 'unavailable', cause: 'TypeError' })
  t.match((await rowsOf(async function * () {})).get('192.0.2.2'), { reason: 'bad_response' })
})

t.test('one chunk probes a provider that was left alone, and only its rows close the breaker', async t => {
  const { now, pass } = clock()
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const guarded = guard(iplogs({ baseUrl: server.url, limits: {}, retries: 0 }), { now })
  const breaker = (): unknown => guarded.stats()['iplogs']!.breaker
  const calls = async (): Promise<number> => {
    const before = server.calls
    await collect(guarded.bulk(addresses(5_000), { write: false }))
    return server.calls - before
  }
  server.fault({ status: 500 })
  t.ok(await calls() < 10)
  t.equal(breaker(), 'open')
  t.equal(await calls(), 0)
  for (let probe = 0; probe < 3; probe++) {
    pass(10_001)
    t.equal(await calls(), 1)
    t.equal(breaker(), 'open')
  }
  pass(10_001)
  const gone = AbortSignal.abort()
  await collect(guarded.bulk(addresses(5_000), { write: false, signal: gone }))
  t.equal(breaker(), 'open')
  server.heal()
  await calls()
  t.equal(breaker(), 'closed')
  t.equal(await calls(), 50)
})

t.test('a probe that brings no row is left to the next one', async t => {
  const { now, pass } = clock()
  let bring: 'failure' | 'error' | 'nothing' | 'rows' = 'failure'
  const guarded = guard({
    ...fakeProvider(),
    async * bulk (ips, { spend }) {
      for (const ip of ips) {
        const refused = await spend()
        if (refused !== null) yield [ip, refused]
        else if (bring === 'failure') yield [ip, unknownAnswer('unavailable')]
        else if (bring === 'rows') yield [ip, knownAnswer('clean')]
        else if (bring === 'error') throw new Error('broken')
        else return
      }
    }
  }, { now })
  const verdicts = async (): Promise<unknown[]> => {
    const rows = await collect(guarded.bulk(addresses(6), { write: false }))
    return rows.map(([, { verdict }]) => verdict)
  }
  await verdicts()
  pass(10_001)
  bring = 'nothing'
  await verdicts()
  t.equal(guarded.stats()['fake']!.breaker, 'open')
  bring = 'error'
  await verdicts()
  t.equal(guarded.stats()['fake']!.breaker, 'open')
  bring = 'rows'
  t.same(await verdicts(), Array(6).fill('unknown'), 'an error is a failed probe')
  pass(10_001)
  t.same(await verdicts(), Array(6).fill('clean'))
  t.equal(guarded.stats()['fake']!.breaker, 'closed')
})

t.test('wrong arguments are refused', async t => {
  const guarded = guard(fakeProvider())
  for (const ips of ['192.0.2.1', null, undefined, 42, [42]]) {
    t.throws(() => bulk(ips as unknown as string[], {}, parts(guarded)), { code: 'FST_IP_RISK_BAD_OPTION' })
  }
  t.throws(() => bulk([], { onProgress: 1 } as object, parts(guarded)), { code: 'FST_IP_RISK_BAD_OPTION' })
  t.same(await collect(bulk(new Set<string>(), {}, parts(guarded))), [])
})
