// With `keySecret` an invalidation names an address by its HMAC: other processes look for it among those that they know.
import t from 'tap'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { emptied, startRedis, turns } from './support/redis.ts'
import { settlingProvider } from './support/settling.ts'
import { answer } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

for (const keySecret of [undefined, 'sixteen characters at least']) {
  const how = keySecret === undefined ? 'without a secret' : 'with one'
  const secret = keySecret === undefined ? {} : { keySecret }

  t.test(`an invalidation ends a failure that another process remembers, ${how}`, async t => {
    let fails = true
    const provider: Provider = {
      name: 'failing', lookup: async () => fails ? { verdict: 'unknown', reason: 'unavailable' } : answer('vpn_detected')
    }
    const options = { provider, redis: redis.url, cache: { unknownTtlSeconds: 3600, ...secret } }
    const [one, other] = await Promise.all([0, 1].map(async () => await testEngine(t, options)))
    t.match(await one!.ask(ip), { answer: { reason: 'unavailable' } })
    fails = false
    await other!.engine.invalidate(ip)
    await until(async () => (await one!.ask(ip)).answer.verdict === 'vpn_detected')
  })

  t.test(`a final answer from before an invalidation replaces none from after it, although memory was full, ${how}`, async t => {
    const begun: ((answer: ProviderAnswer) => void)[] = []
    const cache = { maxEntries: 1, ...secret }
    const one = await testEngine(t, { provider: settlingProvider(begun, 'suspicious'), redis: redis.url, cache })
    const other = await testEngine(t, {
      provider: { name: 'settling', lookup: async () => answer('vpn_detected') }, redis: redis.url, cache
    })
    await one.ask(ip)
    await until(() => begun.length === 1)
    await one.ask('203.0.113.10')
    await turns()
    await other.engine.invalidate(ip)
    await turns()
    await other.ask(ip)
    await turns()
    t.match(await one.ask(ip), { answer: { verdict: 'vpn_detected' } })
    begun[0]!(answer('clean'))
    await turns()
    t.match(await one.ask(ip), { answer: { verdict: 'vpn_detected' } })
  })
}
