import t from 'tap'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import ipRisk, { iplogs } from '../lib/index.ts'
import { fakeIplogs } from '../lib/testing/index.ts'
import { startRedis } from './support/redis.ts'
import { needs } from './support/services.ts'
import { refusedServe, startServe } from './support/serve.ts'

const token = 'a-token-of-the-test-0123456789'

t.test('shares verdicts with a plugin through Redis: one call of the provider over both', async t => {
  const [redis, service] = await Promise.all([startRedis(), fakeIplogs({ '9.9.9.9': 'vpn_detected' })])
  t.teardown(async () => await Promise.all([redis.stop(), service.close()]))
  const secret = 'a key secret of the test'
  writeFileSync(join(t.testdir(), 'secret'), `${secret}\n`)
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(ipRisk, {
    redis: redis.url, provider: iplogs({ baseUrl: service.url }), cache: { keyPrefix: 'own:', keySecret: secret, redisTimeoutMs: 2_000 }
  })
  app.get('/', { config: { ipRisk: true } }, request => request.ipRisk)
  await app.ready()
  const serve = await startServe(t, [
    '--provider', 'iplogs', '--redis', redis.url, '--key-prefix', 'own:', '--key-secret-file', join(t.testdirName, 'secret')
  ], { IP_RISK_IPLOGS_URL: service.url })

  t.match((await app.inject({ url: '/', remoteAddress: '9.9.9.9' })).json(), { verdict: 'vpn_detected', cache: 'miss' })
  t.match(await serve.post('/v1/check', { ip: '9.9.9.9' }), { status: 200, body: { verdict: 'vpn_detected', cached: true, cache: 'redis', provider: 'iplogs' } })
  t.match(await serve.post('/v1/check', { ip: '8.8.8.8' }), { status: 200, body: { verdict: 'clean', cached: false } })
  t.match((await app.inject({ url: '/', remoteAddress: '8.8.8.8' })).json(), { verdict: 'clean', cache: 'redis' })
  t.same(service.asked, ['9.9.9.9', '8.8.8.8'], 'each address once')
})

t.test('the Python client of IPLogs works against it with another base URL', { skip: needs('python3') }, async t => {
  const service = await fakeIplogs({ '9.9.9.9': 'vpn_detected', '1.1.1.2': { verdict: 'nonsense' } })
  t.teardown(async () => await service.close())
  const serve = await startServe(t, ['--provider', 'iplogs'], { IP_RISK_IPLOGS_URL: service.url })
  const client = join(import.meta.dirname, 'support/iplogs-client.py')
  const { stdout, stderr, status } = await python(client, serve.url, '9.9.9.9', '8.8.8.8', '1.1.1.2', '10.0.0.1')
  t.equal(status, 0, stderr)
  t.same(JSON.parse(stdout), {
    checks: {
      '9.9.9.9': { verdict: 'vpn_detected', is_vpn: true, org: 'Example', signals: ['known_vpn_exact'] },
      '8.8.8.8': { verdict: 'clean', is_vpn: false, org: 'Example', signals: [] },
      '1.1.1.2': null,
      '10.0.0.1': null
    },
    bulk: { '9.9.9.9': ['vpn_detected', 0.95, 'EX', 'AS64496', 'Example VPN'], '8.8.8.8': ['clean', 0.05, 'EX', 'AS64496', null] }
  })
})

t.test('decides where it is asked to, by the policy of a file', async t => {
  const service = await fakeIplogs({ '9.9.9.9': 'vpn_detected', '1.1.1.2': 'suspicious', '1.1.1.3': { verdict: 'nonsense' } })
  t.teardown(async () => await service.close())
  const policy = join(t.testdir(), 'policy.json')
  writeFileSync(policy, JSON.stringify({ write: { vpn_detected: 'block' }, rules: [{ action: 'kyc', atLeast: 'step_up_auth' }] }))
  const serve = await startServe(t, ['--provider', 'iplogs', '--policy', policy], { IP_RISK_IPLOGS_URL: service.url })
  const decision = async (ip: string, more: object) => (await serve.post('/v1/check', { ip, ...more })).body.decision
  t.equal(await decision('9.9.9.9', {}), undefined)
  t.equal(await decision('9.9.9.9', { action: 'signup' }), 'block')
  t.not(await decision('9.9.9.9', { write: false }), 'block')
  t.equal(await decision('8.8.8.8', { action: 'kyc' }), 'step_up_auth')
  t.equal(await decision('8.8.8.8', { action: 'signup' }), 'allow')
  t.match(await serve.post('/v1/check', { ip: '1.1.1.3', action: 'signup' }), { status: 200, body: { verdict: 'unknown', score: null, reason: 'bad_response', decision: String } })
  t.match(await serve.post('/v1/check', { ip: '1.1.1.3' }), { status: 503, body: { code: 'lookup_failed', reason: 'bad_response' } })
  const { body } = await serve.post('/v1/bulk-check', { ips: ['10.0.0.1', '9.9.9.9', '9.9.9.9', 'nothing'], action: 'signup' })
  t.match(body.results, [{ ip: '9.9.9.9', decision: 'block' }, { ip: '9.9.9.9', decision: 'block' }])
  t.match(body.unknown, [{ ip: '10.0.0.1', reason: 'not_public', decision: 'allow' }, { ip: 'nothing', reason: 'no_ip', decision: String }])
})

t.test('off the loopback it needs a token, and what the command line gets wrong is named', async t => {
  const folder = t.testdir({ short: 'abc', two: `${token}\n${token}\n`, empty: '', policy: '[' })
  const at = (name: string) => join(folder, name)
  for (const [args, message] of [
    [['--host', '0.0.0.0'], /--host 0\.0\.0\.0 is not the loopback.*--token-file FILE/],
    [['--host', '::'], /not the loopback/],
    [['--host', 'example.com'], /not the loopback/],
    [['--token-file', at('short')], /at least 16 visible/],
    [['--token-file', at('two')], /one line/],
    [['--token-file', at('missing')], /--token-file cannot be read: ENOENT/],
    [['--key-secret-file', at('empty')], /--key-secret-file must hold/],
    [['--policy', at('policy')], /--policy is not JSON/],
    [['--port', '70000'], /--port must be a whole number/],
    [['x'], /options only/]
  ] as const) {
    const { code, err } = await refusedServe(args)
    t.equal(code, 2, args.join(' '))
    t.match(err, message)
    t.notMatch(err, token)
  }
})

t.test('with a token, everything but health and the document needs it, and no reply or log holds it', async t => {
  const file = join(t.testdir(), 'token')
  writeFileSync(file, `${token}\n`)
  const serve = await startServe(t, ['--host', '0.0.0.0', '--token-file', file, '--provider', 'iplogs'], { IP_RISK_IPLOGS_URL: 'http://127.0.0.1:9' })
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `Bearer ${token}x`, `Basic ${token}`, token, `Bearer ${token.slice(0, -1)}`]) {
    const { status, body, headers } = await serve.post('/v1/check', { ip: '8.8.8.8' }, { authorization })
    t.match({ status, body }, { status: 401, body: { code: 'unauthorized' } }, authorization)
    t.equal(headers.get('www-authenticate'), 'Bearer')
  }
  t.match(await serve.post('/nothing', {}), { status: 401 })
  t.same((await serve.post('/v1/health', {})).status, 405)
  const health = async (headers = {}) => await (await fetch(`${serve.url}/v1/health`, { headers })).json()
  t.same(await health(), { status: 'ok' })
  t.same(await health({ authorization: `Bearer ${token}` }), { status: 'ok', reasons: [] })
  t.match(await serve.post('/v1/check', { ip: '8.8.8.8' }, { authorization: `Bearer ${token}` }), { status: 503, body: { reason: 'unavailable' } })
  const metrics = await (await fetch(`${serve.url}/metrics`, { headers: { authorization: `bearer ${token}` } })).text()
  t.match(metrics, /^fastify_ip_risk_serve_replies_total\{route="\/v1\/check",status="401"\} 7$/m)
  t.match(metrics, /^# TYPE fastify_ip_risk_lookups_total counter$/m)
  t.match(serve.err(), /listening/)
  for (const text of [serve.err(), metrics]) t.notMatch(text, token)
})

/** Not spawnSync: the fake of IPLogs answers in this process. */
async function python (...args: string[]): Promise<{ stdout: string, stderr: string, status: number | null }> {
  return await new Promise(resolve => {
    execFile('python3', args, (error, stdout, stderr) => resolve({ stdout, stderr, status: error === null ? 0 : 1 }))
  })
}
