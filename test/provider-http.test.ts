import t from 'tap'
import { readFileSync } from 'node:fs'
import { fakeGetipintel, fakeIplogs } from '../lib/testing.ts'
import { getipintel } from '../lib/providers/getipintel.ts'
import { userAgent } from '../lib/providers/http.ts'
import { parseRetryAfter } from '../lib/providers/http-answers.ts'
import { iplogs } from '../lib/providers/iplogs.ts'
import { version } from '../lib/version.ts'
import { providerSuite } from './support/provider-suite.ts'

providerSuite(t, {
  name: 'iplogs',
  serve: () => fakeIplogs({ '203.0.113.9': 'vpn_detected' }),
  provider: baseUrl => iplogs({ baseUrl, timeoutMs: 300, retries: 0 }),
  secrets: []
})

providerSuite(t, {
  name: 'getipintel',
  serve: () => fakeGetipintel({ '203.0.113.9': 1 }),
  provider: baseUrl => getipintel({ contact: 'ops+ip@example.org', baseUrl, timeoutMs: 300, flags: 'm' }),
  secrets: ['ops', 'example.org'],
  expected: { 'JSON that is no object': 'bad_response' }
})

t.test('the user agent has the version of the package', async t => {
  t.equal(version, (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version)
  t.ok(userAgent.includes(version))
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
