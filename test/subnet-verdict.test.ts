import t from 'tap'
import type { VerdictName } from '../types/contract.ts'
import { fallback } from '../lib/index.ts'
import { type TestEngine, testEngine } from './support/engine.ts'
import { redisPort, redisServer } from './support/redis-server.ts'
import { rims } from './support/rims.ts'
import { answer, type Row, tableProvider, type TableProvider } from './support/table-provider.ts'

/** Ten addresses of one /64, and the eleventh, which nobody is asked about any more. */
const addresses = Array.from({ length: 10 }, (_, i) => `2001:db8:0:7::${i + 1}`)
const eleventh = '2001:db8:0:7:ffff::b'

function subnetOf (...rows: Row[]): TableProvider {
  const rest = Array.from({ length: 10 - rows.length }, (): Row => 'no_data')
  return tableProvider(Object.fromEntries([...rows, ...rest].map((row, i) => [addresses[i], row])))
}

async function crowd ({ ask }: TestEngine): Promise<void> {
  for (const ip of addresses) await ask(ip)
}

t.test('the eleventh address of a /64 is judged by the other ten, and nobody can walk out of a detected network', async t => {
  const provider = subnetOf(...Array<VerdictName>(10).fill('vpn_detected'))
  const made = await testEngine(t, { provider })
  await crowd(made)
  for (const time of ['first', 'second']) {
    t.match(await made.ask(eleventh), { cache: 'subnet', provider: 'table', answer: { verdict: 'vpn_detected', isVpn: true, score: null } }, `${time} time`)
  }
  t.notOk(provider.calls.includes(eleventh))
  t.match(made.engine.stats().lookups, { provider: 10, subnet: 2 })
  t.match((await made.ask(eleventh)).answer.signals, [{ type: 'subnet', weight: 1, detail: 'of 10 known addresses in this /64, 10 are detected VPNs' }])
  t.match(await made.ask('2001:db8:0:8::1'), { answer: { verdict: 'unknown', reason: 'no_data' } }, 'the next /64 is another one')

  const rim = await rims['Fastify, injected']!({ provider }, { '/signup': 'signup' })
  t.teardown(() => rim.close())
  for (const ip of addresses) t.equal((await rim.ask('POST', '/signup', ip)).status, 403)
  t.equal((await rim.ask('POST', '/signup', eleventh)).status, 403)
})

t.test('the most severe verdict counts, and a block takes half of three or more', async t => {
  const rows: [Row[], string][] = [
    [['clean', 'suspicious', 'clean'], 'suspicious'], [['clean', 'vpn_likely'], 'vpn_likely'], [['clean'], 'clean'],
    [['vpn_detected'], 'vpn_likely'], [['vpn_detected', 'vpn_detected'], 'vpn_likely'], [['vpn_detected', 'clean', 'clean'], 'vpn_likely'],
    [['vpn_detected', 'clean', 'vpn_detected'], 'vpn_detected'], [['vpn_detected', 'clean', 'vpn_likely', 'vpn_detected'], 'vpn_detected']
  ]
  for (const [known, verdict] of rows) {
    const made = await testEngine(t, { provider: subnetOf(...known) })
    await crowd(made)
    t.match(await made.ask(eleventh), { cache: 'subnet', answer: { verdict } }, known.join())
  }
})

t.test('with nothing known of a /64 its bound says overloaded', async t => {
  const made = await testEngine(t, { provider: subnetOf() })
  await crowd(made)
  t.match(await made.ask(eleventh), { answer: { verdict: 'unknown', reason: 'overloaded' } })
})

t.test('a verdict that is past its time, invalidated or thrown out does not count', async t => {
  const provider = subnetOf('vpn_detected', 'vpn_detected', 'vpn_detected', 'suspicious')
  const made = await testEngine(t, { provider })
  await crowd(made)
  t.match(await made.ask(eleventh), { answer: { verdict: 'vpn_detected' } })
  for (const ip of addresses.slice(0, 3)) await made.engine.invalidate(ip)
  t.match(await made.ask(eleventh), { answer: { verdict: 'suspicious' } })
  made.wait(301)
  t.match(await made.ask(eleventh), { answer: { verdict: 'unknown', reason: 'overloaded' } }, 'stale')

  const small = await testEngine(t, { provider: subnetOf('vpn_detected', 'clean'), cache: { maxEntries: 1 } })
  await crowd(small)
  t.match(await small.ask(eleventh), { answer: { verdict: 'clean' } })
})

t.test('an address does not shed its own worse verdict among milder neighbours', async t => {
  const provider = subnetOf('vpn_detected', ...Array<VerdictName>(9).fill('clean'))
  const { ask, wait } = await testEngine(t, { provider })
  await ask(addresses[0]!)
  wait(301)
  for (const ip of addresses.slice(1)) await ask(ip)
  await ask('2001:db8:0:7::99')
  t.match(await ask(addresses[0]!), { cache: 'stale', answer: { verdict: 'vpn_detected' } })
})

t.test('a fallback does not wash an address of a crowded /64, but answers where nothing is known', async t => {
  const lenient = tableProvider(Object.fromEntries([...addresses, eleventh].map(ip => [ip, 'clean'])), { name: 'lenient', sync: false })
  const made = await testEngine(t, { provider: fallback(subnetOf('vpn_likely', 'vpn_likely', 'vpn_likely'), lenient) })
  await crowd(made)
  t.match(await made.ask(eleventh), { cache: 'subnet', provider: 'table', answer: { verdict: 'vpn_likely' } })
})

t.test('customers of a relay stay customers', async t => {
  const relay = answer('vpn_detected', { categories: ['relay'] })
  const rim = await rims['Fastify, injected']!({ provider: subnetOf(relay, relay, relay) }, { '/signup': 'signup' })
  t.teardown(() => rim.close())
  for (const ip of addresses) await rim.ask('POST', '/signup', ip)
  t.match(await rim.ask('POST', '/signup', eleventh), { status: 200, risk: { cache: 'subnet', verdict: 'vpn_detected', decision: 'elevate_risk' } })
})

t.test('what a subnet says is kept neither in memory nor in Redis, and holds nobody up', async t => {
  const server = await redisServer()
  const { client, close } = redisPort(server.port)
  t.teardown(async () => {
    close()
    await server.close()
  })
  const redis = `redis://127.0.0.1:${server.port}`
  const made = await testEngine(t, { provider: subnetOf('suspicious'), redis })
  await crowd(made)
  t.match(await made.ask(eleventh), { cache: 'subnet' })
  t.same(await client.keys(`*${eleventh}*`), [], 'no verdict, and no lease')
  t.match(await made.ask(eleventh, 'cache'), { answer: { reason: 'not_asked' } })
  const other = await testEngine(t, { provider: tableProvider({ [eleventh]: 'clean' }), redis })
  t.match(await other.ask(eleventh), { cache: 'miss', answer: { verdict: 'clean' } }, 'another process has room')
  t.match(await made.ask(eleventh), { cache: 'redis', answer: { verdict: 'clean' } })
})
