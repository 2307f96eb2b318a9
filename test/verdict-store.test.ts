import t, { type Test } from 'tap'
import { ageLimits, type CacheSettings } from '../lib/cache/options.ts'
import type { RedisPort } from '../lib/redis/client.ts'
import { createEntryFormat, createKeys } from '../lib/redis/keys.ts'
import { CLAIM, FILL } from '../lib/redis/scripts.ts'
import type { Expected, Subscriber } from '../lib/redis/subscriber.ts'
import { createVerdictStore } from '../lib/redis/verdict-store.ts'
import { redisBudget } from '../lib/util/async.ts'
import { type KnownResult, knownAnswer } from '../lib/verdict/verdict.ts'
import type { KnownAnswer } from '../types/contract.ts'
import { memoryLog } from './support/log.ts'
import { tableProvider } from './support/table-provider.ts'

const ip = '203.0.113.7'
const found: KnownResult = { answer: knownAnswer('clean'), provider: 'table', checkedAtMs: 1_000_000, cache: 'miss' }

/** A store over a Redis that answers each claim with this. */
function storeWith (t: Test, claimed: () => unknown) {
  const now = (): number => found.checkedAtMs
  const settings = { maxEntries: 100, ttlSeconds: 300, unknownTtlSeconds: 10, staleIfErrorSeconds: 0 }
  const fills: (readonly (string | number)[])[] = []
  const tokens: unknown[] = []
  let expected = 0
  const port = {
    timeoutMs: 100,
    isCluster: false,
    answers: () => true,
    async run (script: string, _keys: readonly string[], args: readonly (string | number)[]) {
      if (script === FILL) fills.push(args)
      if (script !== CLAIM) return 1
      tokens.push(args[0])
      return claimed()
    }
  }
  const subscriber = {
    name: 'inbox',
    listening: true,
    expect () {
      expected++
      return { end () { expected-- } } as Expected
    }
  }
  const store = createVerdictStore({
    port: port as unknown as RedisPort,
    subscriber: subscriber as unknown as Subscriber,
    keys: createKeys('', undefined),
    entries: createEntryFormat({ ages: ageLimits(settings, tableProvider({})), names: ['table'], secret: false, now }),
    writes: { failed () {}, stored () {} },
    cache: settings as CacheSettings,
    log: memoryLog()
  })
  t.teardown(() => store.close())
  return { store, fills, tokens, expected: () => expected }
}

t.test('a lease without Redis, of an escalation or of a final answer says what it may replace, after an invalidation, too', async t => {
  const { store, fills } = storeWith(t, () => ['ours'])
  const version = store.versionOf(ip, found)
  store.localLease(ip).fill(found)
  store.localLease(ip, version).fill(found)
  store.finalLease(ip, version).fill(found)
  t.strictSame(fills.map(args => [args[1], args[6]]), [['blind', ''], ['blind', version], ['soft', version]])
})

t.test('an entry that was read is written as the same text, by which a second answer names the one that it replaces', async t => {
  const answer: KnownAnswer = {
    verdict: 'vpn_likely',
    score: 0.71,
    isVpn: true,
    confidence: null,
    signals: [{ type: 'vpn_asn', weight: 0.5, detail: `AS64496 “Räuber” has ${ip}` }],
    info: { asn: 'AS64496', org: 'Räuber Ltd', countryCode: 'DE', lat: 52.5, isProxy: false, vpnProviderSources: ['a', 'b'] },
    categories: ['vpn', 'hosting'],
    requestId: 'r-1'
  }
  for (const secret of [false, true]) {
    const ages = { freshMs: () => 300_000, keptMs: () => 300_000 }
    const entries = createEntryFormat({ ages, names: ['table'], secret, now: () => found.checkedAtMs })
    const written = entries.write(ip, { ...found, answer })
    const read = entries.read(ip, written, 300_000)
    t.equal(typeof read === 'object' && entries.write(ip, read), written)
  }
})

t.test('a claim without a reply gives a lease that knows nothing of Redis, under the token of the claim', async t => {
  for (const [claimed, kind] of [
    [() => ['ours'], 'held'],
    [() => ['refused', 'OOM'], 'blind'],
    [() => { throw new Error('no reply in time') }, 'blind']
  ] as const) {
    const { store, fills, tokens } = storeWith(t, claimed)
    const claim = await store.claim(ip, { refresh: false, budget: redisBudget(100) })
    if (claim.kind !== 'granted') throw new Error(claim.kind)
    claim.lease.fill(found)
    t.strictSame(fills.map(([token, kind]) => [token, kind]), [[tokens[0], kind]])
  }
})

t.test('a claim that waits for no other process leaves nothing behind that expects a message', async t => {
  for (const reply of [['ours'], ['refused', 'OOM'], ['failed', 'unavailable'], undefined]) {
    const { store, expected } = storeWith(t, () => {
      t.equal(expected(), 1, 'since before the claim: the message may arrive before the reply')
      if (reply === undefined) throw new Error('no reply')
      return reply
    })
    await store.claim(ip, { refresh: false, budget: redisBudget(100) })
    t.equal(expected(), 0)
  }
})
