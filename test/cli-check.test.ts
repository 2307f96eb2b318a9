import t from 'tap'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { withCallLog } from '../lib/cli/call-log.ts'
import { fakeGetipintel, fakeIplogs } from '../lib/testing/index.ts'
import type { Provider } from '../types/contract.ts'
import { mmdbIn, runCommand } from './support/cli.ts'
import { bareContext } from './support/guard.ts'
import { startRedis } from './support/redis.ts'

const check = async (env: Record<string, string>, ...args: string[]) => await runCommand(['check', ...args], { env })

t.test('prints one aligned line for each address, with the signals behind the score', async t => {
  const provider = `mmdb:${mmdbIn(t)}`
  const { code, out, err } = await check({ IP_RISK_PROVIDER: provider }, '192.0.2.7', '::ffff:192.0.2.8', '203.0.113.1', '10.0.0.1')
  t.same([code, err], [0, ''])
  t.same(out.split('\n'), [
    '192.0.2.7    vpn_likely            0.7  vpn  known_vpn_cidr 0.7 (is_anonymous_vpn, Some [31m VPN)',
    '192.0.2.8    vpn_likely            0.7  vpn  known_vpn_cidr 0.7 (is_anonymous_vpn, Some [31m VPN)',
    '203.0.113.1  clean                   0',
    '10.0.0.1     unknown (not_public)'
  ])
  const json = await check({ IP_RISK_PROVIDER: 'iplogs' }, '--provider', provider, '--json', '192.0.2.7')
  t.match(JSON.parse(json.out), { ip: '192.0.2.7', verdict: 'vpn_likely', score: 0.7, provider: 'mmdb:anonymous-plus', categories: ['vpn'] })

  const shown: string[] = []
  const terminal = Object.assign(new Writable({
    write (chunk, _encoding, done) {
      shown.push(String(chunk))
      done()
    }
  }), { isTTY: true })
  await runCommand(['check', '192.0.2.7'], { env: { IP_RISK_PROVIDER: provider }, stdout: terminal })
  await runCommand(['check', '192.0.2.7'], { env: { IP_RISK_PROVIDER: provider, NO_COLOR: '1' }, stdout: terminal })
  t.equal(shown[0]!.startsWith('192.0.2.7  \u001b[31mvpn_likely\u001b[39m'), true, 'coloured on a terminal')
  t.notMatch(shown[1], '\u001b', 'but not with NO_COLOR')
})

t.test('reads addresses from standard input, and goes on past what is none', async t => {
  const env = { IP_RISK_PROVIDER: `mmdb:${mmdbIn(t)}` }
  const stdin = '# a list\n192.0.2.7 from support\n\nnonsense\n203.0.113.1\n'
  for (const args of [['check'], ['check', '-']]) {
    t.match(await runCommand(args, { env, stdin }), {
      code: 1, out: /^192\.0\.2\.7 +vpn_likely .*\n203\.0\.113\.1 +clean +0$/, err: /^ip-risk: "nonsense" is not an IP address$/
    })
  }
  const { out } = await runCommand(['check', '--json'], { env, stdin })
  t.same(out.split('\n').map(line => (JSON.parse(line) as { reason?: string }).reason), [undefined, 'no_ip', undefined], 'in order')
})

t.test('asks remote providers, in bulk, through the cache that the application shares', async t => {
  const iplogs = await fakeIplogs({ '192.0.2.7': 'vpn_detected', '8.8.4.4': 'vpn_detected' })
  const redis = await startRedis()
  t.teardown(() => Promise.all([iplogs.close(), redis.stop()]))
  const env = { IP_RISK_PROVIDER: 'iplogs', IP_RISK_IPLOGS_URL: iplogs.url, IP_RISK_REDIS: redis.url }
  const first = await check(env, '192.0.2.7', '--json')
  t.match(JSON.parse(first.out), { verdict: 'vpn_detected', provider: 'iplogs', cache: 'miss' })
  const second = await check(env, '192.0.2.7', '--json')
  t.match(JSON.parse(second.out), { verdict: 'vpn_detected', cache: 'redis' })
  const alone = await check({ ...env, IP_RISK_REDIS: 'redis://127.0.0.1:1' }, '192.0.2.7')
  t.match(alone, { code: 0, out: /^192\.0\.2\.7 {2}vpn_detected/, err: /^ip-risk: Redis does not answer: .*/ })
  const many = Array.from({ length: 250 }, (_, i) => `8.8.4.${i}`)
  const bulk = await check(env, ...many)
  t.equal(bulk.code, 0)
  t.same(bulk.out.split('\n').map(line => line.split(' ')[0]), many, 'in order')
  t.match(bulk.out, /^8\.8\.4\.4 +vpn_detected/m)
})

t.test('exits with 1 when the provider fails, and names the number of addresses', async t => {
  const env = { IP_RISK_IPLOGS_URL: 'http://127.0.0.1:1' }
  const { code, out, err } = await check(env, '192.0.2.7', '192.0.2.8', '--provider', 'iplogs', '--timeout-ms', '2000')
  t.equal(code, 1)
  t.match(out, /^192\.0\.2\.7 {2}unknown \(unavailable\)\n192\.0\.2\.8 {2}unknown/)
  t.match(err, /2 of 2 addresses without a verdict/)
})

t.test('GetIPIntel gets its flags, and its limits hold over runs', async t => {
  const getipintel = await fakeGetipintel({ '192.0.2.7': { result: '1', BadIP: 1, Country: 'NL' } })
  t.teardown(() => getipintel.close())
  const folder = t.testdir()
  const env = {
    GETIPINTEL_CONTACT: 'someone@example.com', IP_RISK_GETIPINTEL_URL: getipintel.url, IP_RISK_PROVIDER: 'getipintel', XDG_CACHE_HOME: folder
  }
  const flagged = await check(env, '192.0.2.7', '--flags', 'm', '--oflags', 'bc', '--json', '--per-day', '2')
  t.match(JSON.parse(flagged.out), { verdict: 'vpn_detected', provider: 'getipintel/m+bc' })
  t.match(await check(env, '192.0.2.8', '--flags', 'm', '--per-day', '2'), { code: 0, out: /^192\.0\.2\.8 {2}clean/ })
  const third = await check(env, '192.0.2.9', '--flags', 'm', '--per-day', '2')
  t.match(third, { code: 1, out: /^192\.0\.2\.9 {2}unknown \(quota_exhausted\)/ })
  const path = join(folder, 'fastify-ip-risk', 'getipintel.calls')
  t.equal(readFileSync(path, 'utf8').trim().split('\n').length, 2)
  writeFileSync(join(folder, 'file'), '')
  const unkept = await check({ ...env, XDG_CACHE_HOME: join(folder, 'file') }, '192.0.2.9', '--flags', 'm')
  t.match(unkept, { code: 0, err: /^ip-risk: calls cannot be counted over several runs: ENOTDIR/ })
})

t.test('calls are counted in a file by minute and by day, and old ones are forgotten', async t => {
  const path = join(t.testdir(), 'some', 'x.calls')
  let nowMs = 1_800_000_000_000
  const provider: Provider = { name: 'x', lookup: () => ({ verdict: 'unknown', reason: 'no_data' }) }
  const options = { path, limits: { perMinute: 2, perDay: 3 }, now: () => nowMs, onUnwritable: (error: Error) => { throw error } }
  const ask = async () => await withCallLog(provider, options).lookup('8.8.8.8', bareContext()) as { reason: string, retryAfterSeconds?: number }
  t.notOk(existsSync(path))
  t.same([(await ask()).reason, (await ask()).reason], ['no_data', 'no_data'])
  t.match(await ask(), { reason: 'quota_exhausted', retryAfterSeconds: 60 })
  nowMs += 60_000
  t.match(await ask(), { reason: 'no_data' })
  nowMs += 60_000
  t.match(await ask(), { reason: 'quota_exhausted', retryAfterSeconds: 86_400 - 120 })
  nowMs += 86_400_000
  t.match(await ask(), { reason: 'no_data' })
  t.equal(readFileSync(path, 'utf8'), `${nowMs}\n`)
})
