import t from 'tap'
import { createAccountMemory, createFamiliarity } from '../lib/familiarity/index.ts'
import { CONFIRMED } from '../lib/familiarity/history.ts'
import { emptied, startRedis } from './support/redis.ts'
import { bounds, home, risk } from './support/visits.ts'

const redis = await startRedis()
t.teardown(() => redis.stop())
t.beforeEach(emptied(redis))

const runner = {
  run: async (script: string, keys: readonly string[], args: readonly (string | number)[]) =>
    await redis.client.eval(script, keys.length, ...keys, ...args)
} as NonNullable<Parameters<typeof createFamiliarity>[0]['redis']>
const visit = { account: 'ada@example.com', device: 'laptop', risk: risk('203.0.113.9', home) }

/** One process, by a clock of its own. Broadcasts are missed. */
function service (parts: Pick<Parameters<typeof createFamiliarity>[0], 'redis' | 'secrets'> = { redis: runner, secrets: ['a secret of some length'] }) {
  let nowMs = Date.parse('2026-01-01')
  const memory = createAccountMemory()
  const accounts = createFamiliarity({ ...parts, keyPrefix: '', now: () => nowMs, memory })
  return {
    memory,
    wait (ms: number) { nowMs += ms },
    of: async () => await accounts.of(visit, bounds),
    learn: async (ageMs = 0) => { await accounts.learn(visit, CONFIRMED, bounds, nowMs - ageMs) },
    forget: async () => { await accounts.forget(visit.account) }
  }
}

t.test('forget() drops the id, the network and the HMACs of an account from memory, and its history', async t => {
  const { memory, of, learn, forget } = service()
  await learn()
  t.equal(await of(), 'known')
  t.match(memory.get(visit.account), { block: '203.0.113', device: 'laptop', history: { networks: [{}] } })
  await forget()
  t.equal(memory.get(visit.account), undefined)
  t.equal(await of(), 'first')
})

t.test('another process drops an account by its HMAC, and no other account', t => {
  const memory = createAccountMemory()
  const remembered = {
    key: 'k', marks: { id: '', network: '', asn: '', country: '' }, blockText: '', block: '', asn: undefined, country: undefined, device: null, history: undefined, untilMs: 0
  }
  memory.set('ada', remembered)
  memory.set('bob', { ...remembered, key: 'other' })
  memory.dropKey('k')
  t.equal(memory.get('ada'), undefined)
  t.not(memory.get('bob'), undefined)
  t.equal(memory.get('bob')?.key, 'other')
  memory.dropKey('unheard of')
  memory.set('ada', { ...remembered, device: 'x'.repeat(300) })
  t.equal(memory.get('ada'), undefined, 'a visitor cannot fill the memory with the text of a device')
  t.end()
})

t.test('a process that misses the message answers from its memory for less than a minute', async t => {
  const [one, other] = [service(), service()]
  await one.learn()
  t.equal(await other.of(), 'known')
  await one.forget()
  t.equal(await other.of(), 'known')
  other.wait(59_000)
  t.equal(await other.of(), 'first')
})

for (const [name, parts] of [['Redis', undefined], ['memory', { redis: undefined, secrets: undefined }]] as const) {
  t.test(`a request that began before its account was forgotten teaches nothing: ${name}`, async t => {
    const { learn, of, forget } = service(parts)
    await learn()
    await forget()
    for (const ageMs of [30_000, 3_599_000, 3_600_000, 86_400_000]) {
      await learn(ageMs)
      t.equal(await of(), 'first')
    }
    await learn()
    t.equal(await of(), 'known', 'a later one does')
  })
}

t.test('the time of an erasure leaves Redis with the next lesson after an hour', async t => {
  const { learn, forget } = service()
  await forget()
  const [key] = await redis.client.keys('*')
  await redis.client.hset(key!, 'forgotten', Date.now() - 3_601_000)
  await learn()
  t.notOk((await redis.client.hkeys(key!)).includes('forgotten'))
  t.equal((await redis.client.hkeys(key!)).length, 2, 'a network and the place')
})

t.test('after a change of the secret, what was learned under the previous one is erased as well', async t => {
  const before = service({ redis: runner, secrets: ['the secret of last year'] })
  await before.learn()
  const after = service({ redis: runner, secrets: ['the secret of this year', 'the secret of last year'] })
  await after.forget()
  for (const key of await redis.client.keys('*')) t.same(await redis.client.hkeys(key), ['forgotten'])
})
