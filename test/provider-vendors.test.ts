import fc from 'fast-check'
import t from 'tap'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { calendarWindow } from '../lib/rate-limit/index.ts'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/pipelines.ts'
import { ipinfo, ipqualityscore, proxycheck } from '../lib/providers/vendors/index.ts'
import { fakeAbuseipdb, fakeIpinfo, fakeIpqualityscore, fakeProxycheck } from '../lib/testing/index.ts'
import { fakeServer } from '../lib/testing/fake-server.ts'
import { ask, bareContext, collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { providerSuite } from './support/provider-suite.ts'
import { plainIp, secret, type VendorUnderTest, vendors, vpnIp, vpnIp6 } from './support/vendors.ts'

const refusedIp = '203.0.113.66'

t.test('an option that is undefined leaves its default', async t => {
  const { limits, timeoutMs, maxConcurrent } = proxycheck({ key: 'k' })
  t.ok(Object.keys(limits!).length > 0)
  t.match(proxycheck({ key: 'k', baseUrl: undefined, limits: undefined, timeoutMs: undefined, maxConcurrent: undefined }),
    { limits, timeoutMs, maxConcurrent })
})

// The matrix of vendors: right answers, spent, refused, malformed, slow, IPv6, bulk.
for (const vendor of vendors) {
  providerSuite(t, {
    name: vendor.name,
    serve: () => vendor.serve(),
    provider: baseUrl => vendor.provider(baseUrl),
    secrets: [secret],
    expected: {
      ...vendor.name === 'ipinfo' && { 'NaN where a number belongs': 'vpn_detected', 429: 'quota_exhausted' },
      // Its body does not name the address.
      ...vendor.name === 'ipqualityscore' && { 'an answer about another address': 'vpn_detected' },
      ...vendor.name === 'ipapi-is' && { 'NaN where a number belongs': 'vpn_detected' },
      ...vendor.name === 'maxmind-insights' && { 'NaN where a number belongs': 'vpn_detected' },
      ...vendor.name === 'abuseipdb' && { 429: 'quota_exhausted' }
    }
  })

  t.test(`${vendor.name}: each documented refusal has its reason and its pause`, async t => {
    for (const [answer, [reason, pauses]] of Object.entries(vendor.refusals)) {
      const server = await vendor.serve({ [refusedIp]: answer })
      const log = memoryLog()
      const pipelines = createPipelines(vendor.provider(server.url), { log })
      t.equal(await ask(pipelines, refusedIp), reason, answer)
      const next = await ask(pipelines, plainIp)
      if (pauses) t.equal(next, reason, `${answer} pauses the calls`)
      else t.not(next, reason, `${answer} is about one address`)
      t.equal(server.calls, pauses ? 1 : 2)
      t.notOk(log.text().includes(secret))
      await pipelines.close()
      await server.close()
    }
  })

  t.test(`${vendor.name}: IPv6, bulk, and an unremarkable address`, async t => {
    const server = await vendor.serve()
    const pipelines = createPipelines(vendor.provider(server.url), { log: memoryLog() })
    t.equal(await ask(pipelines, vpnIp6), vendor.flagged)
    t.equal(await ask(pipelines, plainIp), 'clean')
    const before = server.calls
    const ips = [vpnIp, plainIp, vpnIp6]
    const rows = await collect(pipelines.bulk(ips, { write: false }))
    t.same(new Map(rows.map(([ip, { verdict }]) => [ip, verdict])), new Map([
      [vpnIp, vendor.flagged], [plainIp, 'clean'], [vpnIp6, vendor.flagged]
    ]))
    t.equal(server.calls - before, vendor.hasBulk ? 1 : 3)
    await pipelines.close()
    await server.close()
  })

  t.test(`${vendor.name}: no reply, however malformed, is clean`, async t => {
    let text = ''
    const server = await fakeServer(() => ({ text, asked: [] }))
    const provider = vendor.provider(server.url, { timeoutMs: 5_000 })
    const good = JSON.parse(await bodyOf(vendor)) as Record<string, unknown>
    const asks = async (body: string): Promise<ProviderAnswer> => {
      text = body
      return await provider.lookup(vpnIp, bareContext())
    }
    t.not((await asks(JSON.stringify(good))).verdict, 'unknown')
    await fc.assert(fc.asyncProperty(fc.json(), async body => (await asks(body)).verdict !== 'clean'), { numRuns: 60 })
    // One value of a right body, anywhere in it, replaced by anything of another type.
    await fc.assert(fc.asyncProperty(fc.nat(), junk, async (at, value) => {
      const { verdict } = await asks(JSON.stringify(replaced(good, at, value)))
      return verdict !== 'clean'
    }), { numRuns: 120 })
    await provider.close?.()
    await server.close()
  })
}

const junk = fc.oneof(fc.constantFrom('', 'yes', 'true', -1, 1e9, [], {}), fc.integer({ min: 101, max: 999 }))

/** The body of a vendor about a detected VPN. */
async function bodyOf (vendor: VendorUnderTest): Promise<string> {
  const server = await vendor.serve()
  const urls: Record<string, [string, Record<string, string>?]> = {
    proxycheck: [`/v3/${vpnIp}?key=${secret}`],
    ipqualityscore: [`/api/json/ip?ip=${vpnIp}`, { 'ipqs-key': secret }],
    ipinfo: [`/plus/${vpnIp}`, { authorization: `Bearer ${secret}` }],
    abuseipdb: [`/api/v2/check?ipAddress=${vpnIp}`, { key: secret, accept: 'application/json' }],
    'ipapi-is': [`/?q=${vpnIp}&key=${secret}`],
    'maxmind-insights': [`/geoip/v2.1/insights/${vpnIp}`, { authorization: `Basic ${Buffer.from(`42:${secret}`).toString('base64')}` }]
  }
  const [path, headers = {}] = urls[vendor.name]!
  const seen = await (await fetch(server.url + path, { headers })).text()
  await server.close()
  return seen
}

/** Replaces the n-th leaf that is true or a number of evidence: the flags that make the verdict. */
function replaced (body: Record<string, unknown>, at: number, value: unknown): unknown {
  const copy = structuredClone(body)
  const flags: [Record<string, unknown>, string][] = []
  const walk = (node: Record<string, unknown>): void => {
    for (const [name, child] of Object.entries(node)) {
      if (child === true && name !== 'isPublic' && name !== 'success') flags.push([node, name])
      else if (typeof child === 'object' && child !== null && !Array.isArray(child)) walk(child as Record<string, unknown>)
    }
  }
  walk(copy)
  const [node, name] = flags[at % Math.max(1, flags.length)] ?? [copy, Object.keys(copy)[0]!]
  node[name] = value
  return copy
}

t.test('the key is in a header wherever the vendor takes one, and may be a function that rotates it', async t => {
  const server = await fakeIpqualityscore({}, { key: 'second' })
  let current = 'first'
  const provider = ipqualityscore({ baseUrl: server.url, limits: {}, key: () => current })
  t.match(await provider.lookup(plainIp, bareContext()), { verdict: 'unknown', reason: 'rejected' })
  current = 'second'
  t.match(await provider.lookup(plainIp, bareContext()), { verdict: 'clean' })
  const throwing = ipqualityscore({ baseUrl: server.url, key: () => { throw new Error('hush second') } })
  const refused = await throwing.lookup(plainIp, bareContext())
  t.match(refused, { verdict: 'unknown', reason: 'rejected', alert: /function that gives the key/ })
  t.notMatch(JSON.stringify(refused), /hush/)
  const long = ipqualityscore({ baseUrl: server.url, key: 'second', keyIn: 'path' })
  t.match(await long.lookup(plainIp, bareContext()), { verdict: 'clean' })
  for (const one of [provider, throwing, long]) await one.close!()
  await server.close()
})

t.test('a missing or unusable key throws at boot, and its value is not in the message', async t => {
  t.throws(() => ipqualityscore({} as never), { message: /ipqualityscore\.key.*is missing/ })
  t.throws(() => ipinfo({ token: 'two words', product: 'plus' }), { message: /ipinfo\.token/ })
  t.throws(() => ipinfo({ token: 'x', product: 'best' as never }), { message: /ipinfo\.product/ })
  t.throws(() => proxycheck({ key: 'sp ace hush' }), { code: 'FST_IP_RISK_BAD_OPTION', message: /^(?!.*hush)/ })
  t.throws(() => proxycheck({ days: 0 }), { message: /proxycheck\.days/ })
})

t.test('an answer that repeats the secret is not used', async t => {
  const server = await fakeProxycheck({ [vpnIp]: { network: { provider: secret } } })
  const provider = proxycheck({ baseUrl: server.url, key: secret })
  t.match(await provider.lookup(vpnIp, bareContext()), { verdict: 'unknown', reason: 'bad_response', cause: /secret/ })
  await provider.close!()
  await server.close()
})

t.test('what AbuseIPDB says is left lowers our own count, and a spent day pauses until its Retry-After', async t => {
  const server = await fakeAbuseipdb({}, { key: secret, perDay: 3 })
  const provider = vendors[3]!.provider(server.url, { limits: { perCalendarDay: 1_000 } })
  const pipelines = createPipelines(provider, { log: memoryLog() })
  t.equal(await ask(pipelines, '203.0.113.1'), 'clean')
  t.equal(pipelines.stats()['abuseipdb']!.dayLeft, 2, 'another program used the account')
  for (const ip of ['203.0.113.2', '203.0.113.3', '203.0.113.4']) await ask(pipelines, ip)
  t.equal(server.calls, 3, 'no call is made that the service would refuse')
  t.equal(await ask(pipelines, '203.0.113.5'), 'quota_exhausted')
  await pipelines.close()
  await server.close()
})

t.test('a calendar day and month end in the time zone of the vendor', async t => {
  const at = Date.parse('2026-03-28T23:30:00Z')
  t.same(calendarWindow('day', 'UTC', at), { id: '2026-03-28', endsMs: Date.parse('2026-03-29T00:00:00Z') })
  t.same(calendarWindow('day', 'Europe/Berlin', at), { id: '2026-03-29', endsMs: Date.parse('2026-03-29T22:00:00Z') }, '23 hours')
  t.same(calendarWindow('month', 'America/New_York', Date.parse('2026-12-31T23:00:00Z')), {
    id: '2026-12', endsMs: Date.parse('2027-01-01T05:00:00Z')
  })
})

t.test('a limit per month holds, keeps half for writes, and begins anew with the month', async t => {
  let wall = Date.parse('2026-11-30T23:59:00Z')
  const provider: Provider = { name: 'monthly', limits: { perMonth: 4 }, lookup: () => ({ verdict: 'unknown', reason: 'no_data' }) }
  const pipelines: ProviderPipelines = createPipelines(provider, { log: memoryLog(), wallNow: () => wall })
  const asked = async (write: boolean): Promise<string> => await ask(pipelines, plainIp, write)
  t.same([await asked(false), await asked(false), await asked(false)], ['no_data', 'no_data', 'quota_exhausted'])
  t.same([await asked(true), await asked(true), await asked(true)], ['no_data', 'no_data', 'quota_exhausted'])
  t.equal(pipelines.stats()['monthly']!.monthLeft, 0)
  wall += 61_000
  t.equal(await asked(false), 'no_data')
  await pipelines.close()
})

t.test('IPinfo Lite knows the network only', async t => {
  const server = await fakeIpinfo({}, { token: secret })
  const provider = ipinfo({ baseUrl: server.url, token: secret, product: 'lite' })
  t.match(await provider.lookup(plainIp, bareContext()), {
    verdict: 'unknown', reason: 'no_data', info: { asn: 'AS64496', countryCode: 'EX' }
  })
  await provider.close!()
  await server.close()
})
