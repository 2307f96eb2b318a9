import t from 'tap'
import { testEngine } from './support/engine.ts'
import { answer } from './support/table-provider.ts'

const ip = '203.0.113.9'

t.test('after the clock was set back by an hour, neither a verdict nor a failure is kept for an hour', async t => {
  for (const first of [answer('vpn_detected'), { verdict: 'unknown', reason: 'unavailable' }] as const) {
    const answers = [first, answer('suspicious'), answer('clean')]
    const { ask, wait } = await testEngine(t, { provider: { name: 'p', lookup: async () => answers.shift()! } })
    t.match(await ask(ip), { answer: { verdict: first.verdict } })
    wait(-3600)
    t.match(await ask(ip), { answer: { verdict: 'suspicious' } })
    t.match(await ask(ip), { answer: { verdict: 'suspicious' }, cache: 'memory' }, 'and the new one is')
    wait(-1)
    t.match(await ask(ip), { cache: 'memory' }, 'a second is as good as nothing')
    wait(400)
    t.match(await ask(ip), { answer: { verdict: 'clean' } })
  }
})
