// With `keySecret` an invalidation names an address by its HMAC: other processes look for it among those that they know.
import t from 'tap'
import type { Provider, ProviderAnswer, SettlingProvider } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { emptied, startRedis } from './support/redis.ts'
import { answer } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

/** Whatever was sent to Redis before has arrived. */
const turns = async (): Promise<unknown> => await new Promise(resolve => setTimeout(resolve, 100))

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
    const settling: SettlingProvider = {
      name: 'settling',
      settlesAfterMs: 1,
      async lookup (_ip, { later }) {
        later?.(1, async () => await new Promise(resolve => begun.push(resolve)))
        return answer('suspicious')
      }
    }
    const cache = { maxEntries: 1, ...secret }
    const one = await testEngine(t, { provider: settling, redis: redis.url, cache })
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
