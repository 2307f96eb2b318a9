import t from 'tap'
import { fakeGetipintel, fakeIplogs, fakeProvider, type Fault } from '../lib/testing/index.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { bareContext } from './support/guard.ts'

const post = async (url: string, body: string): Promise<Response> => await fetch(url, { method: 'POST', body })

t.test('fakeProvider says what it was told, and clean of the others', async t => {
  const whole = knownAnswer('suspicious', { categories: ['relay'] })
  const provider = fakeProvider({ '192.0.2.1': 'vpn_detected', '192.0.2.2': 'timeout', '192.0.2.3': whole })
  const said = async (ip: string): Promise<unknown> => await provider.lookup(ip, bareContext())
  t.match(await said('192.0.2.1'), { verdict: 'vpn_detected', isVpn: true, score: 0.95, categories: ['vpn'] })
  t.same(await said('192.0.2.2'), { verdict: 'unknown', reason: 'timeout' })
  t.equal(await said('192.0.2.3'), whole)
  t.match(await said('192.0.2.4'), { verdict: 'clean', isVpn: false })
  t.same(provider.asked, ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
  t.match(await fakeProvider({}, { name: 'mine', otherwise: 'no_data', delayMs: 1 }).lookup('192.0.2.1', bareContext()), { reason: 'no_data' })
})

t.test('fakeIplogs speaks the protocol, and scores the caller when no address is given', async t => {
  const server = await fakeIplogs({ '192.0.2.1': 'vpn_likely', '192.0.2.2': { verdict: 'suspicious', score: 0.31 } })
  t.teardown(() => server.close())
  const check = async (body: string): Promise<unknown> => await (await post(`${server.url}/v1/check`, body)).json()
  t.match(await check('{"ip":"192.0.2.1"}'), { verdict: 'vpn_likely', ip_info: { ip: '192.0.2.1' } })
  t.match(await check('{"ip":"192.0.2.2"}'), { verdict: 'suspicious', score: 0.31 })
  t.match(await check('{}'), { ip_info: { ip: '127.0.0.1' } })
  t.match(await check('{"ip":""}'), { error: 'invalid ip' })
  t.match(await check('nonsense'), { error: 'not found' })
  t.match(await (await fetch(`${server.url}/v1/health`)).json(), { status: 'ok' })
  t.match(await (await post(`${server.url}/v1/bulk-check`, '{"ips":["192.0.2.1","192.0.2.9"]}')).json(), {
    results: [{ ip: '192.0.2.1', verdict: 'vpn_likely' }, { ip: '192.0.2.9', verdict: 'clean' }]
  })
  t.equal((await post(`${server.url}/v1/bulk-check`, JSON.stringify({ ips: Array(101).fill('192.0.2.1') }))).status, 400)
  t.equal(server.calls, 8)
  t.equal(server.callTimes.length, 8)
  t.same(server.asked, ['192.0.2.1', '192.0.2.2', '127.0.0.1', '192.0.2.1', '192.0.2.9'])
})

t.test('fakeGetipintel speaks both formats, and refuses what the real one refuses', async t => {
  const server = await fakeGetipintel({ '192.0.2.1': 0.97, '192.0.2.2': { result: '0.5', BadIP: 1, Country: 'CH' }, '192.0.2.3': -5 })
  t.teardown(() => server.close())
  const ask = async (query: string): Promise<string> => {
    const reply = await fetch(`${server.url}/check.php?${query}`)
    return `${reply.status} ${await reply.text()}`
  }
  t.equal(await ask('contact=a@b.c&ip=192.0.2.1'), '200 0.97')
  t.equal(await ask('contact=a@b.c&ip=192.0.2.2&oflags=cb'), '200 0.5,1,CH')
  t.equal(await ask('contact=a@b.c&ip=192.0.2.1&oflags=bc'), '200 0.97,0,US')
  t.equal(await ask('contact=a@b.c&ip=192.0.2.3&oflags=bc'), '400 -5')
  t.equal(await ask('contact=a@b.c'), '400 -1')
  t.equal(await ask('contact=a@b.c&ip=x'), '400 -2')
  t.equal(await ask('contact=a@b.c&ip=10.0.0.1'), '400 -3')
  t.equal(await ask('ip=192.0.2.1'), '400 -6')
  t.match(await ask('contact=a@b.c&ip=192.0.2.9&format=json&flags=m'), /^200 .*"result":"0".*"contact":"a@b.c"/)
  t.match(await ask('contact=nobody&ip=192.0.2.9&format=json'), /^400 .*"status":"error","result":"-6"/)
  t.match(await (await fetch(`${server.url}/other`)).text(), 'not found')
})

t.test('faults last as long as they were ordered', async t => {
  const server = await fakeGetipintel()
  t.teardown(() => server.close())
  const ask = async (): Promise<string> => await (await fetch(`${server.url}/check.php?contact=a@b.c&ip=192.0.2.1`)).text()
  const faulty = async (fault: Fault): Promise<string> => {
    server.fault(fault, 1)
    return await ask()
  }
  t.equal(await faulty('nan'), 'NaN')
  t.equal(await faulty('string_numbers'), '0')
  t.equal((await faulty('huge')).length, 1_500_001)
  t.equal(await faulty({ status: 503 }), '')
  t.equal(await ask(), '0')
  server.fault('html')
  t.match(await ask(), '<!doctype html>')
  t.match(await ask(), '<!doctype html>')
  server.heal()
  t.equal(await ask(), '0')
})
