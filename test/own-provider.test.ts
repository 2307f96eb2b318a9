import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk, { createClientIpResolver, createIpRisk } from '../lib/index.ts'
import type { KnownAnswer, Provider, ProviderAnswer } from '../types/contract.ts'
import type { FastifyIpRiskOptions } from '../types/fastify.ts'
import { memoryLog } from './support/log.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const says = (given: unknown, more: Partial<Provider> = {}): Provider => ({ name: 'own', lookup: async () => given as ProviderAnswer, ...more })

async function open (options: FastifyIpRiskOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(ipRisk, options)
  app.post('/signup', { config: { ipRisk: 'signup' } }, async request => request.ipRisk)
  app.post('/later', { config: { ipRisk: { action: 'signup', lookup: 'background' } } }, async request => request.ipRisk)
  return app
}

t.test('an answer that is wrong anywhere is a bad response, whatever looks at it', async t => {
  const wrong: unknown[] = [
    null, 'clean', {}, { verdict: 'clean' }, { ...answer('clean'), verdict: 'vpn' }, { ...answer('clean'), score: 2 }, { ...answer('clean'), isVpn: 1 },
    { ...answer('clean'), signals: [null] }, { ...answer('clean'), signals: [{ type: 'x', weight: 1 }] },
    { ...answer('clean'), signals: [{ type: 'x', weight: '1', detail: '' }] }, { ...answer('clean'), categories: ['vpns'] },
    { ...answer('clean'), info: { org: {} } }, { ...answer('clean'), provider: 7 }, { ...answer('clean'), requestId: {} },
    { verdict: 'unknown' }, { verdict: 'unknown', reason: 'listed' }, { verdict: 'unknown', reason: 'skipped' }, { verdict: 'unknown', reason: 'toString' },
    { verdict: 'unknown', reason: 'no_data', signals: [null] }, { verdict: 'unknown', reason: 'no_data', categories: [1] }
  ]
  for (const given of wrong) {
    for (const sync of [false, true]) {
      const provider = says(given, { sync, lookup: () => sync ? given as ProviderAnswer : Promise.resolve(given as ProviderAnswer) })
      const app = await open({ provider, policy: { write: { unknown: 'block' } }, onDecision: () => {} })
      const reply = await app.inject({ method: 'POST', url: '/signup', remoteAddress: '203.0.113.1' })
      t.equal(reply.statusCode, 403, `${sync} ${JSON.stringify(given)}`)
      t.equal((await app.ipRisk.lookup('203.0.113.1')).reason, 'bad_response')
      t.equal((await app.inject({ method: 'POST', url: '/later', remoteAddress: '203.0.113.2' })).statusCode, 403)
      await app.close()
    }
  }
})

t.test('an answer that turns wrong while it is copied is a bad response too', async t => {
  const given = answer('clean') as { -readonly [K in keyof KnownAnswer]: KnownAnswer[K] }
  let reads = 0
  Object.defineProperty(given, 'info', {
    get () {
      if (++reads > 1) throw new Error('gone')
      return {}
    }
  })
  const engine = createIpRisk({ provider: says(given) })
  t.teardown(() => engine.close())
  t.match(await engine.lookup('203.0.113.1'), { verdict: 'unknown', reason: 'bad_response' })
})

t.test('scopes with engines of their own keep to one budget of their provider', async t => {
  let calls = 0
  const provider = says(undefined, {
    limits: { perMinute: 4 },
    reserveForWrites: 0,
    async lookup () {
      calls++
      return answer('clean')
    }
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider })
  app.post('/a', { config: { ipRisk: true } }, async request => request.ipRisk?.reason)
  await app.register(async child => {
    await child.register(ipRisk, { clientIp: { cloudflare: false } })
    child.post('/b', { config: { ipRisk: true } }, async request => request.ipRisk?.reason)
  })
  const reasons = new Set<string>()
  for (let i = 0; i < 6; i++) {
    for (const url of ['/a', '/b']) reasons.add((await app.inject({ method: 'POST', url, remoteAddress: `203.0.113.${i}` })).body)
  }
  t.equal(calls, 4)
  t.same([...reasons], ['', 'quota_exhausted'])
})

t.test('bulk gives each address one verdict, asks for what is not known, and counts', async t => {
  const asked: string[] = []
  const engine = createIpRisk({
    provider: {
      name: 'own',
      async lookup (ip) {
        asked.push(ip)
        return ip.endsWith('.2') ? { verdict: 'unknown', reason: 'no_data' } : { ...answer('suspicious'), provider: 'member' }
      }
    }
  })
  t.teardown(() => engine.close())
  await engine.lookup('203.0.113.1')
  const run = engine.bulk(['203.0.113.1', '203.0.113.2', '::ffff:203.0.113.2', '203.0.113.3', '10.0.0.1', 'no address'])
  const rows = new Map<string, string>()
  for await (const [ip, risk] of run) rows.set(ip, `${risk.verdict} ${risk.reason ?? risk.cache} ${risk.provider}`)
  t.same(Object.fromEntries(rows), {
    '203.0.113.1': 'suspicious memory member',
    '203.0.113.2': 'unknown no_data own',
    '203.0.113.3': 'suspicious miss member',
    '10.0.0.1': 'unknown not_public none',
    'no address': 'unknown no_ip none'
  })
  t.match(run.progress, { total: 5, done: 5, cached: 3, unknown: 3 })
  t.same(asked, ['203.0.113.1', '203.0.113.2', '203.0.113.3'])
})

t.test('a request without headers has the address of its peer', async t => {
  const resolve = createClientIpResolver({ trusted: ['10.0.0.0/8'], cloudflare: true })
  for (const remoteAddress of ['203.0.113.1', '10.0.0.1', undefined]) {
    t.equal(resolve({ socket: { remoteAddress } } as Parameters<typeof resolve>[0]).ip, remoteAddress ?? null)
  }
  const engine = createIpRisk({ provider: tableProvider({}), log: memoryLog(), clientIp: { trusted: ['10.0.0.0/8'] } })
  t.teardown(() => engine.close())
  const { ip } = await engine.assess({ socket: { remoteAddress: '203.0.113.1' } } as Parameters<typeof resolve>[0], { action: 'signup' })
  t.equal(ip, '203.0.113.1', 'and its misconfiguration is not looked for in headers that are not there')
})
