import fc from 'fast-check'
import t from 'tap'
import { ageLimits } from '../lib/cache/options.ts'
import { createMemoryCache } from '../lib/cache/memory-cache.ts'
import { toCompact, fromCompact } from '../lib/cache/compact.ts'
import type { KnownResult, LookupResult } from '../lib/verdict/verdict.ts'
import { unknownAnswer } from '../lib/verdict/verdict.ts'
import type { KnownAnswer } from '../types/contract.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const options = { maxEntries: 5000, ttlSeconds: 300, unknownTtlSeconds: 10, staleIfErrorSeconds: 3600 }
const known = (checkedAtMs: number, more: Partial<KnownAnswer> = {}): KnownResult =>
  Object.freeze({ answer: fromCompact(toCompact(answer('clean', more))), provider: 'table', checkedAtMs, cache: 'miss' as const })
const failure = (checkedAtMs: number): LookupResult => ({ answer: unknownAnswer('unavailable'), provider: 'table', checkedAtMs, cache: 'miss' })

function memoryAt (startMs: number, more: Partial<typeof options> = {}) {
  let nowMs = startMs
  const settings = { ...options, ...more }
  const memory = createMemoryCache({ ...settings, ages: ageLimits(settings, tableProvider({})), now: () => nowMs })
  return { memory, wait: (seconds: number) => { nowMs += seconds * 1000 } }
}

t.test('a verdict lives until it is ttlSeconds old, whenever it was put in', async t => {
  const { memory, wait } = memoryAt(1_000_000)
  memory.set('192.0.2.1', known(1_000_000 - 200_000))
  wait(99)
  t.equal(memory.get('192.0.2.1')?.cache, 'memory')
  wait(1)
  t.equal(memory.get('192.0.2.1'), undefined)
  memory.set('192.0.2.2', known(1_000_000 - 300_000))
  t.equal(memory.get('192.0.2.2'), undefined, 'too old already')
})

t.test('a hit is the same frozen object each time', async t => {
  const { memory } = memoryAt(0)
  memory.set('192.0.2.1', known(0, { signals: [{ type: 'dc_ip', weight: 0.2, detail: '' }], info: { vpnProviderSources: ['a'] } }))
  const hit = memory.get('192.0.2.1')!
  t.equal(memory.get('192.0.2.1'), hit)
  const { signals, info, categories } = hit.answer as KnownAnswer
  for (const part of [hit, hit.answer, signals, signals[0], info, info.vpnProviderSources, categories]) t.ok(Object.isFrozen(part))
})

t.test('a verdict that is past its time stands in after a failure, for as long as that is noted', async t => {
  const { memory, wait } = memoryAt(0)
  memory.set('192.0.2.1', known(0))
  t.equal(memory.mayRetry('192.0.2.1'), true)
  wait(301)
  t.equal(memory.get('192.0.2.1'), undefined)
  t.equal(memory.stale('192.0.2.1')?.cache, 'stale')
  memory.fail('192.0.2.1', failure(301_000))
  t.match(memory.get('192.0.2.1'), { cache: 'stale', answer: { verdict: 'clean' } })
  t.equal(memory.mayRetry('192.0.2.1'), false)
  wait(10)
  t.equal(memory.get('192.0.2.1'), undefined, 'ask again')
  wait(3600)
  t.equal(memory.stale('192.0.2.1'), undefined, 'too old even for that')
  memory.fail('192.0.2.1', failure(3_911_000))
  t.match(memory.get('192.0.2.1'), { cache: 'memory', answer: { verdict: 'unknown' } })
})

t.test('unknown is kept for unknownTtlSeconds, and not at all with 0', async t => {
  const { memory, wait } = memoryAt(0)
  memory.fail('192.0.2.1', failure(0))
  t.match(memory.get('192.0.2.1'), { answer: { reason: 'unavailable' }, cache: 'memory' })
  t.equal(memory.get('192.0.2.9'), undefined)
  wait(10)
  t.equal(memory.get('192.0.2.1'), undefined)
  const none = memoryAt(0, { unknownTtlSeconds: 0 }).memory
  none.fail('192.0.2.1', failure(0))
  t.equal(none.get('192.0.2.1'), undefined)
})

t.test('known and unknown verdicts are both bounded, and a flood of the one drives out none of the other', async t => {
  const { memory } = memoryAt(0, { maxEntries: 10 })
  memory.set('192.0.2.1', known(0))
  for (let i = 0; i < 100; i++) memory.fail(`198.51.100.${i}`, failure(0))
  t.equal(memory.get('192.0.2.1')?.answer.verdict, 'clean')
  t.equal([...Array(100).keys()].filter(i => memory.get(`198.51.100.${i}`) !== undefined).length, 10)
  for (let i = 0; i < 100; i++) memory.set(`203.0.113.${i}`, known(0))
  t.equal(memory.size(), 10)
  t.equal([...memory.addresses()].length, 20, 'ten with a verdict, ten with a failure')
})

t.test('what is forgotten is gone, its failure too', async t => {
  const { memory } = memoryAt(0)
  memory.set('192.0.2.1', known(0))
  memory.fail('192.0.2.2', failure(0))
  for (const ip of ['192.0.2.1', '192.0.2.2']) {
    memory.delete(ip)
    t.equal(memory.get(ip), undefined)
    t.equal(memory.stale(ip), undefined)
  }
})

t.test('an older verdict does not drive out a newer one', async t => {
  const { memory } = memoryAt(100_000)
  memory.set('192.0.2.1', known(90_000))
  memory.set('192.0.2.1', known(50_000))
  t.equal(memory.get('192.0.2.1')?.checkedAtMs, 90_000)
})

t.test('entries that were not read for long come back as they were', async t => {
  const { memory } = memoryAt(0, { maxEntries: 10_000 })
  const ip = (i: number): string => `203.0.${i >> 8}.${i & 255}`
  for (let i = 0; i < 10_000; i++) memory.set(ip(i), known(-10 * i, { info: { org: `Łódź ${i}`, lat: 0, isProxy: false } }))
  for (let i = 0; i < 10_000; i++) {
    const hit = memory.get(ip(i))
    if (hit?.checkedAtMs !== -10 * i || (hit.answer as KnownAnswer).info.org !== `Łódź ${i}`) t.fail(`entry ${i} is another`)
  }
  t.strictSame(memory.get(ip(7))?.answer, known(0, { info: { org: 'Łódź 7', lat: 0, isProxy: false } }).answer)
})

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const share = fc.double({ min: 0, max: 1, noNaN: true }).map(value => value === 0 ? 0 : value)
const answers: fc.Arbitrary<KnownAnswer> = fc.record({
  verdict: fc.constantFrom('clean', 'suspicious', 'vpn_likely', 'vpn_detected'),
  score: fc.option(share),
  isVpn: fc.boolean(),
  confidence: fc.option(share),
  signals: fc.array(fc.record({ type: text, weight: share, detail: text }), { maxLength: 4 }),
  info: fc.record({
    asn: text, org: text, city: text, lat: fc.integer({ min: -90, max: 90 }), isProxy: fc.boolean(), vpnProviderSources: fc.array(text)
  }, { requiredKeys: [] }),
  categories: fc.subarray(['vpn', 'proxy', 'tor', 'hosting', 'relay', 'warp', 'cgnat', 'crawler', 'abuse', 'gateway'])
})

t.test('packing keeps an answer as it is, in characters of one byte', async t => {
  fc.assert(fc.property(answers, answer => {
    const packed = toCompact(answer)
    t.notMatch(packed, /[^\0-ÿ]/)
    const expected = JSON.parse(JSON.stringify(answer))
    if (JSON.stringify(fromCompact(packed)) !== JSON.stringify({ ...expected, info: fromCompact(packed).info })) throw new Error(packed)
    t.strictSame({ ...fromCompact(packed).info }, expected.info)
  }), { numRuns: 200 })
})

t.test('a full cache drops what was not read for longest, give or take an eighth', async t => {
  const { memory } = memoryAt(0, { maxEntries: 80 })
  for (let i = 0; i < 80; i++) memory.set(`192.0.2.${i}`, known(0))
  for (let i = 0; i < 160; i++) {
    t.ok(memory.get('192.0.2.0'), 'read all the time')
    memory.set(`198.51.100.${i}`, known(0))
  }
  t.equal(memory.get('192.0.2.1'), undefined, 'never read')
  t.equal(memory.size(), 80)
  memory.get('198.51.100.90') // among the oldest that are left
  for (let i = 160; i < 230; i++) memory.set(`198.51.100.${i}`, known(0))
  t.ok(memory.get('198.51.100.90'), 'read once, when others had been written')
})
