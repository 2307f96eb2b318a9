import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import fastifyMetrics from 'fastify-metrics'
import { Registry } from 'prom-client'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import ipRisk, { createIpRisk, type ProviderAnswer } from '../lib/index.ts'
import { createHistogram } from '../lib/telemetry/durations.ts'
import { durations, metrics } from '../lib/telemetry/metrics.ts'
import { prometheusDurationName, prometheusName } from '../lib/telemetry/metric.ts'
import { instrumentIpRisk } from '../lib/telemetry/otel.ts'
import { ipRiskMetrics, ipRiskPrometheus } from '../lib/telemetry/prometheus.ts'
import { freePort } from './support/redis.ts'
import { memoryLog } from './support/log.ts'
import { visitorProvider, visitors } from './support/table-provider.ts'
import { startPrometheus } from './support/prometheus.ts'

const root = join(import.meta.dirname, '..')
const dashboard = JSON.parse(readFileSync(join(root, 'dashboards/fastify-ip-risk.json'), 'utf8')) as Dashboard
const alerts = readFileSync(join(root, 'dashboards/alerts.yaml'), 'utf8')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number, readonly y: number, readonly w: number, readonly h: number }
  readonly targets?: readonly { readonly expr: string, readonly legendFormat: string }[]
}
interface Dashboard {
  readonly id: null
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { name: string }[] }
}

const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const data = { dataBuiltAtMs: Date.now() - 3 * 86_400_000, dataOldAfterSeconds: 172_800 }
const limited = { ...visitorProvider(), ...data, limits: { perMinute: 100, perDay: 1000 }, costPerCall: 0.01 }
const slow = {
  ...limited,
  async lookup (ip: string, context: never) { return await limited.lookup(ip, context) },
  async * bulk (ips: readonly string[], context: never): AsyncGenerator<[string, ProviderAnswer]> {
    for (const ip of ips) yield [ip, await limited.lookup(ip, context)]
  }
}

/** The names that the code can export, in both spellings. */
const names = new Set([
  ...metrics.flatMap(metric => [prometheusName(metric), prometheusName(metric).replace(/_seconds$/, '')]),
  ...Object.values(durations).flatMap(metric => ['_bucket', '_sum', '_count'].flatMap(end =>
    [prometheusDurationName(metric) + end, prometheusDurationName(metric).replace(/_seconds$/, '') + end]))
])

function namesIn (expr: string): string[] {
  return [...expr.matchAll(/(?<![\w"])fastify_ip_risk_\w+(?=[{[])/g)].map(([name]) => name)
}

function patternsIn (expr: string): RegExp[] {
  return [...expr.matchAll(/__name__=~"([^"]+)"/g)].map(([, pattern]) => new RegExp(`^(?:${pattern})$`))
}

t.test('every expression of the dashboard and of the alerts names a metric that the code exports', async t => {
  for (const expr of [...expressions, ...alerts.split('- alert:').slice(1)]) {
    const [found, patterns] = [namesIn(expr), patternsIn(expr)]
    t.ok(found.length + patterns.length > 0, expr)
    for (const name of found) t.ok(names.has(name), name)
    for (const pattern of patterns) t.equal([...names].filter(name => pattern.test(name)).length, 2, String(pattern))
  }
})

t.test('the dashboard imports and provisions: no fixed data source, unique panels, no overlap, every metric shown', async t => {
  t.equal(dashboard.id, null)
  t.notOk('__inputs' in dashboard)
  t.notOk('version' in dashboard)
  const variables = new Set(dashboard.templating.list.map(({ name }) => name))
  for (const [, name] of JSON.stringify(dashboard).matchAll(/\$\{?(?!__)(\w+)\}?/g)) t.ok(variables.has(name!), String(name))
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  const taken = new Set<string>()
  for (const { gridPos: { x, y, w, h }, title } of dashboard.panels) {
    t.ok(x + w <= 24, title)
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        if (taken.has(`${i} ${j}`)) t.fail(`${title} overlaps another panel`)
        taken.add(`${i} ${j}`)
      }
    }
  }
  const shown = expressions.join()
  for (const { name } of [...metrics, ...Object.values(durations)]) {
    t.match(shown, `fastify_ip_risk_${name.replaceAll('.', '_')}`, name)
  }
})

async function application (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: slow, clientIp: { cloudflare: true } })
  app.post('/signup', { config: { ipRisk: 'signup' } }, async () => ({}))
  app.post('/trial', { config: { ipRisk: { action: 'signup', mode: 'monitor' } } }, async () => ({}))
  const visit = async (): Promise<void> => {
    for (const remoteAddress of [visitors.vpn_detected, visitors.clean, visitors.vpn_likely, '198.51.100.200']) {
      const headers = { 'x-forwarded-for': '192.0.2.77' }
      for (const url of ['/signup', '/trial']) await app.inject({ method: 'POST', url, remoteAddress, headers })
    }
  }
  return { app, visit }
}

function promtool (t: Test, args: string[], input: string): void {
  const { status, stderr, stdout, error } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  if (error !== undefined) return t.comment('skipped: promtool is not installed (Debian\'s package prometheus)')
  t.equal(status, 0, `${stdout}${stderr}`)
}

t.test('promtool accepts the alerts, and the text of the metrics', async t => {
  promtool(t, ['check', 'rules', join(root, 'dashboards/alerts.yaml')], '')
  const { app, visit } = await application(t)
  const own = ipRiskMetrics(app.ipRisk)
  await visit()
  const text = await own.text()
  promtool(t, ['check', 'metrics'], text)
  t.match(text, 'fastify_ip_risk_outcomes_total{fastify_ip_risk_outcome="blocked",fastify_ip_risk_action="signup"} 1\n')
  t.match(text, 'fastify_ip_risk_withheld_rejections_total{fastify_ip_risk_decision="block",fastify_ip_risk_action="signup"} 1\n')
  t.match(text, /fastify_ip_risk_lookup_duration_seconds_count\{fastify_ip_risk_cache="miss"\} 3\n/)
  t.match(text, /fastify_ip_risk_client_ip_rejected_total\{fastify_ip_risk_cause="forged_header"\} 8\n/)
  t.notMatch(text, /192\.0\.2\.77|203\.0\.113/)
  own.close()
  await app.ipRisk.lookup('198.51.100.77')
  t.match(await own.text(), /lookup_duration_seconds_count\{fastify_ip_risk_cache="miss"\} 3\n/, 'closed metrics record nothing')
})

t.test('a registry of prom-client collects them, and loses them when the application closes', async t => {
  const { app, visit } = await application(t)
  const registry = new Registry()
  await app.register(ipRiskPrometheus, { registry })
  await visit()
  const text = await registry.metrics()
  promtool(t, ['check', 'metrics'], text)
  t.match(text, /fastify_ip_risk_decisions_total\{[^}]*fastify_ip_risk_verdict="vpn_detected"[^}]*\} 1\n/)
  t.match(text, /fastify_ip_risk_provider_call_duration_seconds_bucket\{[^}]*le="\+Inf"[^}]*\} 3\n/)
  t.ok((await registry.getMetricsAsJSON()).length > 10)
  registry.resetMetrics()
  t.match(await registry.metrics(), /fastify_ip_risk_outcomes_total\{[^}]*"blocked"[^}]*\} 1\n/, 'the counters are the plugin\'s')
  await app.close()
  t.equal((await registry.metrics()).trim(), '')
})

t.test('fastify-metrics shows them at /metrics', async t => {
  const { app, visit } = await application(t)
  await app.register(fastifyMetrics as never, { endpoint: '/metrics', defaultMetrics: { enabled: false } })
  const { client } = (app as unknown as { metrics: { client: { register: Registry } } }).metrics
  await app.register(ipRiskPrometheus, { registry: client.register })
  await visit()
  const { body } = await app.inject('/metrics')
  t.match(body, /fastify_ip_risk_outcomes_total\{/)
  t.match(body, /http_request_duration_seconds/)
})

t.test('a registry that is none fails at boot', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: slow })
  await t.rejects(async () => await app.register(ipRiskPrometheus, {} as never), { code: 'FST_IP_RISK_BAD_OPTION' })
})

t.test('Prometheus scrapes a running application, and every panel and alert can be evaluated against it', async t => {
  const { app, visit } = await application(t)
  const own = ipRiskMetrics(app.ipRisk)
  const found: string[] = []
  app.get('/metrics', { config: { ipRisk: false } }, async (_, reply) => {
    await visit()
    for await (const [ip] of app.ipRisk.bulk([`198.51.100.${found.length}`])) found.push(ip)
    return reply.type('text/plain; version=0.0.4').send(await own.text())
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const prometheus = await startPrometheus(t, new URL(url).host, await freePort())
  if (prometheus === undefined) return t.comment('skipped: prometheus is not installed (Debian\'s package prometheus)')
  await prometheus.scraped('fastify_ip_risk_outcomes_total', 3)
  t.strictSame(found.slice(0, 3), ['198.51.100.0', '198.51.100.1', '198.51.100.2'])
  const filled = (expr: string): string => expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*')
  const mayBeEmpty = /redis_operation|composite|error_type!=/
  for (const expr of expressions) {
    const { status, data } = await prometheus.query(filled(expr))
    t.equal(status, 'success', expr)
    if (!mayBeEmpty.test(expr)) t.ok(data.result.length > 0, expr)
  }
  const rules = await prometheus.rules()
  t.ok(rules.length > 5)
  for (const { name, health, lastError } of rules) t.not(health, 'err', `${name} ${lastError}`)
})

t.test('the exporter of OpenTelemetry gives the same names and labels, but for _seconds', async t => {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  t.teardown(() => provider.shutdown())
  const engine = createIpRisk({ provider: slow, log: memoryLog() })
  t.teardown(() => engine.close())
  const own = ipRiskMetrics(engine)
  instrumentIpRisk(engine, { meterProvider: provider, spans: false })
  await engine.assess({ socket: { remoteAddress: visitors.vpn_detected }, headers: {}, method: 'POST' }, 'signup')
  const { resourceMetrics } = await exporter.collect()
  const theirs = new PrometheusSerializer(undefined, false, undefined, true, true).serialize(resourceMetrics)
  const sorted = (labels: string): string => labels.split(',').sort().join()
  const series = (text: string): string[] => [...new Set(text.split('\n').filter(line => line.startsWith('fastify'))
    .map(line => line.replace(/ \S+$/, '').replace(/_seconds/, '')
      .replace(/\{(.*)\}/, (_, labels: string) => `{${sorted(labels)}}`)))].sort()
  t.strictSame(series(theirs), series(await own.text()))
})

t.test('a histogram counts each value in every bucket above it, and bounds its series', async t => {
  const histogram = createHistogram([1, 2])
  for (const value of [0.5, 1, 1.5, 9]) histogram.record(value, { a: 'b' })
  t.strictSame(histogram.values('x').map(({ metricName, labels, value }) => [metricName, labels['le'], value]), [
    ['x_bucket', '1', 2], ['x_bucket', '2', 3], ['x_bucket', '+Inf', 4], ['x_sum', undefined, 12], ['x_count', undefined, 4]
  ])
  for (let i = 0; i < 600; i++) histogram.record(1, { a: `c${i}` })
  t.equal(histogram.values('x').length, 5 * 500)
})
