import fc from 'fast-check'
import t from 'tap'
import { createFamiliarity, type Visit } from '../lib/familiarity/index.ts'
import { CONFIRMED, learned, type Lesson, nothingKnown, TRUSTED } from '../lib/familiarity/history.ts'
import { redisStore } from '../lib/familiarity/store.ts'
import type { IpRisk } from '../types/contract.ts'
import { startRedis } from './support/redis.ts'

const secret = 'a secret of some length'
const redis = await startRedis()
t.teardown(() => redis.stop())
const runner = {
  run: async (script: string, keys: readonly string[], args: readonly (string | number)[]) =>
    await redis.client.eval(script, keys.length, ...keys, ...args)
}
const bounds = { rememberMs: 90 * 86_400_000, maxNetworks: 5 }
const word = fc.string({ minLength: 6, maxLength: 30 }).filter(text => /\w{6}/.test(text))
const ip = fc.oneof(fc.ipV4(), fc.ipV6().filter(text => /^[0-9a-f]{4}:[0-9a-f]{4}:/.test(text)))
const lesson: fc.Arbitrary<Lesson> = fc.record({
  id: fc.constantFrom(...'abcdefgh'),
  network: fc.constantFrom(...'abc'),
  asn: fc.constantFrom('', 'n'),
  country: fc.constantFrom('', 'c'),
  strength: fc.constantFrom(TRUSTED, CONFIRMED),
  atMs: fc.integer({ min: 1e12, max: 1e12 + 1e10 }),
  place: fc.constantFrom('', 'p', 'q')
})
const inOrder = fc.array(lesson, { maxLength: 30 }).map(all => {
  const times = all.map(({ atMs }) => atMs).sort((a, b) => a - b)
  return all.map((one, i) => ({ ...one, atMs: times[i]! + i }))
})

t.test('Redis holds HMACs, numbers and one ciphertext: nothing of an account, device, address or network, in no encoding', async () => {
  await fc.assert(fc.asyncProperty(fc.record({
    account: word, device: word, ip, asn: fc.integer({ min: 100_000, max: 4_000_000_000 }).map(n => `AS${n}`), city: word, isp: word, trust: fc.boolean()
  }), async ({ account, device, ip, asn, city, isp, trust }) => {
    await redis.client.flushall()
    const service = createFamiliarity({ redis: runner, secrets: [secret], keyPrefix: '', now: Date.now } as Parameters<typeof createFamiliarity>[0])
    const info = { asn, countryCode: 'DE', city, isp, lat: 52.5200066, lon: 13.404954 }
    const visit: Visit = { account, device, risk: { ip, info, verdict: 'clean', categories: [] } as unknown as IpRisk }
    await service.learn(visit, trust ? TRUSTED : CONFIRMED, bounds)
    const keys = await redis.client.keys('*')
    if (keys.length !== 1 || !/^ip-risk:familiarity:[0-9a-f]{64}$/.test(keys[0]!)) throw new Error(keys.join())
    const { place, ...networks } = await redis.client.hgetall(keys[0]!)
    for (const [field, line] of Object.entries(networks)) {
      if (!/^[\w-]{22}$/.test(field) || !/^([\w-]{22} ){3}\d+ \d+ \d+ [12] \d+$/.test(line)) throw new Error(line)
    }
    if (place !== undefined && !/^[\w-]{50,120}$/.test(place)) throw new Error(place)
    const seen = `${keys[0]!} ${JSON.stringify(networks)} ${place}`
    const block = ip.includes(':') ? ip.split(':').slice(0, 2).join(':') : ip.split('.').slice(0, 3).join('.')
    for (const text of [account, device, ip, block, asn, asn.slice(2), city, isp, '52.52', secret]) {
      for (const how of ['utf8', 'hex', 'base64', 'base64url'] as const) {
        const written = Buffer.from(text).toString(how).replace(/=+$/, '')
        // A short number may be part of a time or an HMAC by chance.
        const certain = written.length > 10 ? written.slice(0, how.startsWith('base64') ? -1 : undefined) : undefined
        if (certain !== undefined && seen.includes(certain)) throw new Error(`${text} as ${how}`)
      }
    }
  }), { numRuns: 200 })
})

t.test('learning is bounded and monotone in evidence: no lesson weakens or displaces what is stronger', async () => {
  fc.assert(fc.property(inOrder, lessons => {
    let history = nothingKnown
    for (const one of lessons) {
      const next = learned(history, one, bounds)
      if (next.networks.length > bounds.maxNetworks) throw new Error('too many')
      const now = next.networks.find(({ id }) => id === one.id)
      const before = history.networks.find(({ id }) => id === one.id)
      if (now !== undefined && (now.strength < one.strength || now.strength < (before?.strength ?? 0) ||
        now.confirmedMs < (before?.confirmedMs ?? 0) || now.count !== (before?.count ?? 0) + 1)) throw new Error('weaker')
      const lost = history.networks.filter(({ id, lastMs }) =>
        id !== one.id && one.atMs - lastMs < bounds.rememberMs && !next.networks.some(other => other.id === id))
      const weakestKept = Math.min(...next.networks.map(({ strength }) => strength))
      if (lost.some(({ strength }) => strength > weakestKept || strength > one.strength)) throw new Error('displaced')
      history = next
    }
  }), { numRuns: 500 })
})

t.test('the script in Redis learns exactly as the code for one process does', async t => {
  await fc.assert(fc.asyncProperty(inOrder, async lessons => {
    await redis.client.flushall()
    let history = nothingKnown
    for (const one of lessons) {
      history = learned(history, one, bounds)
      await redisStore(runner as never, '').learn('account', one, bounds, 0)
    }
    const stored = await redisStore(runner as never, '').read('account')
    const byId = (all: typeof stored.networks): object => Object.fromEntries(all.map(one => [one.id, one]))
    t.same({ ...byId(stored.networks) }, { ...byId(history.networks) })
    t.equal(stored.place, history.place)
  }), { numRuns: 40 })
})
