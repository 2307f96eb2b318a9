import t from 'tap'
import { readFileSync } from 'node:fs'
import { proxycheck } from '../examples/proxycheck.ts'
import { fakeGetipintel, fakeIplogs, type FakeServer } from '../lib/testing/index.ts'
import { fakeServer } from '../lib/testing/fake-server.ts'
import { getipintel } from '../lib/providers/getipintel/index.ts'
import { userAgent } from '../lib/providers/http/client.ts'
import { parseRetryAfter } from '../lib/providers/http/answers.ts'
import { httpProvider } from '../lib/providers/http/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { version } from '../lib/util/version.ts'
import { bareContext } from './support/guard.ts'
import { providerSuite } from './support/provider-suite.ts'

providerSuite(t, {
  name: 'iplogs',
  serve: () => fakeIplogs({ '203.0.113.9': 'vpn_detected' }),
  provider: baseUrl => iplogs({ baseUrl, timeoutMs: 600, retries: 0 }),
  secrets: []
})

providerSuite(t, {
  name: 'getipintel',
  serve: () => fakeGetipintel({ '203.0.113.9': 1 }),
  provider: baseUrl => getipintel({ contact: 'ops+ip@example.org', baseUrl, timeoutMs: 600, flags: 'm' }),
  secrets: ['ops', 'example.org'],
  expected: { 'JSON that is no object': 'bad_response' }
})

const proxycheckServer = (): Promise<FakeServer> => fakeServer(({ url }) => {
  const ip = url.pathname.replace('/v3/', '')
  const vpn = ip === '203.0.113.9'
  const row = { detections: { proxy: false, vpn, tor: false, risk: vpn ? 90 : 0 }, network: { asn: 'AS64496' } }
  return { text: url.searchParams.get('key') === 'hush' ? JSON.stringify({ status: 'ok', [ip]: row }) : '{"status":"denied"}', asked: [ip] }
})

providerSuite(t, {
  name: 'the proxycheck example',
  serve: proxycheckServer,
  provider: baseUrl => ({ ...proxycheck('hush', baseUrl), timeoutMs: 600 }),
  secrets: ['hush'],
  expected: { 'numbers as strings': 'bad_response' }
})

t.test('the proxycheck example says what a denied key means, and stands in docs/providers.md as it is', async t => {
  const server = await proxycheckServer()
  const denied = proxycheck('wrong', server.url)
  t.match(await denied.lookup('203.0.113.9', bareContext()), { verdict: 'unknown', reason: 'rejected', alert: String })
  await denied.close!()
  await server.close()
  const code = readFileSync('examples/proxycheck.ts', 'utf8').split('\n').slice(1).join('\n').trim()
  t.ok(readFileSync('docs/providers.md', 'utf8').includes(code))
})

t.test('the user agent has the version of the package', async t => {
  t.equal(version, (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version)
  t.ok(userAgent.includes(version))
})

t.test('read gets the status, the headers and the age of evidence, and a form is sent as one', async t => {
  let asked: { method: string | undefined, type: string | undefined, body: string } | undefined
  const server = await fakeServer(({ method, headers, body }) => {
    asked = { method, type: headers['content-type'], body }
    return { status: 404, headers: { 'X-Left': '7' }, text: '{"seen":true}', asked: [] }
  })
  const day = 86_400_000
  const ages: Record<string, [lastSeen: unknown, isOld: boolean]> = {
    'ISO text': [new Date(Date.now() - 11 * day).toISOString(), true],
    'a date': [new Date(Date.now() - 9 * day), false],
    seconds: [(Date.now() - 11 * day) / 1000, true],
    'the future': [new Date(Date.now() + day).toISOString(), false],
    nothing: [undefined, false],
    nonsense: ['soon', false]
  }
  const seen: unknown[] = []
  const provider = httpProvider({
    name: 'forms',
    baseUrl: server.url,
    alsoRead: [404],
    maxEvidenceAgeDays: 10,
    request: ip => ({ path: '/v1', form: { ips: `${ip}&x=1` } }),
    read (body, _ip, { status, headers, isOld }) {
      seen.push(body, status, headers['x-left'])
      for (const [what, [lastSeen, expected]] of Object.entries(ages)) t.equal(isOld(lastSeen), expected, what)
      return { verdict: 'unknown', reason: 'no_data' }
    }
  })
  t.match(await provider.lookup('203.0.113.9', bareContext()), { reason: 'no_data' }, 'a 404 that is an answer')
  t.same(seen, [{ seen: true }, 404, '7'])
  t.same(asked, { method: 'POST', type: 'application/x-www-form-urlencoded', body: 'ips=203.0.113.9%26x%3D1' })
  await provider.close!()
  await server.close()
})

t.test('Retry-After is seconds or a date, and nonsense is nothing', async t => {
  const now = Date.UTC(2026, 0, 1)
  t.equal(parseRetryAfter('120', now), 120)
  t.equal(parseRetryAfter([' 7 '], now), 7)
  t.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30)
  t.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:30 GMT', now), 0)
  t.equal(parseRetryAfter('999999999', now), 86_400)
  for (const text of [undefined, '', '-1', '1.5', 'soon', 'Thu, nonsense']) t.equal(parseRetryAfter(text, now), null, String(text))
})
