import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import ipRisk, {
  createIpRisk, type FastifyIpRiskOptions, type IpRiskApi, type Provider, type RequestCount
} from '../lib/index.ts'
import { internalsOf } from '../lib/core/index.ts'
import { keepHistory } from '../lib/telemetry/dashboard-history.ts'
import { instrumentIpRisk } from '../lib/telemetry/otel.ts'
import { createObservers, type ObservedResult } from '../lib/util/index.ts'
import { operationOf, PROBE, READ } from '../lib/redis/scripts.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'
import { memoryLog } from './support/log.ts'

interface Application {
  readonly api: IpRiskApi
  ask (action: string, ip: string): Promise<number>
}

async function application (t: Test, options: FastifyIpRiskOptions): Promise<Application> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: visitorProvider(), ...options })
  app.get('/unmarked', async () => ({}))
  app.post('/unmarked', async () => ({}))
  app.post('/none', { config: { ipRisk: true } }, async () => ({}))
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({}))
  app.post('/trial', { config: { ipRisk: { action: 'signup', mode: 'monitor' } } }, async () => ({}))
  const ask = async (action: string, remoteAddress: string): Promise<number> =>
    (await app.inject({ method: 'POST', url: `/${action}`, remoteAddress })).statusCode
  return { api: app.ipRisk, ask }
}

const pick = ({ action, decision, outcome, wouldBe, mode, count }: RequestCount): unknown[] =>
  [action, decision, outcome, wouldBe, mode, count]

t.test('stats().requests tells requests apart by action, decision, outcome and mode, and sums up to the other counts', async t => {
  const { api, ask } = await application(t, {})
  t.equal(await ask('signup', visitors.vpn_detected), 403)
  t.equal(await ask('signup', visitors.vpn_detected), 403)
  t.equal(await ask('trial', visitors.vpn_detected), 200)
  t.equal(await ask('none', visitors.clean), 200)
  t.equal(await ask('unmarked', visitors.vpn_detected), 200)
  const { requests, decisions, outcomes } = api.stats()
  t.strictSame(requests.map(pick), [
    ['signup', 'block', 'blocked', 'block', 'enforce', 2],
    ['signup', 'block', 'not_enforced', 'block', 'monitor', 1],
    ['none', 'allow', 'allowed', 'allow', 'enforce', 1],
    ['unmarked', 'block', 'not_enforced', 'allow', 'enforce', 1]
  ])
  for (const row of requests) t.equal(row.write, true)
  const sum = (of: (row: RequestCount) => boolean): number => requests.filter(of).reduce((sum, { count }) => sum + count, 0)
  for (const [decision, count] of Object.entries(decisions)) t.equal(sum(row => row.decision === decision), count, decision)
  for (const [outcome, count] of Object.entries(outcomes)) t.equal(sum(row => row.outcome === outcome), count, outcome)
  t.match(api.report().total, { requests: 5, blocked: 2, wouldBlock: 1 })
  t.match(api.report().actions, [{ key: 'signup', blocked: 2, wouldBlock: 1 }, { key: 'none' }, { key: 'unmarked', wouldBlock: 0 }])
})

t.test('a step-up that is not configured would be a flag', async t => {
  const { api, ask } = await application(t, { mode: 'monitor' })
  await ask('none', visitors.vpn_likely)
  t.match(api.stats().requests.map(pick), [['none', 'step_up_auth', 'not_enforced', 'elevate_risk', 'monitor', 1]])
  const configured = await application(t, { mode: 'monitor', stepUp: { isSatisfied: () => true } })
  await configured.ask('none', visitors.vpn_likely)
  t.match(configured.api.stats().requests.map(pick), [['none', 'step_up_auth', 'not_enforced', 'step_up_auth', 'monitor', 1]])
})

t.test('after 32 action names further ones count as other', async t => {
  const names = Array.from({ length: 40 }, (_, i) => `action${i}`)
  const engine = createIpRisk({ provider: visitorProvider(), actions: { write: names as never[] }, log: memoryLog() })
  t.teardown(() => engine.close())
  for (const name of names) {
    await engine.assess({ socket: { remoteAddress: visitors.clean }, headers: {}, method: 'POST' }, name as never)
  }
  const { requests } = engine.stats()
  t.equal(requests.length, 33)
  t.match(requests.at(-1), { action: 'other', count: 8 })
})

t.test('stats counts headers that were not believed and requests without an address, each request once', async t => {
  const engine = createIpRisk({ provider: visitorProvider(), clientIp: { trusted: ['10.0.0.1'] }, log: memoryLog() })
  t.teardown(() => engine.close())
  const check = async (remoteAddress: string | undefined, headers: Record<string, string>): Promise<void> => {
    await engine.assess({ socket: { remoteAddress }, headers, method: 'POST' })
  }
  await check('192.0.2.1', { 'x-forwarded-for': '192.0.2.9', forwarded: 'for=192.0.2.9' })
  await check('10.0.0.1', { 'x-forwarded-for': 'unknown' })
  await check(undefined, {})
  await check('10.0.0.1', { 'x-forwarded-for': '192.0.2.9' })
  t.strictSame(engine.stats().clientIp, { rejected: { forged_header: 1, bad_entry: 1, no_address: 1 } })
})

t.test('stats has the age of the list of Cloudflare\'s ranges, where one is used', async t => {
  const bundled = createIpRisk({ clientIp: { cloudflare: true }, provider: visitorProvider(), log: memoryLog() })
  t.teardown(() => bundled.close())
  t.ok(bundled.stats().clientIp.cloudflareRangesAgeSeconds! > 86_400)
  t.equal(bundled.setCloudflareRanges('nonsense').accepted, false)
  t.ok(bundled.stats().clientIp.cloudflareRangesAgeSeconds! > 86_400)
})

function failing (): Provider & { answers: number } {
  return { name: 'failing', answers: 0, async lookup () { this.answers++; return { verdict: 'unknown', reason: 'bad_response' } } }
}

t.test('health is degraded by a provider that keeps failing, and names it', async t => {
  const provider = failing()
  const engine = createIpRisk({ provider, log: memoryLog(), cache: { unknownTtlSeconds: 0 } })
  t.teardown(() => engine.close())
  t.strictSame(engine.health(), { status: 'ok', reasons: [] })
  for (let i = 1; i < 6; i++) await engine.lookup(`198.51.100.${i}`)
  t.match(engine.stats().providers['failing'], { calls: 5, failures: 5, errors: { bad_response: 5 }, active: 0, pausedSeconds: 0 })
  t.match(engine.health(), { status: 'degraded', reasons: [{ code: 'provider_circuit_open', provider: 'failing' }] })
})

t.test('health names a pause and a quota that is spent', async t => {
  const refusing: Provider = {
    name: 'refusing',
    limits: { perDay: 1 },
    reserveForWrites: 0,
    lookup: async () => ({ verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 30 })
  }
  const engine = createIpRisk({ provider: refusing, log: memoryLog() })
  t.teardown(() => engine.close())
  await engine.lookup('198.51.100.1')
  const { status, reasons } = engine.health()
  t.equal(status, 'degraded')
  t.strictSame(reasons.map(({ code }) => code), ['provider_paused', 'quota_exhausted'])
})

t.test('stats counts the verdicts in memory', async t => {
  const engine = createIpRisk({ provider: visitorProvider(), log: memoryLog(), cache: { maxEntries: 7 } })
  t.teardown(() => engine.close())
  await engine.lookup(visitors.clean)
  t.strictSame(engine.stats().cache, { entries: 1, maxEntries: 7 })
})

t.test('observers run around each other, and are gone when they are removed', async t => {
  const observers = createObservers<string>()
  t.equal(observers.lookup, undefined)
  const seen: string[] = []
  const result = { answer: { verdict: 'unknown', reason: 'timeout' }, provider: 'x', cache: 'miss' } satisfies ObservedResult
  const named = (name: string) => observers.add({
    async lookup (_, run) {
      seen.push(`${name} begins`)
      try { return await run() } finally { seen.push(`${name} ends`) }
    },
    redis: operation => seen.push(`${name} ${operation}`),
    decision: decided => seen.push(`${name} ${decided}`)
  })
  const [removeA, removeB] = [named('a'), named('b')]
  t.equal(await observers.lookup!({ mode: 'wait', write: true }, async () => result), result)
  observers.redis!('get', 1)
  observers.decision!('x')
  t.strictSame(seen, ['a begins', 'b begins', 'b ends', 'a ends', 'a get', 'b get', 'a x', 'b x'])
  removeA()
  observers.redis!('lease', 1)
  t.equal(seen.at(-1), 'b lease')
  removeB()
  for (const key of ['lookup', 'providerCall', 'redis', 'decision'] as const) t.equal(observers[key], undefined, key)
})

t.test('the clock of a decision is read only while an observer needs it, such as the page', async t => {
  const silent = (): void => {} // as Fastify's log with `logger: false`
  const log = { debug: silent, info: silent, warn: silent, error: silent }
  const engine = createIpRisk({ provider: visitorProvider(), log })
  t.teardown(() => engine.close())
  const internals = internalsOf(engine)!
  const timed = (): boolean => internals.engine.observers.timesDecisions
  t.equal(timed(), false)
  const stop = instrumentIpRisk(engine)
  t.equal(timed(), false, 'spans have no use for it')
  const history = keepHistory(internals)
  t.equal(timed(), true)
  await engine.assess({ socket: { remoteAddress: visitors.clean }, headers: {}, method: 'POST' }, 'signup')
  t.notOk(history.decisions().some(({ durationMs }) => Number.isInteger(durationMs)), 'finer than a millisecond')
  history.close()
  t.equal(timed(), false)
  stop()
})

t.test('each script of Redis is one word for metrics, and those of quotas are one', async t => {
  t.strictSame([READ, PROBE, 'return 2'].map(operationOf), ['get', 'probe', 'quota'])
})

t.test('only the entry file for OpenTelemetry imports its API, and the main entry loads no telemetry', async t => {
  const lib = join(import.meta.dirname, '../lib')
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const foreign = /from '(?:@opentelemetry|prom-client|playwright-core|axe-core)/
  const importing = files.filter(name => foreign.test(readFileSync(join(lib, name), 'utf8')))
  t.ok(importing.length > 0)
  t.strictSame(importing.filter(name => !name.startsWith('telemetry/otel')), [])
  const loads = 'import "./lib/index.ts"; process.exit(globalThis[Symbol.for("opentelemetry.js.api.1")] === undefined ? 0 : 1)'
  const { status } = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', loads], { cwd: join(lib, '..') })
  t.equal(status, 0)
  const other = files.filter(name => !/^(?:telemetry|cli)\//.test(name))
  t.strictSame(other.filter(name => /from '[./]+telemetry\//.test(readFileSync(join(lib, name), 'utf8'))), [])
})
