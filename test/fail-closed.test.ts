import t from 'tap'
import { type Fault, fakeIplogs } from '../lib/testing/index.ts'
import { decide, failClosed, httpProvider, iplogs, lists } from '../lib/index.ts'
import type { Category, IpRisk, LookupMode, Provider, UnknownReason } from '../types/contract.ts'
import { redisServer } from './support/redis-server.ts'
import { rims, type Reply, type RimOptions } from './support/rims.ts'

const visitor = '203.0.113.9'
const withdrawal = { action: 'withdrawal', policy: failClosed } as const
const unknown = (reason: UnknownReason, categories: Category[] = []): IpRisk =>
  ({ verdict: 'unknown', reason, categories, provider: 'none' }) as Partial<IpRisk> as IpRisk
const blocked: UnknownReason[] = ['no_ip', 'infrastructure']
const flagged: UnknownReason[] = [...blocked, 'overloaded', 'quota_exhausted', 'rate_limited']
const everyReason: UnknownReason[] = [
  ...flagged, 'pending', 'not_asked', 'timeout', 'unavailable', 'rejected', 'bad_response', 'no_data', 'not_public', 'unsupported_family', 'skipped'
]

t.test('by default an unknown write runs, and is flagged where a visitor can bring the reason about', async t => {
  for (const reason of everyReason) {
    t.equal(decide(unknown(reason), { write: true }), flagged.includes(reason) ? 'elevate_risk' : 'allow', reason)
    t.equal(decide(unknown(reason), { write: false }), 'allow', `${reason} on a read`)
  }
})

t.test('failClosed lets no unknown write through, whatever the reason and whatever else is known', async t => {
  for (const reason of everyReason) {
    for (const categories of [[], ['cgnat'], ['relay', 'warp']] satisfies Category[][]) {
      const decision = decide(unknown(reason, categories), { write: true }, failClosed)
      t.equal(decision, blocked.includes(reason) ? 'block' : 'step_up_auth', `${reason} ${categories.join()}`)
    }
    t.equal(decide(unknown(reason), { write: false }, failClosed), 'allow', 'reads stay open')
  }
  t.throws(() => { (failClosed.write.unknown as { default: string }).default = 'allow' }, TypeError, 'and nobody can change it')
})

/** What a withdrawal gets from a provider, one POST after the other. */
async function withdraws (options: RimOptions, more: object = {}, posts = 1, from = visitor): Promise<Reply[]> {
  const rim = await rims['Fastify, injected']!({ satisfied: 'by header', ...options }, { '/withdrawal': { ...withdrawal, ...more } })
  const replies: Reply[] = []
  for (let i = 0; i < posts; i++) replies.push(await rim.ask('POST', '/withdrawal', from))
  const codes = await rim.ask('POST', '/withdrawal', from, { 'x-code': '123456' })
  await rim.close()
  return [...replies, codes]
}

async function reasonOf (options: RimOptions, from = visitor): Promise<string | undefined> {
  const rim = await rims['Fastify, injected']!({ ...options, mode: 'monitor' }, { '/withdrawal': withdrawal })
  const { risk } = await rim.ask('POST', '/withdrawal', from)
  await rim.close()
  return risk?.reason
}

t.test('a withdrawal needs a second factor in every outage of the provider', async t => {
  const server = await fakeIplogs()
  t.teardown(() => server.close())
  const asking = (more: object = {}): Provider => iplogs({ baseUrl: server.url, retries: 0, ...more })
  const faults: [Fault, UnknownReason][] = [
    ['reset', 'unavailable'], [{ status: 503 }, 'unavailable'], [{ status: 429 }, 'rate_limited'], [{ status: 429, headers: { 'retry-after': '60' } }, 'rate_limited'],
    [{ status: 403 }, 'rejected'], [{ status: 404 }, 'rejected'], ['hang', 'timeout'], ['drip', 'timeout'],
    ['html', 'bad_response'], ['empty', 'bad_response'], ['not_object', 'bad_response'], ['nan', 'bad_response'], ['wrong_address', 'bad_response'],
    ['redirect', 'bad_response'], ['huge', 'bad_response'], ['not_http', 'bad_response']
  ]
  for (const [fault, reason] of faults) {
    server.fault(fault)
    const timeoutMs = reason === 'timeout' ? 50 : 5_000
    t.equal(await reasonOf({ provider: asking({ timeoutMs }) }), reason, `${JSON.stringify(fault)} is ${reason}`)
    const replies = await withdraws({ provider: asking({ timeoutMs }), cache: { unknownTtlSeconds: 0 } }, {}, 6)
    t.same(replies.map(({ status }) => status), [401, 401, 401, 401, 401, 401, 200], `${JSON.stringify(fault)}: until the factor is there`)
  }
  server.heal()
  const poor = { provider: asking({ limits: { perMinute: 1 } }), cache: { unknownTtlSeconds: 0 } }
  const rim = await rims['Fastify, injected']!({ ...poor, satisfied: false }, { '/withdrawal': withdrawal })
  t.teardown(() => rim.close())
  t.equal((await rim.ask('POST', '/withdrawal', '203.0.113.1')).status, 200, 'known and clean')
  t.equal((await rim.ask('POST', '/withdrawal', '203.0.113.2')).status, 401, 'the quota is spent')
  const full = await rims['Fastify, injected']!({ provider: asking({ maxConcurrent: 1 }), satisfied: false }, { '/withdrawal': withdrawal })
  t.teardown(() => full.close())
  server.delay(100)
  const both = await Promise.all(['203.0.113.3', '203.0.113.4'].map(ip => full.ask('POST', '/withdrawal', ip)))
  t.same(both.map(({ status }) => status).sort(), [200, 401], 'overloaded')
})

t.test('a withdrawal needs a second factor while Redis is down, too', async t => {
  const server = await fakeIplogs()
  const redis = await redisServer()
  const url = `redis://127.0.0.1:${redis.port}`
  t.teardown(async () => {
    await server.close()
    await redis.close()
  })
  await redis.kill()
  const provider = (limits: object): Provider => iplogs({ baseUrl: server.url, retries: 0, limits })
  const rim = await rims['Fastify, injected']!({ provider: provider({ perMinute: 4 }), redis: url, satisfied: false }, { '/withdrawal': withdrawal })
  t.teardown(() => rim.close())
  t.equal((await rim.ask('POST', '/withdrawal', '203.0.113.1')).status, 200, 'the provider still answers')
  t.equal((await rim.ask('POST', '/withdrawal', '203.0.113.2')).status, 401, 'the share of this process is spent')
  server.fault('reset')
  t.same((await withdraws({ provider: provider({}), redis: url })).map(({ status }) => status), [401, 200])
})

t.test('a withdrawal needs a second factor where nobody was asked or could be, and is blocked without a client address', async t => {
  const broken: Provider[] = [
    { name: 'throws', lookup () { throw new Error('out of order') } },
    { name: 'silent', lookup: () => undefined as never },
    lists({ sources: [] })
  ]
  for (const provider of broken) t.same((await withdraws({ provider })).map(({ status }) => status), [401, 200], provider.name)
  const clean = lists({ covers: ['203.0.113.0/24'], sources: [{ id: 'none', kind: 'hosting', entries: ['203.0.113.200'] }] })
  t.same((await withdraws({ provider: clean })).map(({ status }) => status), [200, 200], 'a known address goes through')
  t.same((await withdraws({ provider: clean }, {}, 1, '10.1.2.3')).map(({ status }) => status), [401, 200], 'private')
  const slow: Provider = { name: 'slow', lookup: () => new Promise(() => {}) }
  for (const lookup of ['background', 'cache', 'skip'] satisfies LookupMode[]) {
    t.same((await withdraws({ provider: slow }, { lookup })).map(({ status }) => status), [401, 200], lookup)
  }
  t.same((await withdraws({ provider: slow }, { timeoutMs: 30 })).map(({ status }) => status), [401, 200], 'too slow for the route')
  const v4 = httpProvider({ name: 'v4', baseUrl: 'http://127.0.0.1:9', families: [4], request: () => ({ path: '/' }), read: () => null })
  t.same((await withdraws({ provider: v4 }, {}, 1, '2001:db8::1')).map(({ status }) => status), [401, 200], 'the wrong family')
  t.same((await withdraws({ provider: clean }, {}, 1, '127.0.0.1')).map(({ status }) => status), [403, 403], 'infrastructure: no factor helps')
})
