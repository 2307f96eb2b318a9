import t from 'tap'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIpRisk } from '../lib/index.ts'
import type { ExceptionRecord } from '../types/exceptions.ts'
import { runCommand } from './support/cli.ts'
import { until } from './support/until.ts'
import { memoryLog } from './support/log.ts'
import { startRedis } from './support/redis.ts'
import { answer, tableProvider } from './support/table-provider.ts'

const redis = await startRedis()
t.teardown(() => redis.stop())
const secret = 'a secret of some length'
const ip = '203.0.113.9'

/** A process of the application, and the command beside it. */
async function setup (t: { testdir (files?: Record<string, string>): string, teardown (end: () => unknown): void }) {
  await redis.client.flushall()
  const folder = t.testdir({ secret: `${secret}\n`, other: 'another secret of some length\n' })
  const file = (name: string) => join(folder, name)
  const app = createIpRisk({
    provider: tableProvider({ [ip]: answer('vpn_detected') }), redis: redis.url, log: memoryLog(), cache: { keySecret: secret, keyPrefix: 'v:' }
  })
  t.teardown(() => app.close())
  await app.ready()
  const shared = ['--redis', redis.url, '--key-secret-file', file('secret'), '--key-prefix', 'v:']
  const run = async (...args: string[]) => await runCommand([...args, ...shared], { env: { USER: 'ada' } })
  return { app, file, run }
}

t.test('allow, deny and revoke reach the application, leave an audit line, and are listed', async t => {
  const { app, file, run } = await setup(t)
  const made = await run('allow', ip, '--reason', 'a customer on the phone', '--ttl', '12h')
  t.match(made, { code: 0, out: /^allowed 203\.0\.113\.9 until \d{4}-/ })
  const { ipRiskException: record } = JSON.parse(made.err) as { ipRiskException: ExceptionRecord }
  t.match(record, { verb: 'allow', network: ip, reason: 'a customer on the phone', author: 'ada' })
  t.ok(Math.abs(Date.parse(record.until!) - Date.now() - 43_200_000) < 60_000, 'for twelve hours')
  await until(async () => (await app.lookup(ip)).decidedBy === 'temporary_allow')

  const audit = file('audit.ndjson')
  const denied = await run('deny', '198.51.100.7/24', '2001:db8::/32', '--reason', 'attack', '--author', 'bob', '--audit', audit, '--json')
  t.match(denied, { code: 0, err: '' })
  t.same(denied.out.split('\n').map(line => (JSON.parse(line) as ExceptionRecord).network), ['198.51.100.0/24', '2001:db8::/32'])
  t.equal(readFileSync(audit, 'utf8').trim().split('\n').length, 2)
  await until(async () => (await app.lookup('198.51.100.200')).decidedBy === 'temporary_deny')

  const all = await run('allowed')
  t.match(all, { code: 0, out: /^allow +203\.0\.113\.9 +until .* UTC +ada +a customer on the phone\ndeny +198\.51\.100\.0\/24 .* bob +attack\n/ })
  t.match(await run('allowed', '198.51.100.200', '--json'), { code: 0, out: /^\{"effect":"deny","network":"198\.51\.100\.0\/24".*\}$/ })
  t.match(await run('allowed', '198.51.0.0/16'), { code: 0, out: '', err: /nothing is in force/ })

  t.match(await run('revoke', '198.51.100.0/24', '--reason', 'over', '--audit', audit), { code: 0, out: 'revoked 198.51.100.0/24' })
  t.match(readFileSync(audit, 'utf8').trim().split('\n')[2], '"verb":"revoke"')
  await until(async () => (await app.lookup('198.51.100.200')).decidedBy !== 'temporary_deny')
  t.notMatch((await run('allowed')).out, '198.51.100')
  const stored = JSON.stringify(await Promise.all((await redis.client.keys('*')).map(async key => [key, await redis.client.dump(key)])))
  t.notMatch(stored, ip, 'addresses are not readable in Redis')
})

t.test('invalidate makes the application ask again, and ends an allow', async t => {
  const { app, run } = await setup(t)
  t.match(await app.lookup(ip), { verdict: 'vpn_detected', cache: 'miss' })
  t.match(await app.lookup(ip), { cache: 'memory' })
  await run('allow', ip, '--reason', 'x')
  await until(async () => (await app.lookup(ip)).decidedBy === 'temporary_allow')
  const { code, out, err } = await run('invalidate', ip)
  t.same([code, out], [0, `invalidated ${ip}`])
  t.match(JSON.parse(err), { ipRiskException: { verb: 'invalidate', until: null } })
  await until(async () => (await app.lookup(ip)).decidedBy !== 'temporary_allow')
  t.match((await app.lookup(ip)).verdict, 'vpn_detected')
})

t.test('with another secret nothing is listed, and the command says that it cannot read what is there', async t => {
  const { app, file, run } = await setup(t)
  await run('allow', ip, '--reason', 'x')
  await until(async () => (await app.exceptions()).length === 1)
  const other = await runCommand(['allowed', '--redis', redis.url, '--key-prefix', 'v:', '--key-secret-file', file('other')])
  t.match(other, { code: 1, out: '', err: /signature/ })
  t.notMatch(other.err, 'another secret of some length')
})

t.test('what Redis does not take is a failure, and nothing is changed without an audit file', async t => {
  const { file, run } = await setup(t)
  await redis.client.call('ACL', 'SETUSER', 'reader', 'on', '>a-long-password', '~*', '&*', '+@all', '-zadd')
  const url = `redis://reader:a-long-password@127.0.0.1:${redis.port}`
  const args = ['--reason', 'x', '--redis', url, '--key-secret-file', file('secret'), '--key-prefix', 'v:']
  const refused = await runCommand(['allow', ip, ...args])
  t.match(refused, { code: 1, out: '', err: /^ip-risk: \S/ })
  t.notMatch(refused.err, 'a-long-password')
  t.notMatch(refused.err, '"verb"', 'what did not happen is not in the audit')
  const kept = await runCommand(['invalidate', ip, ...args.slice(2)])
  t.match(kept, { code: 1, out: '' }, 'invalidate cannot be read back, but what Redis refuses is noticed')
  t.match(await run('allowed'), { out: '' })
  t.match(await run('allow', ip, '--reason', 'x', '--audit', file('no/such/folder')), { code: 1, err: /ENOENT/ })
  t.match(await run('allowed'), { out: '' })
  t.notOk(existsSync(file('no')))
  t.match(await runCommand(['allowed', '--redis', 'redis://127.0.0.1:1']), { code: 1, err: /Redis does not answer, or refuses/ })
  redis.process.kill('SIGSTOP')
  const frozen = await run('allow', ip, '--reason', 'x')
  redis.process.kill('SIGCONT')
  t.match(frozen, { code: 1, out: '', err: /Redis does not answer/ })
})

t.test('what others wrote to Redis fails the command, and never costs the audit line of a change', async t => {
  const { file, run } = await setup(t)
  const other = ['--redis', redis.url, '--key-prefix', 'v:', '--key-secret-file', file('other')]
  t.match(await runCommand(['allow', '192.0.2.7', '--reason', 'of another system', ...other]), { code: 0 })
  const audit = file('audit')
  const { code, out, err } = await run('allow', ip, '192.0.2.8', '--reason', 'x', '--audit', audit)
  t.match({ code, err }, { code: 1, err: /stored allows with a wrong/ })
  t.equal(out.match(/^allowed /gm)?.length, 2)
  const lines = readFileSync(audit, 'utf8').trim().split('\n').map(line => JSON.parse(line).ipRiskException.network)
  t.same(lines, [ip, '192.0.2.8'])
})

t.test('a slip does not let everybody pass, and spaces are no reason', async t => {
  const { app, run } = await setup(t)
  for (const network of [`${ip}/0`, '::/0', '8.0.0.0/7', '2000::/3']) {
    t.match(await run('allow', network, '--reason', 'x'), { code: 2, err: /wider than/ }, network)
    t.match(await run('deny', network, '--reason', 'x'), { code: 2, err: /wider than/ }, network)
    t.match(await run('revoke', network), { code: 0 }, network)
  }
  t.match(await run('allow', ip, '--reason', ' '), { code: 2, err: /needs --reason/ })
  t.same(await app.exceptions(), [])
})

t.test('a wrong command line is exit code 2', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'three'), 'a\nb\nc\n')
  const to = ['--redis', redis.url]
  const rows: [string[], RegExp][] = [
    [['allow', ...to, '--reason', 'x'], /at least one address/],
    [['allow', ip, ...to], /allow needs --reason TEXT/],
    [['deny', ip, ...to], /deny needs --reason TEXT/],
    [['allow', 'office\u001b', ...to, '--reason', 'x'], /"office " is neither an IP address nor a CIDR/],
    [['allow', ip, '--reason', 'x'], /which Redis\? Give --redis URL or IP_RISK_REDIS/],
    [['allow', ip, ...to, '--reason', 'x', '--ttl', '2y'], /--ttl must be a time such as/],
    [['allow', ip, ...to, '--reason', 'x', '--ttl', '366d'], /at most 365d/],
    [['allow', ip, ...to, '--reason', 'x'.repeat(501)], /reason/],
    [['invalidate', '203.0.113.0/24', ...to], /invalidate takes single addresses/],
    [['allowed', 'x', ...to], /neither an IP address nor a CIDR/],
    [['allowed', ...to, '--key-secret-file', join(folder, 'gone')], /cannot be read/],
    [['allowed', ...to, '--key-secret-file', join(folder, 'three')], /must hold cache\.keySecret in one line/]
  ]
  for (const [args, message] of rows) t.match(await runCommand(args), { code: 2, out: '', err: message }, args.join(' ').slice(0, 60))
})
