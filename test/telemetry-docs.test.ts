import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from './support/redis.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/telemetry.md'), 'utf8')

/** Prints the metrics once the span of a request was printed, and ends. */
const server = `
import Fastify from 'fastify'
import ipRisk from 'fastify-ip-risk'
import { ipRiskTelemetry } from 'fastify-ip-risk/otel'

setInterval(() => {}, 1000) // the exporter's own timer does not keep the process alive
const app = Fastify()
const lookup = async () => ({ verdict: 'clean', score: 0, isVpn: false, confidence: 1, signals: [], info: {}, categories: [] })
await app.register(ipRisk, { provider: { name: 'fixed', lookup } })
await app.register(ipRiskTelemetry)
app.post('/', { config: { ipRisk: 'signup' } }, async () => 'ok')
const printed = new Promise(resolve => {
  const { dir } = console
  console.dir = (span, ...rest) => {
    dir(span, ...rest)
    if (span.name === 'ip_risk.lookup') resolve()
  }
})
await app.inject({ method: 'POST', url: '/', remoteAddress: '203.0.113.9' })
await printed
const reply = await fetch('http://127.0.0.1:' + process.env.OTEL_EXPORTER_PROMETHEUS_PORT + '/metrics')
console.log(await reply.text())
await app.close()
process.exit()
`

t.test('otel.mjs of docs/telemetry.md exports metrics and spans of an application', async t => {
  const [, otel] = /```js\n(\/\/ otel\.mjs[^]*?)```/.exec(page) ?? []
  t.ok(otel)
  t.ok(otel!.trim().split('\n').length <= 10)
  const folder = t.testdir({ 'otel.mjs': otel!, 'server.mjs': server })
  const child = spawn(process.execPath, ['--import', './otel.mjs', 'server.mjs'], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()), OTEL_BSP_SCHEDULE_DELAY: '20' },
    timeout: 60_000
  })
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  t.equal(errors, '')
  t.equal(code, 0)
  t.match(out, /fastify_ip_risk_outcomes_total\{[^}]*fastify_ip_risk_action="signup"[^}]*\} 1/)
  t.match(out, "name: 'ip_risk.provider.call'")
  t.notMatch(out, '203.0.113.9')
})
