import { readdirSync, readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t from 'tap'
import { answer, tableProvider } from './support/table-provider.ts'
import { allow, heldProvider, testEngine } from './support/engine.ts'
import { until } from './support/until.ts'
import { type RedisServer, startRedis } from './support/redis.ts'

const ip = '203.0.113.9'
const redis: RedisServer = await startRedis()
t.teardown(() => redis.stop())

/** The line of the docs, for a server on which nobody else has a name or a password yet. */
const line = /^ACL SETUSER ip-risk .*$/m.exec(readFileSync(new URL('../docs/cache-and-fleet.md', import.meta.url), 'utf8'))?.[0] ?? ''

t.test('the ACL of the docs lets the plugin do all that it does, and nothing is refused', async t => {
  const rules = line.split(' ')
  t.equal(await redis.client.call('ACL', ...rules.slice(1)), 'OK')
  const url = `redis://ip-risk:a-long-password@127.0.0.1:${redis.port}`
  const cache = { keySecret: 'a secret of some length', keyPrefix: 'verdict:' }
  const provider = heldProvider(() => answer('clean'), { name: 'held', limits: { perMinute: 100, perDay: 1000, burst: 50 } })
  const options = { redis: url, cache }
  const [here, there] = [await testEngine(t, { ...options, provider }), await testEngine(t, { ...options, provider: { ...provider } })]
  const asked = [here.ask(ip), there.ask(ip)]
  await until(async () => (await redis.client.keys('ip-risk:waiters:*')).length === 1)
  await until(() => provider.calls.length === 1)
  // Renewed once.
  const [lease] = await redis.client.keys('ip-risk:lease:*')
  await until(async () => await redis.client.pttl(lease!) < 1500)
  await until(async () => await redis.client.pttl(lease!) > 1500)
  provider.release()
  t.strictSame((await Promise.all(asked)).map(({ answer }) => answer.verdict), ['clean', 'clean'])
  await until(async () => (await redis.client.keys('verdict:*')).length === 1)
  await allow(here.engine, ip, 60)
  await until(() => there.engine.exceptions.isAllowed(ip))
  const late = await testEngine(t, { ...options, provider: tableProvider({}, { name: 'held' }) })
  await until(() => late.engine.exceptions.isAllowed(ip))
  t.equal((await late.ask(ip)).cache, 'redis')
  t.equal((await late.ask('203.0.113.10')).answer.verdict, 'unknown')
  await there.engine.invalidate(ip)
  await until(() => !late.engine.exceptions.isAllowed(ip))
  for (const { engine, log } of [here, there, late]) {
    t.match(engine.stats(), { redis: 'up' })
    await engine.close()
    t.strictSame(log.messages, [])
  }
  t.strictSame(await redis.client.call('ACL', 'LOG'), [])
})

t.test('the line names the commands of our scripts, and no other but those of the connection', async t => {
  const lib = new URL('../lib/', import.meta.url)
  const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).map(name => readFileSync(new URL(name, lib), 'utf8'))
  const inScripts = sources.flatMap(text => [...text.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map(([, name]) => `+${name!.toLowerCase()}`))
  const named = line.split(' ').filter(rule => rule.startsWith('+'))
  t.strictSame(named.toSorted(), [...new Set([...inScripts, '+eval', '+evalsha', '+info', '+ping', '+publish', '+subscribe'])].sort())
})

t.test('a user without these rights cannot let an address pass', async t => {
  await redis.client.call('ACL', 'SETUSER', 'tenant', 'on', '>another', 'resetchannels', '~app:*', '&app:*', '+@all', '-@admin')
  const tenant = new Redis({ port: redis.port, host: '127.0.0.1', username: 'tenant', password: 'another' })
  t.teardown(() => tenant.disconnect())
  await t.rejects(tenant.publish('ip-risk:broadcasts:0:verdict:', 'x'), /NOPERM/)
  await t.rejects(tenant.zadd('ip-risk:{broadcasts}:allowed:verdict:', 1, 'x'), /NOPERM/)
  await t.rejects(tenant.set('verdict:203.0.113.9', 'x'), /NOPERM/)
  await t.rejects(tenant.eval("return redis.call('SET', 'verdict:203.0.113.9', 'x')", 0), /can't access at least one of the keys/)
})
