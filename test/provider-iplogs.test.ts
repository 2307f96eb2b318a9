import t from 'tap'
import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import type { KnownAnswer } from '../types/contract.ts'
import { fakeIplogs } from '../lib/testing/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { httpProvider } from '../lib/providers/http/index.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { parseIplogsBody, parseStoredBody, toIplogsBody, verdictNames } from '../lib/verdict/iplogs-body.ts'
import { categoryNames } from '../lib/verdict/categories.ts'
import { until } from './support/until.ts'
import { ask, bareContext, said } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '203.0.113.9'
const body = (more: object = {}): Record<string, unknown> => ({
  verdict: 'clean', score: 0.1, is_vpn: false, confidence: 0.5, signals: [], ip_info: { ip }, ...more
})
const signal = (type: string, weight = 0.5, matched = true): object => ({ type, weight, matched, detail: '' })

t.test('addresses are compared as addresses', async t => {
  t.ok(parseIplogsBody(body({ ip_info: { ip: '2001:DB8:0:0::1' } }), '2001:db8::1'))
  t.ok(parseIplogsBody(body({ ip_info: { ip: '::ffff:203.0.113.9' } }), ip))
})

t.test('optional facts of a wrong type are not there', async t => {
  t.same(parseIplogsBody(body({
    ip_info: {
      ip, asn: 64496, org: '', isp: 7, country: null, country_code: 'NL', city: ['x'], lat: 91, lon: '4.9', type: 'isp', is_proxy: 'no', vpn_provider: null, vpn_provider_sources: ['a', 1]
    }
  }), ip)!.info, { asn: 'AS64496', countryCode: 'NL', lon: 4.9, type: 'isp', vpnProviderSources: ['a'] })
})

t.test('only matched signals are kept, of unknown types too, and no more than a bounded number', async t => {
  const answer = parseIplogsBody(body({
    signals: [signal('tor_exit', 1), signal('dc_ip', 1, false), { type: 'brand_new', matched: true, weight: 3 }, { type: 'trusted', matched: true, weight: -0.3, detail: 'd' }]
  }), ip)!
  t.same(answer.signals, [
    { type: 'tor_exit', weight: 1, detail: '' }, { type: 'brand_new', weight: 1, detail: '' }, { type: 'trusted', weight: 0, detail: 'd' }
  ])
  const flood = parseIplogsBody(body({ signals: Array.from({ length: 500 }, () => ({ ...signal('x'), detail: 'y'.repeat(5_000) })) }), ip)!
  t.equal(flood.signals.length, 64)
  t.equal(flood.signals[0]!.detail.length, 200)
})

t.test('categories say what the address is', async t => {
  const rows: [object, string[]][] = [
    [{}, []],
    [{ is_vpn: true }, ['vpn']],
    [{ is_vpn: true, signals: [signal('tor_exit')] }, ['tor']],
    [{ is_vpn: true, signals: [signal('residential_proxy_backbone')] }, ['proxy']],
    [{ is_vpn: true, signals: [signal('tor_exit'), signal('known_vpn_exact')] }, ['vpn', 'tor']],
    [{ signals: [signal('dc_ip'), signal('public_proxy_list', 0), signal('constructor'), signal('__proto__')] }, ['hosting']],
    [{ ip_info: { ip, type: 'datacenter', is_proxy: true } }, ['proxy', 'hosting']],
    [{ ip_info: { ip, is_vpn: true } }, ['vpn']],
    [{ is_vpn: true, ip_info: { ip, is_vpn: true, vpn_provider: 'iCloud Private Relay' } }, ['relay']],
    [{ is_vpn: true, ip_info: { ip, vpn_provider: 'Cloudflare WARP' } }, ['warp']],
    [{ is_vpn: true, ip_info: { ip, vpn_provider: 'Warped Networks' } }, ['vpn']]
  ]
  for (const [more, categories] of rows) t.same(parseIplogsBody(body(more), ip)!.categories, categories, JSON.stringify(more))
})

t.test('every known answer survives the way into a stored body and back', async () => {
  const text = fc.string({ minLength: 1, maxLength: 200 })
  const fraction = fc.double({ min: 0, max: 1, noNaN: true }).map(number => number === 0 ? 0 : number)
  const degrees = (max: number): fc.Arbitrary<number> => fc.double({ min: -max, max, noNaN: true }).map(number => number === 0 ? 0 : number)
  const info = fc.record({
    asn: text,
    org: text,
    isp: text,
    country: text,
    countryCode: text,
    city: text,
    lat: degrees(90),
    lon: degrees(180),
    type: text,
    isProxy: fc.boolean(),
    vpnProvider: text,
    vpnProviderSources: fc.array(text, { maxLength: 16 })
  }, { requiredKeys: [], noNullPrototype: true })
  const answer = fc.record({
    verdict: fc.constantFrom(...verdictNames),
    score: fc.option(fraction),
    isVpn: fc.boolean(),
    confidence: fc.option(fraction),
    signals: fc.array(fc.record({
      type: fc.string({ minLength: 1, maxLength: 80 }), weight: fraction, detail: fc.string({ maxLength: 200 })
    }, { noNullPrototype: true }), { maxLength: 64 }),
    info,
    categories: fc.uniqueArray(fc.constantFrom(...categoryNames)),
    provider: text,
    requestId: text
  }, { requiredKeys: ['verdict', 'score', 'isVpn', 'confidence', 'signals', 'info', 'categories'], noNullPrototype: true })
  fc.assert(fc.property(answer, fc.oneof(fc.ipV4().map(String), fc.constant('2001:db8::1')), (answer, ip) => {
    const stored: unknown = JSON.parse(JSON.stringify(toIplogsBody(answer as KnownAnswer, ip)))
    const { requestId, ...anonymous } = answer
    const hidden: unknown = JSON.parse(JSON.stringify(toIplogsBody(answer as KnownAnswer, null)))
    deepEqual(parseStoredBody(stored, ip), answer)
    deepEqual(parseStoredBody(hidden, null), anonymous)
    return !JSON.stringify(hidden).includes(`"${ip}"`)
  }), { numRuns: 300 })
})

t.test('a stored body of another program is read without our fields, and garbage is none', async t => {
  t.match(parseStoredBody(body({ is_vpn: true }), ip), { categories: ['vpn'] })
  t.match(parseStoredBody(body({ categories: ['tor', 'tor', 'nonsense', 7], provider: 7 }), ip), { categories: ['tor'] })
  t.match(parseStoredBody(body({ categories: 'vpn' }), ip), { categories: [] })
  fc.assert(fc.property(fc.jsonValue(), value => parseStoredBody(value, ip) === null))
})

t.test('a signal without weight or detail has none', async t => {
  t.same(parseIplogsBody(body({ signals: [{ type: 'x', matched: true }] }), ip)!.signals, [{ type: 'x', weight: 0, detail: '' }])
  t.equal(parseStoredBody({ ...body(), ip_info: 7 }, null), null)
  t.match(parseStoredBody({ ...body(), ip_info: undefined }, null), { info: {} })
})

t.test('retries once after a failure that passes, inside the time, and counts it', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const guarded = createPipelines(iplogs({ baseUrl: server.url, limits: { perMinute: 10 }, reserveForWrites: 0 }), { log: memoryLog() })
  t.teardown(() => guarded.close())
  server.fault({ status: 503 }, 1)
  t.equal(await ask(guarded, ip), 'clean')
  t.equal(server.calls, 2)
  t.match(guarded.stats()['iplogs'], { calls: 2, failures: 0, minuteLeft: 8 })
  for (const fault of [{ status: 404 }, 'html', 'huge'] as const) {
    const before = server.calls
    server.fault(fault, 1)
    await ask(guarded, ip)
    t.equal(server.calls, before + 1, `${JSON.stringify(fault)} is not asked again`)
  }
  server.fault('reset')
  t.equal(await ask(guarded, ip), 'unavailable')
  server.heal()

  const poor = createPipelines(iplogs({ baseUrl: server.url, limits: { perMinute: 1 } }), { log: memoryLog() })
  t.teardown(() => poor.close())
  server.fault({ status: 503 }, 1)
  const before = server.calls
  t.equal(await ask(poor, ip), 'unavailable')
  t.equal(server.calls, before + 1, 'a retry never makes one call too many')
})

t.test('the time is over during the pause before a retry', async t => {
  const server = await fakeIplogs()
  const provider = iplogs({ baseUrl: server.url, retries: 3 })
  server.fault({ status: 503 })
  const time = new AbortController()
  const answer = said(provider.lookup(ip, bareContext({ signal: time.signal })))
  await until(() => server.calls === 1)
  setTimeout(() => time.abort(new DOMException('over', 'TimeoutError')), 40)
  t.equal(await answer, 'unavailable')
  t.equal(server.calls, 1)
  await provider.close!()
  await server.close()
})

t.test('wrong options are refused at start', async t => {
  const rows: [object, RegExp][] = [
    [{ baseUrl: 'iplogs.com' }, /iplogs\.baseUrl/], [{ baseUrl: 'ftp://example.org' }, /iplogs\.baseUrl/], [{ baseUrl: 'https://example.org/?key=1' }, /iplogs\.baseUrl/],
    [{ timeoutMs: 0 }, /iplogs\.timeoutMs/], [{ retries: 9 }, /iplogs\.retries/], [{ limits: { perHour: 1 } }, /iplogs\.limits\.perHour/],
    [{ limits: { perMinute: 0 } }, /iplogs\.limits\.perMinute/], [{ reserveForWrites: 2 }, /iplogs\.reserveForWrites/], [{ maxConcurrent: 0 }, /iplogs\.maxConcurrent/], [{ key: 'x' }, /iplogs\.key/]
  ]
  for (const [options, message] of rows) t.throws(() => iplogs(options), { code: 'FST_IP_RISK_BAD_OPTION', message }, JSON.stringify(options))
  const made = iplogs({ limits: { perDay: 5, burst: 2 } })
  t.match(made, { name: 'iplogs', timeoutMs: 8_000, maxConcurrent: 50, reserveForWrites: 0.5, limits: { perDay: 5, burst: 2 } })
  await made.close!()
})

t.test('httpProvider: what its reader throws or leaves out is a bad response, and its options are checked', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const request = (ip: string): { path: string, json: object } => ({ path: '/v1/check', json: { ip } })
  const readers = [() => null, () => undefined, () => { throw new TypeError(server.url) }, () => JSON.parse('nonsense')]
  const reasons = await Promise.all(readers.map(async read => {
    const provider = httpProvider({ name: 'own', baseUrl: server.url, families: [4], request, read })
    t.same(provider.families, [4])
    const answer = await provider.lookup(ip, bareContext())
    await provider.close!()
    t.notMatch(JSON.stringify(answer), server.url)
    return await said(answer)
  }))
  t.same(reasons, ['bad_response', 'bad_response', 'bad_response', 'bad_response'])
  const right = { name: 'own', baseUrl: server.url, request, read: () => knownAnswer('clean') }
  for (const more of [{ name: '' }, { name: 'a b' }, { read: 1 }, { read: undefined }, { request: undefined }, { families: [] }, { retries: -1 }, { baseUrl: undefined }, { what: 1 }]) {
    t.throws(() => httpProvider({ ...right, ...more } as unknown as typeof right), { code: 'FST_IP_RISK_BAD_OPTION' }, JSON.stringify(more))
  }
})
