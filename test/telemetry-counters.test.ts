import t from 'tap'
import { createIpRisk, type Provider, type UnknownReason } from '../lib/index.ts'
import { ipRiskMetrics } from '../lib/telemetry/prometheus.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { answer, tableProvider, visitors } from './support/table-provider.ts'

/** Values of `provider_calls_total` by `error_type`; of the series without one, under `none`. */
function calls (text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^fastify_ip_risk_provider_calls_total\{(.*)\} (\d+)$/gm)].map(([, labels, value]) =>
    [/error_type="(\w+)"/.exec(labels!)?.[1] ?? 'none', Number(value)]))
}

t.test('a call in flight is no success yet, so that no counter ever goes back, which Prometheus takes for a restart', async t => {
  let end: (reason: UnknownReason | null) => void = () => {}
  const provider: Provider = {
    name: 'slow',
    async lookup () {
      const reason = await new Promise<UnknownReason | null>(resolve => { end = resolve })
      return reason === null ? answer('clean') : { verdict: 'unknown', reason }
    }
  }
  const engine = createIpRisk({ provider, log: memoryLog() })
  const metrics = ipRiskMetrics(engine)
  t.teardown(async () => { metrics.close(); await engine.close() })
  const seen: Record<string, number>[] = []
  for (const [i, reason] of ([null, 'bad_response', null] as const).entries()) {
    const lookup = engine.lookup(`203.0.113.${i + 1}`)
    await until(() => engine.stats().providers['slow']!.active === 1)
    seen.push(calls(await metrics.text()))
    end(reason)
    await lookup
  }
  seen.push(calls(await metrics.text()))
  t.strictSame(seen, [{ none: 0 }, { none: 1 }, { none: 1, bad_response: 1 }, { none: 2, bad_response: 1 }])
})

t.test('a failing key is a failure without a call, and takes back no success', async t => {
  let fails = false
  const provider: Provider = {
    ...tableProvider({ [visitors.clean]: 'clean' }),
    name: 'keyed',
    prepare: async () => fails ? { verdict: 'unknown', reason: 'unavailable' } : 'key'
  }
  const engine = createIpRisk({ provider, log: memoryLog() })
  const metrics = ipRiskMetrics(engine)
  t.teardown(async () => { metrics.close(); await engine.close() })
  await engine.lookup(visitors.clean)
  fails = true
  await engine.lookup('198.51.100.1')
  t.strictSame(calls(await metrics.text()), { none: 1, unavailable: 1 })
})

t.test('requests that a lookup repeats, and those of a bulk, are counted with the call', async t => {
  const provider: Provider = {
    name: 'repeating',
    async lookup (_, { spend }) {
      await spend()
      return answer('clean')
    },
    async * bulk (ips, { spend }) {
      await spend()
      for (const ip of ips) yield [ip, answer('clean')]
    }
  }
  const engine = createIpRisk({ provider, log: memoryLog() })
  t.teardown(() => engine.close())
  await engine.lookup(visitors.clean)
  for await (const [ip] of engine.bulk(['198.51.100.1', '198.51.100.2'])) t.ok(ip)
  t.match(engine.stats().providers['repeating'], { calls: 3, succeeded: 3, failures: 0 })
})

t.test('a failure of an embedded provider has its reason', async t => {
  const provider: Provider = { name: 'embedded', sync: true, lookup () { throw new Error('broken') } }
  const engine = createIpRisk({ provider, log: memoryLog() })
  t.teardown(() => engine.close())
  await engine.lookup(visitors.clean)
  t.match(engine.stats().providers['embedded'], { calls: 1, succeeded: 0, failures: 1, errors: { unavailable: 1 } })
})
