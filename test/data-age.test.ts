import t, { type Test } from 'tap'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import ipRisk, { type FastifyIpRiskOptions, type Provider } from '../lib/index.ts'
import { liveDatabase } from '../lib/lists/database/live-database.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import { fallback } from '../lib/providers/composite/index.ts'
import { lists } from '../lib/providers/lists/index.ts'
import { mmdb } from '../lib/providers/mmdb/index.ts'
import { ipRiskMetrics } from '../lib/telemetry/prometheus.ts'
import { ageText, replaceFile } from '../lib/util/index.ts'
import { memoryLog, pinoLog } from './support/log.ts'
import { mmdbFile } from './support/mmdb-writer.ts'
import { tableProvider } from './support/table-provider.ts'

const HOUR = 3_600
const nowSeconds = Math.floor(Date.now() / 1000)

/** Compiled now, of lists that are as old as is said. */
function snapshot (ages: { readonly [id: string]: number }): Uint8Array {
  const given = Object.entries(ages).map(([id, hours]) => ({
    id, kind: 'vpn-server' as const, ranges: rangesOf(['203.0.113.4']), asns: [], halfLifeDays: 365, dateSeconds: nowSeconds - hours * HOUR
  }))
  return compileSnapshot(given, { nowSeconds })
}

function provider (t: Test, ages: { readonly [id: string]: number }): { path: string, provider: Provider } {
  const path = join(t.testdir(), 'lists.snapshot')
  replaceFile(path, snapshot(ages))
  return { path, provider: lists({ snapshot: path, watchIntervalMs: 20 }) }
}

async function start (t: Test, options: FastifyIpRiskOptions): Promise<{ app: FastifyInstance, line: any }> {
  const { lines, logger } = pinoLog('info')
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, options)
  await app.ready()
  return { app, line: lines.find(({ ipRiskStart }) => ipRiskStart !== undefined) }
}

t.test('the line at boot says that data are loading while the first start compiles them', async t => {
  const folder = t.testdir()
  const embedded = lists({ cacheFolder: folder })
  const { app, line } = await start(t, { provider: embedded })
  t.strictSame(line.ipRiskStart.dataLoading, ['lists'])
  t.match(line.msg, ', data of lists loading')
  t.strictSame(app.ipRisk.stats().providers['lists']!.dataIsLoading, true)
  t.equal(app.ipRisk.stats().providers['lists']!.dataAgeSeconds, undefined)
  t.match(app.ipRisk.health(), { status: 'degraded', reasons: [{ code: 'data_loading', provider: 'lists', message: /"unknown" until then/ }] })
  await app.close()
  const [, ready] = [replaceFile(join(folder, 'lists.snapshot'), snapshot({ 'vpn-mullvad': 1 })), lists({ cacheFolder: folder })]
  const later = await start(t, { provider: ready })
  t.notOk('dataLoading' in later.line.ipRiskStart)
  t.notMatch(later.line.msg, 'loading')
})

t.test('a provider without data is named, also behind a fallback, and its first pull counts as loading', async t => {
  const empty = (more: object) => lists({ cacheFolder: t.testdir(), asn: false, ...more })
  const { app, line } = await start(t, { provider: fallback(tableProvider({}), empty({})) })
  t.match(app.ipRisk.health(), { status: 'degraded', reasons: [{ code: 'data_missing', provider: 'lists', message: /ip-risk lists pull/ }] })
  t.equal(app.ipRisk.health().reasons.length, 1, 'the service has no data of its own to lack')
  t.strictSame(app.ipRisk.stats().providers['lists']!.dataIsMissing, true)
  t.strictSame(line.ipRiskStart.dataMissing, ['lists'])
  t.match(line.msg, ', no data of lists (addresses are "unknown")')
  const metrics = ipRiskMetrics(app.ipRisk)
  t.teardown(() => metrics.close())
  t.match(await metrics.text(), /^fastify_ip_risk_provider_data_status\{fastify_ip_risk_provider_name="lists",fastify_ip_risk_state="missing"\} 1$/m)
  const pulling = await start(t, { provider: empty({ refreshHours: 24, mirror: 'http://127.0.0.1:1' }) })
  t.match(pulling.app.ipRisk.health().reasons, [{ code: 'data_loading' }])
  const sources = await start(t, { provider: empty({ sources: [{ id: 'own', kind: 'abuse', entries: ['203.0.113.4'] }] }) })
  t.same(sources.app.ipRisk.health().reasons, [], 'lists of the operator are data')
})

t.test('a provider of one\'s own says that it loads, and what it lacks', async t => {
  const own = tableProvider({}, { sync: true }) as { -readonly [K in keyof Provider]: Provider[K] }
  const { app } = await start(t, { provider: own })
  t.same(app.ipRisk.health().reasons, [], 'it loads at its first lookup')
  own.dataIsLoading = true
  t.match(app.ipRisk.health().reasons, [{ code: 'data_loading', provider: 'table' }])
  Object.assign(own, { dataIsLoading: false, dataIsMissing: true })
  t.match(app.ipRisk.health().reasons, [{ code: 'data_missing', provider: 'table' }])
  Object.assign(own, { dataIsMissing: false, dataBuiltAtMs: Date.now() })
  t.same(app.ipRisk.health(), { status: 'ok', reasons: [] })
})

t.test('pulled lists past 48 hours are in stats, health, metrics and the line at boot', async t => {
  const { provider: old, path } = provider(t, { 'vpn-mullvad': 50, 'tor-exits': 200 })
  const { app, line } = await start(t, { provider: old })
  const { dataAgeSeconds, dataOldAfterSeconds } = app.ipRisk.stats().providers['lists']!
  t.ok(dataAgeSeconds! >= 50 * HOUR && dataAgeSeconds! < 51 * HOUR, 'as old as the newest list, and not as the compilation')
  t.equal(dataOldAfterSeconds, 48 * HOUR)
  t.match(app.ipRisk.health(), { status: 'degraded', reasons: [{ code: 'data_old', provider: 'lists', message: /2 days old.*ip-risk lists pull/ }] })
  t.match(line.msg, ', data of lists 2 days old')
  t.ok(line.ipRiskStart.dataAgeSeconds.lists >= 50 * HOUR)
  const metrics = ipRiskMetrics(app.ipRisk)
  t.teardown(() => metrics.close())
  const text = await metrics.text()
  t.match(text, /^fastify_ip_risk_provider_data_age_seconds\{fastify_ip_risk_provider_name="lists"\} 18\d{4}$/m)
  t.match(text, /^fastify_ip_risk_provider_data_age_limit_seconds\{fastify_ip_risk_provider_name="lists"\} 172800$/m)

  replaceFile(path, snapshot({ 'vpn-mullvad': 1 }))
  while (app.ipRisk.stats().providers['lists']!.dataAgeSeconds! > 2 * HOUR) await wait(10)
  t.same(app.ipRisk.health(), { status: 'ok', reasons: [] }, 'renewed while the process runs')
})

t.test('pulled lists past 48 hours are logged once, and again after they were renewed and grew old', async t => {
  const log = memoryLog()
  let nowMs = nowSeconds * 1000
  const database = liveDatabase(snapshot({ 'vpn-mullvad': 47 }), () => nowMs)
  const old = () => log.lines.filter(({ fields }) => 'code' in fields && fields.code === 'IP_RISK_LISTS_OLD')
  database.start(log)
  t.same(old(), [])
  nowMs += 2 * HOUR * 1000
  for (const ages of [{ 'vpn-mullvad': 47 }, { 'vpn-mullvad': 48 }]) database.swap(snapshot(ages))
  t.match(old(), [{ level: 'warn', fields: { oldAfterSeconds: 48 * HOUR }, message: /are 2 days old.*ip-risk lists pull.*lists\.refreshHours/ }])
  t.equal(old().length, 1)
  for (const ages of [{ 'vpn-mullvad': 1 }, { 'vpn-mullvad': 100 }]) database.swap(snapshot(ages))
  t.equal(old().length, 2)
  await database.close()
})

t.test('lists of yesterday are healthy, and lists of the operator are never old', async t => {
  const { app } = await start(t, { provider: provider(t, { 'vpn-mullvad': 47, 'vpn-nordvpn': 900 }).provider })
  t.equal(app.ipRisk.health().status, 'ok')
  const own = (await start(t, { provider: provider(t, { 'our-own': 900 }).provider })).app
  t.notOk('dataOldAfterSeconds' in own.ipRisk.stats().providers['lists']!)
  t.equal(own.ipRisk.health().status, 'ok')
})

t.test('each member of a composite has its own age; a service has none', async t => {
  const pulled = provider(t, { 'vpn-mullvad': 72 })
  const path = join(dirname(pulled.path), 'anonymous.mmdb')
  writeFileSync(path, mmdbFile({
    databaseType: 'GeoIP2-Anonymous-IP', networks: { '203.0.113.0/24': { is_anonymous: true } }, builtSeconds: nowSeconds - 240 * HOUR
  }))
  const { app, line } = await start(t, {
    provider: fallback(pulled.provider, mmdb({ path }), tableProvider({}))
  })
  const { providers } = app.ipRisk.stats()
  t.equal(Math.floor(providers['lists']!.dataAgeSeconds! / HOUR), 72)
  t.equal(Math.floor(providers['mmdb:anonymous-ip']!.dataAgeSeconds! / HOUR), 240)
  t.notOk('dataAgeSeconds' in providers['table']!)
  t.strictSame(app.ipRisk.health().reasons.map(({ code, provider }) => `${code} ${provider}`), ['data_old lists'])
  t.match(line.msg, ', data of lists 3 days old, data of mmdb:anonymous-ip 10 days old')
})

t.test('a provider of one\'s own says when it is old, and a wrong time is an error at boot', async t => {
  const own = tableProvider({}, { dataBuiltAtMs: Date.now() - 7 * HOUR * 1000, dataOldAfterSeconds: 6 * HOUR })
  const { app } = await start(t, { provider: own })
  t.match(app.ipRisk.health().reasons, [{ code: 'data_old', provider: 'table', message: /7 hours/ }])
  const later = await start(t, { provider: tableProvider({}, { dataBuiltAtMs: Date.now() + HOUR * 1000 }) })
  t.equal(later.app.ipRisk.stats().providers['table']!.dataAgeSeconds, 0, 'a clock that runs ahead')
  for (const wrong of [{ dataIsMissing: 'yes' }, { dataBuiltAtMs: 'now' }, { dataBuiltAtMs: NaN }, { dataOldAfterSeconds: 0 }] as unknown as Partial<Provider>[]) {
    const [name] = Object.keys(wrong)
    await t.rejects(start(t, { provider: tableProvider({}, wrong) }), { code: 'FST_IP_RISK_BAD_OPTION', message: `provider.${name!}` })
  }
})

t.test('an age is text in the largest unit that shows its size', async t => {
  t.same([0, 60, 119, 7_199, 7_200, 172_799, 172_800].map(ageText),
    ['0 minutes', '1 minute', '1 minute', '119 minutes', '2 hours', '47 hours', '2 days'])
})
