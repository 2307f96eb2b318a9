import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { iplogs, mmdb } from '../lib/index.ts'
import { createIpRisk } from '../lib/frameworks/node.ts'
import { fakeIplogs } from '../lib/testing/index.ts'
import { memoryLog } from './support/log.ts'
import { mmdbFile } from './support/mmdb-writer.ts'
import { startServe } from './support/serve.ts'

const token = 'a-token-of-the-test-0123456789'
type Engine = ReturnType<typeof createIpRisk>

async function bulk (engine: Engine, ips: string[]) {
  const found: Record<string, unknown> = {}
  for await (const [ip, { verdict, reason, categories }] of engine.bulk(ips)) found[ip] = { verdict, reason, categories }
  return found
}

interface Client extends Engine { readonly warnings: () => string[] }

function client (t: { teardown (end: () => unknown): void }, options: Parameters<typeof iplogs>[0]): Client {
  const log = memoryLog()
  const engine = createIpRisk({ provider: iplogs(options), log })
  t.teardown(async () => await engine.close())
  return Object.assign(engine, { warnings: () => log.lines.filter(({ level }) => level !== 'info').map(line => JSON.stringify(line)) })
}

t.test('iplogs() takes a serve for what it is: no data is no failure', async t => {
  const database = join(t.testdir(), 'asn.mmdb')
  writeFileSync(database, mmdbFile({ databaseType: 'GeoLite2-ASN', networks: { '8.0.0.0/8': { autonomous_system_number: 64496 } } }))
  const serve = await startServe(t, ['--provider', `mmdb:${database}`])
  const engine = client(t, { baseUrl: serve.url })
  for (let last = 1; last <= 8; last++) t.match(await engine.lookup(`8.8.8.${last}`), { verdict: 'unknown', reason: 'no_data' })
  t.match(await bulk(engine, ['8.8.4.4', '9.9.9.9']), { '8.8.4.4': { reason: 'no_data' }, '9.9.9.9': { reason: 'no_data' } })
  t.match(engine.health(), { status: 'ok' })
  t.match(engine.stats().providers['iplogs'], { failures: 0, breaker: 'closed', pausedSeconds: 0 })
  t.same(engine.warnings(), [], 'no warning')
})

t.test('iplogs() sends the token of a serve, and takes its categories, alone and in bulk', async t => {
  const database = join(t.testdir(), 'anonymous.mmdb')
  const tor = { is_anonymous: true, is_tor_exit_node: true, is_hosting_provider: true }
  writeFileSync(database, mmdbFile({ databaseType: 'GeoIP2-Anonymous-IP', networks: { '9.9.9.0/24': tor } }))
  const file = join(t.testdirName, 'token')
  writeFileSync(file, `${token}\n`)
  const serve = await startServe(t, ['--provider', `mmdb:${database}`, '--token-file', file])
  const own = createIpRisk({ provider: mmdb({ path: database, watch: false }) })
  t.teardown(async () => await own.close())
  const { categories } = await own.lookup('9.9.9.9')
  t.ok(categories.includes('tor'))
  const engine = client(t, { baseUrl: serve.url, secret: () => token })
  t.match(await engine.lookup('9.9.9.9'), { verdict: 'vpn_detected', categories, provider: 'iplogs' })
  t.match(await bulk(engine, ['9.9.9.8']), { '9.9.9.8': { verdict: 'vpn_detected', categories } })
  const wrong = client(t, { baseUrl: serve.url, secret: `${token}x` })
  t.match(await wrong.lookup('9.9.9.9'), { reason: 'rejected' })
  t.match(wrong.warnings(), [/HTTP 401/])
  t.notMatch(JSON.stringify(wrong.warnings()), token)
})

t.test('a lookup that failed behind a serve keeps its reason, alone and in bulk', async t => {
  const service = await fakeIplogs({ '1.1.1.2': { verdict: 'nonsense' }, '1.1.1.3': { verdict: 'nonsense' } })
  t.teardown(async () => await service.close())
  const serve = await startServe(t, ['--provider', 'iplogs', '--per-minute', '3'], { IP_RISK_IPLOGS_URL: service.url })
  const engine = client(t, { baseUrl: serve.url })
  t.match(await engine.lookup('1.1.1.2'), { reason: 'bad_response' })
  t.match(await bulk(engine, ['1.1.1.3', '9.9.9.9']), { '1.1.1.3': { reason: 'bad_response' }, '9.9.9.9': { verdict: 'clean' } })
  t.match(await engine.lookup('9.9.9.7'), { verdict: 'clean' })
  for (let last = 1; last <= 6; last++) t.match(await engine.lookup(`8.8.8.${last}`), { reason: 'quota_exhausted' })
  t.match(engine.stats().providers['iplogs'], { breaker: 'closed', pausedSeconds: 0 })
})

t.test('what it decides is in its metrics, and a reply says what decided', async t => {
  const service = await fakeIplogs({ '9.9.9.9': 'vpn_detected' })
  t.teardown(async () => await service.close())
  const policy = join(t.testdir(), 'policy.json')
  writeFileSync(policy, JSON.stringify({ write: { vpn_detected: 'block' }, rules: [{ name: 'kyc first', action: 'kyc', atLeast: 'step_up_auth' }] }))
  const serve = await startServe(t, ['--provider', 'iplogs', '--policy', policy], { IP_RISK_IPLOGS_URL: service.url })
  t.match((await serve.post('/v1/check', { ip: '9.9.9.9', action: 'signup' })).body, { decision: 'block', decided_by: 'policy', rule: undefined })
  t.match((await serve.post('/v1/check', { ip: '8.8.8.8', action: 'kyc' })).body, { decision: 'step_up_auth', decided_by: 'rule', rule: 'kyc first' })
  t.notOk('decided_by' in (await serve.post('/v1/check', { ip: '8.8.8.8' })).body)
  t.match((await serve.post('/v1/bulk-check', { ips: ['9.9.9.9', '10.0.0.1'], action: 'signup' })).body, {
    results: [{ decision: 'block', decided_by: 'policy' }], unknown: [{ decision: 'allow', decided_by: 'policy' }]
  })
  const rows = (await (await fetch(`${serve.url}/metrics`)).text()).split('\n').filter(line => line.startsWith('fastify_ip_risk_decisions_total{'))
  const counts = rows.map(row => [/decision="(\w+)"/.exec(row)![1], /action_name="(\w+)"|action="(\w+)"/.exec(row)!.slice(1).join(''), Number(row.split(' ').at(-1))])
  t.same(counts.toSorted(), [['allow', 'signup', 1], ['block', 'signup', 2], ['step_up_auth', 'kyc', 1]], rows.join('\n'))
})
