import { createHmac, hkdfSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { CONFIRMED } from '../lib/familiarity/index.ts'
import { allow, testEngine, type TestEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { emptied, startRedis } from './support/redis.ts'
import { tableProvider } from './support/table-provider.ts'
import { bounds, home, risk } from './support/visits.ts'

const keySecret = 'a secret of some length'
const channel = 'ip-risk:broadcasts:0::'
const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const visit = { account: 'ada@example.com', device: null, risk: risk('203.0.113.9', home) }
const open = async (t: Test): Promise<TestEngine> =>
  await testEngine(t, { provider: tableProvider({}), redis: redis.url, cache: { keySecret } })

/** Memory answers at once; where an account was dropped, Redis is asked. */
const remembers = ({ engine }: TestEngine): boolean => !(engine.familiarity.of(visit, bounds) instanceof Promise)

/** The HMAC of the account, which everybody sees who can read Redis. */
async function accountKey (): Promise<string> {
  const [key] = await redis.client.keys('ip-risk:familiarity:*')
  return key!.slice('ip-risk:familiarity:'.length)
}

function written (id: string, { atMs = Date.now(), secret = keySecret, kind = 'account', on = channel } = {}): string {
  const fields = `${kind}\n${id}\n${atMs}\n${atMs}`
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'fastify-ip-risk broadcasts', 32))
  return `${fields}\n${createHmac('sha256', key).update(`${on}\n${fields}`).digest('hex')}`
}

let markers = 0
/** Resolves when everything that was published before has arrived. */
async function delivered (here: TestEngine, by: TestEngine): Promise<void> {
  const marker = `198.51.100.${++markers}`
  await allow(by.engine, marker, 5)
  await until(() => here.engine.exceptions.isAllowed(marker))
}

t.test('only a signed message of the last minute makes a process forget an account, and only of its own key space', async t => {
  const [here, there] = [await open(t), await open(t)]
  await there.engine.familiarity.learn(visit, CONFIRMED, bounds)
  t.equal(await here.engine.familiarity.of(visit, bounds), 'known')
  const id = await accountKey()
  const refused = {
    'without a signature': `account\n${id}\n${Date.now()}\n${Date.now()}\n`,
    'under another secret': written(id, { secret: 'another secret of length' }),
    'signed for another account': written('0'.repeat(64)).replace('0'.repeat(64), id),
    'signed for another key space': written(id, { on: `${channel}other:` }),
    'of another kind': written(id, { kind: 'forget' }).replace('forget', 'account'),
    'recorded a minute ago': written(id, { atMs: Date.now() - 61_000 }),
    'from the future': written(id, { atMs: Date.now() + 120_000 }),
    'with the id itself': written(visit.account)
  }
  for (const [name, text] of Object.entries(refused)) {
    await redis.client.publish(channel, text)
    await delivered(here, there)
    t.equal(remembers(here), true, name)
  }
  t.match(here.log.text(), 'IP_RISK_BROADCAST_REJECTED')
  t.notMatch(here.log.text(), visit.account)
  await redis.client.publish(channel, written(id))
  await delivered(here, there)
  t.equal(remembers(here), false, 'these were refused for what is wrong with them')
})

t.test('a forget() of one process reaches the other, and nothing of it is stored', async t => {
  const [here, there] = [await open(t), await open(t)]
  await there.engine.familiarity.learn(visit, CONFIRMED, bounds)
  t.equal(await here.engine.familiarity.of(visit, bounds), 'known')
  await there.engine.familiarity.forget(visit.account)
  await delivered(here, there)
  t.equal(remembers(here), false)
  const stored = await redis.client.hkeys('ip-risk:{broadcasts}:statements:')
  t.ok(stored.every(field => field.startsWith('allow:')), 'only the exceptions are stored')
})
