import t from 'tap'
import { readFileSync } from 'node:fs'
import { runCommand } from './support/cli.ts'
import { type RedisServer, startRedis } from './support/redis.ts'

const secret = 'a-long-password'
const acl = /^ACL SETUSER ip-risk .*$/m.exec(readFileSync(new URL('../docs/cache-and-fleet.md', import.meta.url), 'utf8'))![0].split(' ').slice(1)

/** The findings about Redis. The provider is a file that is not there, and is not asked. */
async function examined (redis: string, ...more: string[]) {
  const { code, out, err } = await runCommand(['doctor', '--json', '--offline', '--provider', 'iplogs', '--redis', redis, ...more])
  const findings = out.split('\n').map(line => JSON.parse(line) as { check: string, level: string, message: string, fix?: string })
  return { code, err, out, findings: findings.filter(({ check }) => check === 'redis') }
}

const as = (server: RedisServer, user: string) => `redis://${user}:${secret}@127.0.0.1:${server.port}`

t.test('a Redis with the rights of the documentation is in order, and nothing stays in it', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  await redis.client.call('ACL', ...acl)
  const { code, findings } = await examined(as(redis, 'ip-risk'), '--key-prefix', 'verdict:')
  t.equal(code, 0)
  t.same(findings.map(({ level }) => level), ['ok', 'ok', 'ok', 'ok'])
  t.match(findings[0], { message: /^Redis \d+\.\d+\.\d+ answers$/ })
  t.same(await redis.client.keys('*'), [])
  t.same(await redis.client.call('ACL', 'LOG'), [], 'doctor needs no right that the plugin does not need')
})

t.test('missing rights are named', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const rows: [name: string, rules: string[], RegExp][] = [
    ['noscripts', ['~*', '&*', '+@all', '-@scripting'], /EVALSHA, scripts \(EVAL\) on keys ip-risk:\*, scripts \(EVAL\) on keys v:\*/],
    ['nokeys', ['~v:*', '&*', '+@all'], /not do all that the plugin does: (?:scripts \(EVAL\) on )?keys ip-risk:\*$/],
    ['noverdicts', ['~ip-risk:*', '&*', '+@all'], /: (?:scripts \(EVAL\) on )?keys v:\*$/],
    ['nochannels', ['~*', 'resetchannels', '+@all'], /: PUBLISH to ip-risk:\*, SUBSCRIBE to ip-risk:\*$/],
    ['nozadd', ['~*', '&*', '+@all', '-zadd'], /: ZADD on keys ip-risk:\*$/]
  ]
  for (const [name, rules, message] of rows) {
    await redis.client.call('ACL', 'SETUSER', name, 'on', `>${secret}`, ...rules)
    const { code, findings, out } = await examined(as(redis, name), '--key-prefix', 'v:')
    t.equal(code, 1, name)
    const wrong = findings.filter(({ level }) => level === 'error')
    t.equal(wrong.length, 1, name)
    t.match(wrong[0], { message, fix: /docs\/cache-and-fleet\.md/ }, name)
    t.notMatch(out, secret)
  }
})

t.test('an eviction policy that drops what must stay, a replica, and a clock that is off', async t => {
  const primary = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  t.teardown(async () => await Promise.all([primary.stop(), replica.stop()]))
  const evicting = await examined(primary.url)
  t.equal(evicting.code, 1)
  t.match(evicting.findings.find(({ level }) => level === 'warning'),
    { message: /allkeys-lru: when Redis is full, it may drop allow\(\)/, fix: /volatile-ttl/ })
  const { findings } = await examined(replica.url)
  t.match(findings.find(({ level, message }) => level === 'error' && /replica/.test(message)), { fix: /address of the primary/ })

  const realNow = Date.now
  t.teardown(() => { Date.now = realNow })
  Date.now = () => realNow() + 90_000
  const late = await examined(primary.url)
  Date.now = realNow
  t.match(late.findings.find(({ message }) => /clock/.test(message)), { level: 'warning', message: /its clock is (?:89|90)(?:\.\d+)? s behind/, fix: /NTP/ })
})

t.test('a Redis that cannot be used is one finding with the fix, in bounded time', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  await redis.client.config('SET', 'requirepass', secret)
  const refused = await examined(`redis://:wrong-password@127.0.0.1:${redis.port}`)
  t.match(refused, { code: 1, findings: [{ level: 'error', message: /does not accept the user or the password/, fix: /percent-encoded/ }] })
  t.notMatch(refused.out, 'wrong-password')
  t.match((await examined(redis.url)).findings, [{ level: 'error', message: /NOAUTH/ }])
  redis.process.kill('SIGSTOP')
  const frozen = await examined(redis.url, '--timeout-ms', '300')
  t.match(frozen, { code: 1, findings: [{ level: 'error', message: /accepts no connection, or does not answer/, fix: /frozen/ }] })
  t.equal(frozen.findings.length, 1)
  redis.process.kill('SIGCONT')
  const gone = await examined('redis://127.0.0.1:1')
  t.match(gone, { code: 1, findings: [{ level: 'error', message: /cannot be reached: .*ECONNREFUSED/, fix: /start it/ }] })
  t.match((await examined('localhost')).findings, [{ level: 'error', message: /must be a URL/ }])
})
