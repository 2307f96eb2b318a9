import { Redis } from 'ioredis'
import t from 'tap'
import { READ, sha1 } from '../lib/redis/scripts.ts'
import { heldProvider, testEngine } from './support/engine.ts'
import { aroundScripts, startRedis } from './support/redis.ts'
import { answer } from './support/table-provider.ts'

const ip = '203.0.113.9'
const server = await startRedis()
t.teardown(() => server.stop())

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

/** The answer, where it comes within 2.5 seconds. */
const inTime = async (found: Promise<unknown>): Promise<unknown> =>
  await Promise.race([found, new Promise(resolve => setTimeout(resolve, 2500, 'not yet'))])

t.test('a request ends in its time where the clock is set back by a minute while Redis is read', async t => {
  const client = new Redis({ port: server.port, host: '127.0.0.1' })
  t.teardown(() => client.disconnect())
  let setBack = (): void => {}
  aroundScripts(client, async (script, run) => {
    const reply = await run()
    if (script === READ || script === sha1(READ)) setBack()
    return reply
  })
  const provider = heldProvider(() => answer('clean'))
  const { ask, wait } = await testEngine(t, { provider, redis: client, cache: { redisTimeoutMs: 200 } })
  setBack = () => {
    wait(-60)
    setBack = () => {}
  }
  t.match(await inTime(ask(ip, 'wait', { timeoutMs: 500 })), { answer: { reason: 'timeout' } })
  provider.release()
})

t.test('a write that waits for a final answer ends in its time where the clock is set back by a minute during the call', async t => {
  let setBack = (): void => {}
  const provider = {
    name: 'settling',
    settlesAfterMs: 1000,
    async lookup () {
      setBack()
      return answer('clean')
    }
  }
  const { ask, wait } = await testEngine(t, { provider })
  setBack = () => wait(-60)
  // The cache is read for the last time two seconds after the final answer is due.
  t.match(await inTime(ask(ip, 'wait', { timeoutMs: 1500, write: true })), { answer: { verdict: 'clean' } })
})
