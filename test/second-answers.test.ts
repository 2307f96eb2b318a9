// A second answer (an escalation, or the final one of a settling provider) replaces the first answer to the same question only.
import t from 'tap'
import { escalate } from '../lib/providers/composite/index.ts'
import type { ProviderAnswer, SettlingProvider } from '../types/contract.ts'
import { testEngine } from './support/engine.ts'
import { emptied, startRedis, turns } from './support/redis.ts'
import { settlingProvider } from './support/settling.ts'
import { answer } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.9'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const stored = async (): Promise<unknown> => JSON.parse(await redis.client.get(ip) ?? '{}').verdict

const long = { type: 'x', weight: 0.5, detail: 'd'.repeat(300) }
for (const [name, written, signals, aheadSeconds] of [
  ['of ours', undefined, [], 0],
  ['with a detail that is cut when it is read', undefined, [long], 0],
  ['of a process whose clock is a second ahead', undefined, [], 1],
  ['of another program', '{"verdict":"suspicious"}', [], 0]
] as const) {
  t.test(`after an invalidation, an entry ${name} is escalated once for all processes`, async t => {
    let expensive = 0
    const provider = escalate(
      { name: 'iplogs', lookup: async () => ({ ...answer('suspicious'), signals: [...signals] }) },
      { name: 'paid', async lookup () { expensive++; return answer('vpn_detected') } }, { writesOnly: true })
    const [first, ...others] = await Promise.all([0, 1, 2].map(async () => await testEngine(t, { provider, redis: redis.url })))
    first!.wait(aheadSeconds)
    await first!.engine.invalidate(ip)
    await turns()
    if (written === undefined) await first!.ask(ip)
    else await redis.client.set(ip, written, 'EX', 300)
    await until(async () => await stored() === 'suspicious')
    for (const other of others) {
      t.match(await other.ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
      await until(async () => await stored() === 'vpn_detected')
    }
    t.equal(expensive, 1)
  })
}

t.test('what an escalation has paid for is not replaced by the final answer of the cheap provider', async t => {
  const begun: ((answer: ProviderAnswer) => void)[] = []
  let paid = 0
  const make = () => escalate(settlingProvider(begun, 'suspicious'), { name: 'paid', async lookup () { paid++; return answer('vpn_detected') } }, { writesOnly: true })
  const [reader, writer, other] = await Promise.all([0, 1, 2].map(async () => await testEngine(t, { provider: make(), redis: redis.url })))
  await reader!.ask(ip)
  await until(async () => begun.length === 1 && await stored() === 'suspicious')
  await writer!.ask(ip, 'wait', { write: true })
  await until(async () => await stored() === 'vpn_detected')
  begun[0]!(answer('suspicious'))
  await turns()
  t.equal(await stored(), 'vpn_detected')
  t.match(await other!.ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
  t.equal(paid, 1)
})

t.test('what an escalation has paid for replaces the final answer of the cheap provider that came meanwhile', async t => {
  const begun: ((answer: ProviderAnswer) => void)[] = []
  let paid = 0
  let answerPaid: (() => void) | undefined
  const expensive = {
    name: 'paid',
    async lookup () {
      paid++
      await new Promise<void>(resolve => { answerPaid = resolve })
      return answer('vpn_detected')
    }
  }
  const make = () => escalate(settlingProvider(begun, 'suspicious'), expensive, { writesOnly: true })
  const [reader, writer, other] = await Promise.all([0, 1, 2].map(async () => await testEngine(t, { provider: make(), redis: redis.url })))
  await reader!.ask(ip)
  await until(async () => begun.length === 1 && await stored() === 'suspicious')
  const first = await redis.client.get(ip)
  const written = writer!.ask(ip, 'wait', { write: true })
  await until(() => answerPaid !== undefined)
  begun[0]!(answer('suspicious'))
  await until(async () => await redis.client.get(ip) !== first)
  answerPaid!()
  t.match(await written, { answer: { verdict: 'vpn_detected' } })
  await until(async () => await stored() === 'vpn_detected')
  t.match(await other!.ask(ip, 'wait', { write: true }), { answer: { verdict: 'vpn_detected' } })
  t.equal(paid, 1)
})

t.test('an escalation without an answer does not replace what another process has paid for meanwhile', async t => {
  let paid = 0
  let fails: (() => void) | undefined
  const good = { name: 'paid', async lookup () { paid++; return answer('vpn_detected') } }
  const failing = {
    name: 'paid',
    async lookup () {
      await new Promise<void>(resolve => { fails = resolve })
      return { verdict: 'unknown', reason: 'unavailable' } as const
    }
  }
  const [reader, writer, other, late] = await Promise.all([good, good, good, failing].map(async expensive => await testEngine(t, {
    provider: escalate({ name: 'iplogs', lookup: async () => answer('suspicious') }, { ...expensive }, { writesOnly: true }), redis: redis.url
  })))
  await reader!.ask(ip)
  await until(async () => await stored() === 'suspicious')
  const written = late!.ask(ip, 'wait', { write: true })
  await until(() => fails !== undefined)
  await writer!.ask(ip, 'wait', { write: true })
  await until(async () => await stored() === 'vpn_detected')
  fails!()
  await written
  await turns()
  t.equal(await stored(), 'vpn_detected')
  await other!.ask(ip, 'wait', { write: true })
  t.equal(paid, 1)
})

for (const aheadSeconds of [0, 0.5]) {
  t.test(`a question from before an invalidation is not answered after it, by a process whose clock is ${aheadSeconds} s ahead`, async t => {
    const begun: ((answer: ProviderAnswer) => void)[] = []
    const first = await testEngine(t, { provider: settlingProvider(begun, 'suspicious'), redis: redis.url })
    const other = await testEngine(t, { provider: settlingProvider([], 'vpn_detected'), redis: redis.url })
    first.wait(aheadSeconds)
    await first.ask(ip)
    await until(async () => begun.length === 1 && await stored() === 'suspicious')
    await other.engine.invalidate(ip)
    await turns()
    await other.ask(ip)
    await until(async () => await stored() === 'vpn_detected')
    t.match(await first.ask(ip), { answer: { verdict: 'vpn_detected' } })
    begun[0]!(answer('clean'))
    await turns()
    t.equal(await stored(), 'vpn_detected')
    t.match(await first.ask(ip), { answer: { verdict: 'vpn_detected' } })
  })
}

t.test('a final answer reaches Redis although memory has made the first one shorter meanwhile', async t => {
  let settle: ((answer: ProviderAnswer) => void) | undefined
  const provider: SettlingProvider = {
    name: 'settling',
    // Longer than a busy machine takes for the lookups below.
    settlesAfterMs: 60_000,
    timeoutMs: 60_000,
    async lookup (asked, { later }) {
      if (asked === ip) later?.(1, async () => await new Promise(resolve => { settle = resolve }))
      return { ...answer('suspicious'), requestId: 'r-1' }
    }
  }
  const { ask } = await testEngine(t, { provider, redis: redis.url, cache: { maxEntries: 10_000 } })
  await ask(ip)
  await until(async () => settle !== undefined && await stored() === 'suspicious')
  for (let i = 0; i < 4200; i += 100) {
    await Promise.all(Array.from({ length: 100 }, async (_, j) => await ask(`198.18.${(i + j) >> 8}.${(i + j) & 255}`)))
  }
  settle!(answer('vpn_detected'))
  await until(async () => await stored() === 'vpn_detected')
})

t.test('a write after an invalidation waits for its own final answer, not for one from before it', async t => {
  const begun: ((answer: ProviderAnswer) => void)[] = []
  const provider: SettlingProvider = {
    name: 'settling',
    settlesAfterMs: 1000,
    async lookup (_ip, { later }) {
      later?.(begun.length === 0 ? 1 : 500, async () => await new Promise(resolve => begun.push(resolve)))
      return answer('suspicious')
    }
  }
  const { ask, engine } = await testEngine(t, { provider })
  await ask(ip)
  await until(() => begun.length === 1)
  await engine.invalidate(ip)
  const written = ask(ip, 'wait', { write: true, timeoutMs: 5000 })
  await turns()
  begun[0]!(answer('clean'))
  await until(() => begun.length === 2)
  begun[1]!(answer('vpn_detected'))
  t.match(await written, { answer: { verdict: 'vpn_detected' } })
})
