import t from 'tap'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fakeIplogs } from '../lib/testing/index.ts'
import { raw, startServe } from './support/serve.ts'

const post = (path: string, headers: string, body: string) => `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n${body}`
const json = 'Content-Type: application/json\r\n'

t.test('answers every wrong request with an error as JSON, and goes on', async t => {
  const service = await fakeIplogs()
  t.teardown(async () => await service.close())
  const serve = await startServe(t, ['--provider', 'iplogs'], { IP_RISK_IPLOGS_URL: service.url })
  for (const [path, body, status, code] of [
    ['/v1/check', '', 400, 'invalid_json'],
    ['/v1/check', '{"ip":"8.8', 400, 'invalid_json'],
    ['/v1/check', '[]', 400, 'invalid_json'],
    ['/v1/check', 'null', 400, 'invalid_json'],
    ['/v1/check', '['.repeat(60_000), 400, 'invalid_json'],
    ['/v1/check', '{}', 400, 'invalid_ip'],
    ['/v1/check', '{"ip":""}', 400, 'invalid_ip'],
    ['/v1/check', '{"ip":["8.8.8.8"]}', 400, 'invalid_ip'],
    ['/v1/check', '{"__proto__":{"ip":"8.8.8.8"}}', 400, 'invalid_ip'],
    ['/v1/check', '{"ip":"8.8.8.8","action":7}', 400, 'invalid_action'],
    ['/v1/check', '{"ip":"8.8.8.8","write":"yes"}', 400, 'invalid_action'],
    ['/v1/bulk-check', '{"ips":"8.8.8.8"}', 400, 'invalid_ips'],
    ['/v1/bulk-check', '{"ips":[]}', 400, 'invalid_ips'],
    ['/v1/bulk-check', '{"ips":[7]}', 400, 'invalid_ips'],
    ['/v1/bulk-check', JSON.stringify({ ips: Array(101).fill('8.8.8.8') }), 400, 'invalid_ips'],
    ['/v1/bulk-check', JSON.stringify({ ips: ['8'.repeat(101)] }), 400, 'invalid_ips'],
    ['/v1/check', ' '.repeat(65_537), 413, 'body_too_large'],
    ['/v1/check', ' '.repeat(900_000), 413, 'body_too_large'],
    ['/__proto__', '{}', 404, 'not_found'],
    ['/v1/health', '{}', 405, 'method_not_allowed']
  ] as const) {
    t.match(await serve.post(path, body), { status, body: { code, error: String } }, `${path} ${body.slice(0, 40)}`)
  }
  t.match(await serve.post('/v1/check', '{"ip":"8.8.8.8"}', { 'content-type': 'text/plain' }), { status: 415, body: { code: 'unsupported_media_type' } })
  for (const [bytes, answer] of [
    ['hello\r\n\r\n', /^HTTP\/1\.1 400 .*"code":"malformed_request"/s],
    [`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`, /^HTTP\/1\.1 431 .*"code":"headers_too_large"/s],
    ['GET /v1/health HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 421 .*"code":"wrong_host"/s],
    ['GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 421 /],
    [post('/v1/check', `${json}Content-Length: 9999999\r\n`, '{'), /^HTTP\/1\.1 413 .*"code":"body_too_large"/s],
    [post('/v1/check', `${json}Transfer-Encoding: chunked\r\n`, 'nonsense\r\n'), /^HTTP\/1\.1 400 /],
    [post('/v1/check', `${json}Content-Length: 4\r\nConnection: close\r\n`, '"\xff\xfe"'), /^HTTP\/1\.1 400 .*"code":"invalid_json"/s]
  ] as const) t.match(await raw(serve.port, bytes), answer, bytes.slice(0, 30))
  t.equal(service.calls, 0, 'none of them asked the provider')

  const cut = connect(serve.port, '127.0.0.1')
  cut.write(post('/v1/check', `${json}Content-Length: 100\r\n`, '{"ip":'))
  await once(cut, 'connect')
  cut.resetAndDestroy()
  t.match(await serve.post('/v1/check', { ip: '8.8.8.8', user_agent: 'x', timezone: null }), { status: 200, body: { verdict: 'clean' } })
  t.notMatch(serve.err(), /failed/, 'and nothing of it was an error of ours')
})

t.test('a client that sends slowly is given up, in its headers and in its body', async t => {
  const serve = await startServe(t)
  const slow = async (...parts: string[]) => {
    const socket = connect(serve.port, '127.0.0.1')
    socket.on('error', () => {})
    let text = ''
    socket.setEncoding('utf8').on('data', chunk => { text += chunk })
    const timer = setInterval(() => socket.write(parts.shift() ?? 'x'), 100)
    await once(socket, 'close')
    clearInterval(timer)
    return text
  }
  const [headers, body] = await Promise.all([
    slow('GET / HTTP/1.1\r\n', 'Host: 127.0.0.1\r\n', 'X-Slow: '),
    slow(post('/v1/check', `${json}Content-Length: 60000\r\n`, '{'))
  ])
  for (const text of [headers, body]) t.match(text, /^HTTP\/1\.1 408 .*"code":"request_timeout"/s)
  t.equal((await fetch(`${serve.url}/v1/health`)).status, 200)
})

t.test('bounds the addresses of a client, each of a bulk call counting', async t => {
  const serve = await startServe(t, ['--rate', '100', '--provider', 'iplogs'], { IP_RISK_IPLOGS_URL: 'http://127.0.0.1:9' })
  const ips = Array.from({ length: 90 }, (_, i) => `10.0.0.${i}`)
  t.equal((await serve.post('/v1/bulk-check', { ips })).status, 200)
  const { status, headers, body } = await serve.post('/v1/bulk-check', { ips })
  t.match({ status, body }, { status: 429, body: { code: 'rate_limited' } })
  t.match(headers.get('retry-after'), /^[1-9]\d?$/)
})

t.test('SIGTERM answers what is in flight, takes nothing new, and exits with 0', async t => {
  const service = await fakeIplogs()
  t.teardown(async () => await service.close())
  service.delay(700)
  const serve = await startServe(t, ['--provider', 'iplogs'], { IP_RISK_IPLOGS_URL: service.url })
  const idle = connect(serve.port, '127.0.0.1')
  idle.on('error', () => {})
  const inFlight = Array.from({ length: 20 }, (_, i) => serve.post('/v1/check', { ip: `8.8.4.${i}` }))
  while (service.calls < 20) await new Promise(resolve => setTimeout(resolve, 10))
  serve.process.kill('SIGTERM')
  for (const { status, body } of await Promise.all(inFlight)) t.match({ status, body }, { status: 200, body: { verdict: 'clean' } })
  t.equal(await serve.exited, 0)
  t.match(serve.err(), /stopping/)
  await t.rejects(fetch(`${serve.url}/v1/health`))
})

t.test('a provider that hangs does not hold the exit: what waits is answered, and the exit code is 0', async t => {
  const service = await fakeIplogs()
  t.teardown(async () => await service.close())
  service.fault('hang')
  const serve = await startServe(t, ['--provider', 'iplogs', '--timeout-ms', '60000', '--drain-ms', '100'], { IP_RISK_IPLOGS_URL: service.url })
  const waiting = [
    serve.post('/v1/check', { ip: '8.8.8.8', action: 'signup' }),
    serve.post('/v1/bulk-check', { ips: ['9.9.9.9', '9.9.9.10'] })
  ]
  while (service.calls < 2) await new Promise(resolve => setTimeout(resolve, 10))
  serve.process.kill('SIGTERM')
  const [one, many] = await Promise.all(waiting)
  t.match(one, { status: 200, body: { verdict: 'unknown' } })
  t.match(many, { status: 200, body: { results: [], unknown: [{ ip: '9.9.9.9' }, { ip: '9.9.9.10' }] } })
  t.equal(await serve.exited, 0)
})

t.test('requests without the token do not use up the rate of those with it', async t => {
  const token = 'a-token-of-the-test-0123456789'
  const file = join(t.testdir(), 'token')
  writeFileSync(file, token)
  const serve = await startServe(t, ['--rate', '100', '--provider', 'iplogs', '--token-file', file], { IP_RISK_IPLOGS_URL: 'http://127.0.0.1:9' })
  const statuses = new Set<number>()
  for (let i = 0; i < 130; i++) statuses.add((await serve.post('/v1/check', {})).status)
  t.same([...statuses], [401, 429])
  const authorization = `Bearer ${token}`
  t.equal((await serve.post('/v1/bulk-check', { ips: ['10.0.0.1'] }, { authorization })).status, 200)
})
