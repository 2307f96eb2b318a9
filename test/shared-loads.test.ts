// Lookups of one process that share a load: what they get, and how many calls that takes.
import t from 'tap'
import { escalate } from '../lib/providers/composite/index.ts'
import type { ProviderAnswer } from '../types/contract.ts'
import { deferred } from '../lib/util/async.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { testEngine } from './support/engine.ts'
import { tableProvider } from './support/table-provider.ts'
import { until } from './support/until.ts'

const ip = '203.0.113.7'

t.test('a write that shared the load of a read which is not enough for it does not accept that of another read', async t => {
  const asked: ReturnType<typeof deferred<ProviderAnswer>>[] = []
  const cheap = {
    name: 'cheap',
    async lookup () {
      const answer = deferred<ProviderAnswer>()
      asked.push(answer)
      return await answer.promise
    }
  }
  const grey = knownAnswer('suspicious', { score: 0.3 })
  const provider = escalate(cheap, tableProvider({ [ip]: 'vpn_detected' }, { name: 'expensive' }), { writesOnly: true })
  const { engine, ask } = await testEngine(t, { provider })
  const read = ask(ip)
  const write = ask(ip, 'wait', { write: true })
  await until(() => asked.length === 1)
  await engine.invalidate(ip)
  const laterRead = ask(ip)
  await until(() => asked.length === 2)
  asked[0]!.resolve(grey)
  await read
  await new Promise(resolve => setTimeout(resolve, 20))
  asked[1]!.resolve(grey)
  await laterRead
  await new Promise(resolve => setTimeout(resolve, 20))
  asked[2]?.resolve(grey)
  t.match(await write, { provider: 'expensive', answer: { verdict: 'vpn_detected' } })
})
