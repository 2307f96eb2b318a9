import t from 'tap'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProviderAnswer } from '../types/contract.ts'
import Fastify from 'fastify'
import ipRisk, { fallback, lists, type RouteIpRiskOption } from '../lib/index.ts'
import { fakeGetipintel, type FakeGetipintelAnswer } from '../lib/testing/index.ts'
import { getipintel, type GetipintelOptions } from '../lib/providers/getipintel/index.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { ask, bareContext, clock, said } from './support/guard.ts'
import { memoryLog, pinoLog } from './support/log.ts'

const contact = 'ops+ip@example.org'
const ip = '203.0.113.9'

async function answerTo (reply: FakeGetipintelAnswer, options: Partial<GetipintelOptions> = {}): Promise<ProviderAnswer> {
  const server = await fakeGetipintel({ [ip]: reply })
  const provider = getipintel({ contact, baseUrl: server.url, flags: 'm', ...options })
  const answer = await provider.lookup(ip, bareContext())
  await provider.close!()
  await server.close()
  return answer
}

t.test('grades the score, which comes as a string', async t => {
  const rows: [string, string, boolean][] = [
    ['0', 'clean', false], ['0.5', 'clean', false], ['0.8999', 'clean', false], ['0.90', 'suspicious', false], ['0.95', 'suspicious', false],
    ['0.951', 'vpn_likely', true], ['0.99', 'vpn_likely', true], ['0.99992799758911', 'vpn_detected', true], ['1', 'vpn_detected', true],
    ['1.0E-5', 'clean', false]
  ]
  for (const [result, verdict, isVpn] of rows) {
    t.match(await answerTo({ result }), { verdict, isVpn, score: Number(result), confidence: null }, result)
  }
  t.match(await answerTo({ result: '0.7' }, { thresholds: { suspicious: 0.6 } }), { verdict: 'suspicious' })
  t.match(await answerTo({ result: '1' }, { thresholds: { vpn_detected: 1 } }), { verdict: 'vpn_detected' }, '1 is a listed address whatever the grades')
})

t.test('reads what oflags add, as numbers and as strings', async t => {
  t.match(await answerTo({ result: '0.2', BadIP: '1', Country: 'NL', ASN: '64496; AS64497' }), {
    verdict: 'clean', categories: ['abuse'], info: { countryCode: 'NL', asn: 'AS64496' }
  })
  t.match(await answerTo({ result: '1', iCloudRelayEgress: 1, VPNType: 'iCloudRelayEgress' }), { verdict: 'vpn_detected', categories: ['relay'] })
  t.match(await answerTo({ result: '1', GoogleOneVPN: '1', VPNType: 'GoogleFiVPN', BadIP: 0 }), { categories: ['vpn'] })
  t.match(await answerTo({ result: '0.3', ResidentialProxy: '0.98', ASN: 64496 }), { categories: ['proxy'], info: { asn: 'AS64496' } })
  t.match(await answerTo({ result: '0.3', ResidentialProxy: '7', Country: 'Nowhere', ASN: 'x' }), { categories: [], info: {} })
})

t.test('classifies every error code, under 400 and under 200, and never takes one for a score', async t => {
  const reasons = { '-1': 'rejected', '-2': 'rejected', '-3': 'rejected', '-4': 'unavailable', '-5': 'rejected', '-6': 'rejected', '-7': 'bad_response' }
  for (const [code, reason] of Object.entries(reasons)) {
    t.equal(await said(answerTo(Number(code))), reason, code)
    t.equal(await said(answerTo({ result: code, status: 'success' })), reason, `${code} under a lying status`)
  }
  t.equal(await said(answerTo({ status: 'error', result: '0' })), 'bad_response')
  t.equal(await said(answerTo({ result: '2' })), 'bad_response')
  t.equal(await said(answerTo({ result: '' })), 'bad_response')
  t.equal(await said(answerTo({ result: null })), 'bad_response')
})

t.test('reads plain replies too, with their codes under 400', async t => {
  let reply = { status: 200, text: '' }
  const server = createServer((_request, response) => { response.writeHead(reply.status).end(reply.text) })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const provider = getipintel({ contact, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, oflags: 'cb' })
  t.teardown(async () => {
    await provider.close!()
    server.close()
  })
  const answer = async (status: number, text: string): Promise<ProviderAnswer> => {
    reply = { status, text }
    return await provider.lookup(ip, bareContext())
  }
  t.match(await answer(200, '0.99992799758911,1,US\n'), { verdict: 'vpn_detected', categories: ['vpn', 'abuse'], info: { countryCode: 'US' } })
  t.match(await answer(200, '0'), { verdict: 'clean', info: {} })
  for (const [status, text, reason] of [
    [400, '-3', 'rejected'], [400, '-4', 'unavailable'], [200, '-5', 'rejected'], [400, 'Bad request', 'rejected'], [400, '0.5', 'rejected'],
    [200, '', 'bad_response'], [200, 'NaN', 'bad_response'], [200, '0.5 or so', 'bad_response'], [200, '0x1', 'bad_response'], [200, '{"result":', 'bad_response']
  ] as const) t.equal(await said(answer(status, text)), reason, `${status} ${text}`)
})

t.test('sends the contact encoded, our name, and the flags', async t => {
  let seen: { url?: string | undefined, agent?: string | undefined } = {}
  const server = createServer((request, response) => {
    seen = { url: request.url, agent: request.headers['user-agent'] }
    response.end('{"status":"success","result":"0"}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const plain = getipintel({ contact, baseUrl, flags: 'b', oflags: 'ic', families: [4, 6] })
  await plain.lookup('2001:db8::1', bareContext())
  t.equal(seen.url, '/check.php?ip=2001%3Adb8%3A%3A1&contact=ops%2Bip%40example.org&format=json&flags=b&oflags=ci')
  t.match(seen.agent, /^fastify-ip-risk\/\d/)
  const own = getipintel({ contact, baseUrl, userAgent: 'shop/1' })
  await own.lookup(ip, bareContext())
  t.equal(seen.agent, 'shop/1')
  t.notMatch(seen.url, /flags/)
  await Promise.all([plain.close!(), own.close!()])
  server.close()
})

t.test('the name says what changes the answers, and all share one budget', async t => {
  const name = (options: Partial<GetipintelOptions>): string => {
    const provider = getipintel({ contact, ...options })
    t.equal(provider.quotaName, 'getipintel')
    t.teardown(() => provider.close!())
    return provider.name
  }
  t.equal(name({}), 'getipintel')
  t.equal(name({ flags: 'm' }), 'getipintel/m')
  t.equal(name({ flags: 'm', oflags: 'cb' }), 'getipintel/m+bc')
  t.equal(name({ oflags: 'c', thresholds: { vpn_likely: 0.97 } }), 'getipintel/+c@0.9,0.97,0.99')
})

t.test('wrong options are refused at start, without the contact in the message', async t => {
  const rows: [object, RegExp][] = [
    [{}, /getipintel\.contact/], [{ contact: 'me at home' }, /getipintel\.contact/], [{ contact, flags: 'x' }, /getipintel\.flags/],
    [{ contact, oflags: 'bz' }, /getipintel\.oflags/], [{ contact, oflags: 'bb' }, /getipintel\.oflags/], [{ contact, families: [5] }, /getipintel\.families/],
    [{ contact, thresholds: { suspicious: 0.99, vpn_likely: 0.9 } }, /thresholds.*rise/], [{ contact, thresholds: { clean: 1 } }, /thresholds\.clean/],
    [{ contact, baseUrl: 'https://user:pw@example.org' }, /baseUrl/], [{ contact, userAgent: 'a\nb' }, /userAgent/], [{ contact, email: 1 }, /email/]
  ]
  for (const [options, message] of rows) {
    t.throws(() => getipintel(options as GetipintelOptions), { code: 'FST_IP_RISK_BAD_OPTION', message }, JSON.stringify(options))
  }
  try {
    getipintel({ contact: 'secret-mailbox' })
    t.fail()
  } catch (error) {
    t.notMatch((error as Error).message, /secret-mailbox/)
  }
})

t.test('a ban stops all calls for an hour, with one line that says what to do', async t => {
  for (const code of [-5, -6]) {
    const server = await fakeGetipintel({ [ip]: code })
    const log = memoryLog()
    const { now, pass } = clock()
    const guarded = createPipelines(getipintel({ contact, baseUrl: server.url, flags: 'm' }), { log, now })
    t.equal(await ask(guarded, ip), 'rejected')
    t.same(await Promise.all(['192.0.2.1', '192.0.2.2', ip].map(ip => ask(guarded, ip))), ['rejected', 'rejected', 'rejected'])
    pass(3_599_000)
    t.equal(await ask(guarded, '192.0.2.3'), 'rejected')
    t.equal(server.calls, 1)
    t.match(log.lines, [{ level: 'error', message: /A human must act/ }])
    pass(2_000)
    t.equal(await ask(guarded, '192.0.2.3'), 'clean')
    await guarded.close()
    await server.close()
  }
})

t.test('without flags it is asked again in the background, after reads too', async t => {
  const server = await fakeGetipintel({ [ip]: 0.5 })
  t.teardown(() => server.close())
  const provider = getipintel({ contact, baseUrl: server.url })
  const looks: { delayMs: number, again: ProviderAnswer }[] = []
  const write = bareContext({ write: true })
  const later = async (delayMs: number, look: (context: typeof write) => ProviderAnswer | Promise<ProviderAnswer>): Promise<void> => {
    looks.push({ delayMs, again: await look(write) })
  }
  await provider.lookup(ip, bareContext({ write: true, later: (ms, look) => { later(ms, look) } }))
  await provider.lookup(ip, bareContext({ write: false, later: (ms, look) => { later(ms, look) } }))
  while (looks.length < 2) await new Promise(resolve => setImmediate(resolve))
  t.match(looks, [{ delayMs: 5_100, again: { verdict: 'clean' } }, { delayMs: 5_100, again: { verdict: 'clean' } }])
  t.equal(server.calls, 4)
  await provider.close!()
})

t.test('warns once of routes that wait for all checks', async t => {
  const warningsOf = async (flags: 'f' | 'b', option: RouteIpRiskOption): Promise<unknown[]> => {
    const { lines, logger } = pinoLog()
    const app = Fastify({ logger })
    await app.register(ipRisk, { provider: fallback(getipintel({ contact, flags, oflags: 'c' }), lists({ sources: [] })), stepUp: { isSatisfied: () => true } })
    for (const url of ['/a', '/b']) app.post(url, { config: { ipRisk: option } }, async () => 'ok')
    await app.close()
    return lines.filter(({ code }) => code === 'IP_RISK_PROVIDER_SLOW')
  }
  t.equal((await warningsOf('f', 'signup')).length, 1)
  t.strictSame(await warningsOf('f', { action: 'signup', lookup: 'background' }), [])
  t.strictSame(await warningsOf('f', false), [])
  t.strictSame(await warningsOf('b', 'signup'), [])
})
