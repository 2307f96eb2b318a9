import t, { type Test } from 'tap'
import type { Provider, ProviderAnswer } from '../types/contract.ts'
import { escalate, fallback } from '../lib/providers/composite/index.ts'
import { type HttpProviderOptions, httpProvider } from '../lib/providers/http/index.ts'
import { secretFinder } from '../lib/providers/http/secret.ts'
import { maxmindInsights, proxycheck } from '../lib/providers/vendors/index.ts'
import { createPipelines, type ProviderPipelines } from '../lib/resilience/index.ts'
import { fakeServer } from '../lib/testing/fake-server.ts'
import { fakeProxycheck } from '../lib/testing/index.ts'
import { knownAnswer, unknownAnswer } from '../lib/verdict/index.ts'
import { ask, bareContext, collect } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const secret = 'k3y+/with:colon/and~MORE'
const ip = '203.0.113.9'
const of = (text: string): ProviderAnswer => ({ ...knownAnswer('clean'), info: { org: text } })
const basic = (user: string): string => Buffer.from(`${user}:${secret}`).toString('base64')
const everyByte = [...Buffer.from(secret)].map(byte => `%${byte.toString(16)}`).join('')

function pipelinesOf (t: Test, provider: Provider, log = memoryLog()): ProviderPipelines {
  const pipelines = createPipelines(provider, { log })
  t.teardown(() => pipelines.close())
  return pipelines
}

t.test('a secret is recognized in every encoding that a service could echo', async t => {
  const forms = {
    plain: secret,
    'another case': secret.toUpperCase(),
    'a URL': encodeURIComponent(secret),
    'a URL in lower case': encodeURIComponent(secret).toLowerCase(),
    'a URL, twice': encodeURIComponent(encodeURIComponent(secret)),
    'a URL, each byte': everyByte,
    'a form': new URLSearchParams({ key: secret }).toString(),
    hex: Buffer.from(secret).toString('hex'),
    'hex in upper case': Buffer.from(secret).toString('hex').toUpperCase(),
    'Basic of one digit': basic('1'),
    'Basic of two digits': basic('42'),
    'Basic of six digits': basic('123456'),
    'Basic in a URL': encodeURIComponent(basic('42')),
    'base64 for URLs': Buffer.from(`a:${secret}:b`).toString('base64url'),
    'JSON in JSON': JSON.stringify({ key: secret })
  }
  const repeats = secretFinder(secret)
  for (const [what, form] of Object.entries(forms)) t.equal(repeats(of(`before ${form} after`)), true, what)
  const others = ['', 'Example Networks', secret.slice(1), secret.slice(0, 7), Buffer.from('1:another secret, of somebody').toString('base64')]
  for (const other of others) t.equal(repeats(of(other)), false, other)
  t.equal(repeats(of(`and cut off: ${secret.slice(0, 15)}`)), true)
  t.equal(repeats(of(`and cut off: ${basic('42').slice(0, 24)}`)), true)
  t.equal(repeats(of(`not cut off: ${secret.slice(0, 15)}, and more`)), false)
  t.equal(secretFinder('abc')(of('abc')), false, 'too short to tell from other text')
})

t.test('a service that echoes the key in an answer, an error or a header brings it nowhere', async t => {
  const log = memoryLog()
  const answers: unknown[] = []
  let how: (call: { url: URL, authorization: string }) => string = () => ''
  let status = 200
  const server = await fakeServer(({ url, headers }) => {
    const said = how({ url, authorization: headers.authorization ?? '' })
    return {
      asked: [ip],
      status,
      headers: { 'retry-after': said, 'x-echo': said },
      text: JSON.stringify({
        code: said,
        error: said,
        message: said,
        status: 'ok',
        traits: { ip_address: ip, isp: said },
        [ip]: { detections: { vpn: false, proxy: false, risk: 0 }, network: { provider: said } }
      })
    }
  })
  t.teardown(() => server.close())
  const echoes = (): Provider => httpProvider<{ message: string }>({
    name: 'echoes',
    baseUrl: server.url,
    secret,
    alsoRead: [400, 403],
    request: (ip, key) => ({
      path: `/${ip}`, query: { key }, headers: { authorization: `Basic ${Buffer.from(`42:${key}`).toString('base64')}` }
    }),
    read: ({ message: org }, _ip, { headers, status }) => status === 200
      ? knownAnswer('vpn_likely', { info: { org }, signals: [{ type: 'said', weight: 0, detail: headers['x-echo'] ?? '' }] })
      : { ...unknownAnswer('rejected', org.slice(0, 40)), alert: `It says: ${org.slice(0, 40)}`, retryAfterSeconds: 60 }
  })
  // Each is made anew: a pause would keep the next question from the service.
  const providers = [
    echoes,
    () => maxmindInsights({ baseUrl: server.url, accountId: 42, licenseKey: secret }),
    () => proxycheck({ baseUrl: server.url, key: secret })
  ]
  const echoed = [
    ({ authorization }: { authorization: string }) => `bad ${authorization}`,
    ({ url }: { url: URL }) => `bad ${url.search}`,
    () => `bad key ${secret}`
  ]
  for (const provider of providers) {
    for (how of echoed) {
      for (status of [200, 400, 403, 429, 500]) {
        const pipelines = createPipelines(provider(), { log })
        answers.push(await pipelines.ask(ip, { write: true }), pipelines.stats())
        await pipelines.close()
      }
    }
  }
  t.equal(server.calls, 3 * 3 * 5)
  const said = JSON.stringify(answers) + log.text()
  t.notOk(secretFinder(secret)(of(said)), 'no answer, counter or line has it')
  t.notMatch(said, /MORE/, 'nor what its capital letters are')
  t.match(said, /"reason":"rejected","retryAfterSeconds":60,"cause":"the answer repeats a secret"/, 'a refusal keeps its reason and its pause')
})

type Body = { readonly verdict: 'clean' }
type Options = HttpProviderOptions<Body>
const keyed = (baseUrl: string, key: Options['secret'], more: Partial<Options> = {}): Provider => httpProvider<Body>({
  name: 'keyed',
  baseUrl,
  costPerCall: 1,
  ...key !== undefined && { secret: key },
  limits: { perCalendarDay: 10 },
  request: (ip, secret) => ({ path: `/v3/${ip}`, query: { key: secret } }),
  read: () => knownAnswer('clean'),
  ...more
})

t.test('without a key no call is made, so nothing is counted, charged or paid, and no key is asked for twice', async t => {
  const server = await fakeProxycheck({}, { key: 'second' })
  t.teardown(() => server.close())
  let key: () => string | Promise<string> = () => { throw new Error('hush') }
  let gets = 0
  const composite = (): Provider => fallback(keyed(server.url, () => { gets++; return key() }, { timeoutMs: 300 }), { maxCostPerDay: 10 })
  const free = { keyed: { calls: 0, cost: 0, dayLeft: 10, failures: 1 } }
  const failing = { throws: key, empty: () => '', 'never returns': () => new Promise<string>(() => {}) }
  for (const [what, get] of Object.entries(failing)) {
    key = get
    gets = 0
    const log = memoryLog()
    const pipelines = pipelinesOf(t, composite(), log)
    t.equal(await ask(pipelines, ip), 'rejected', what)
    t.match(pipelines.stats(), free, what)
    t.match(pipelines.compositeStats(), { 'fallback(keyed)': { costToday: 0 } }, what)
    t.equal(gets, 1)
    t.equal(await ask(pipelines, '203.0.113.8'), 'rejected', 'it pauses')
    t.equal(gets, 1)
    t.match(log.text(), /function that gives the key/)
    t.notMatch(log.text(), /hush/)
  }
  t.equal(server.calls, 0)
  key = () => 'second'
  gets = 0
  const pipelines = pipelinesOf(t, composite())
  t.equal(await ask(pipelines, ip), 'clean')
  t.match(pipelines.stats(), { keyed: { calls: 1, cost: 1, dayLeft: 9 } })
  t.equal(gets, 1)
})

t.test('nor for a chunk of a bulk', async t => {
  const server = await fakeProxycheck({}, { key: 'second' })
  t.teardown(() => server.close())
  for (const key of [() => { throw new Error('hush') }, () => new Promise<string>(() => {})]) {
    const pipelines = pipelinesOf(t, proxycheck({ baseUrl: server.url, key, timeoutMs: 100, costPerCall: 1 }))
    const rows = await collect(pipelines.bulk([ip, '203.0.113.8'], { write: false }))
    t.equal(rows.length, 2)
    t.match(pipelines.stats(), { proxycheck: { calls: 0, cost: 0, dayLeft: 1_000 } })
  }
  t.equal(server.calls, 0)
})

t.test('a close ends the wait for a key', async t => {
  const pipelines = pipelinesOf(t, keyed('http://127.0.0.1:9', () => new Promise(() => {}), { timeoutMs: 60_000 }))
  const answer = ask(pipelines, ip)
  await new Promise(resolve => setImmediate(resolve))
  pipelines.abort()
  t.equal(await answer, 'unavailable')
})

t.test('a provider of your own prepares its calls in the same way, also below a composite', async t => {
  const seen: unknown[] = []
  const own: Provider = { name: 'own', costPerCall: 1, prepare: async () => 'ready', lookup: (_ip, { prepared }) => { seen.push(prepared); return knownAnswer('clean') } }
  const cheap: Provider = { name: 'cheap', lookup: () => knownAnswer('suspicious') }
  t.equal(await ask(pipelinesOf(t, escalate(cheap, own)), ip), 'clean')
  t.same(seen, ['ready'])
  const refusing = { ...own, name: 'refusing', prepare: () => unknownAnswer('overloaded') }
  const pipelines = pipelinesOf(t, refusing)
  t.equal(await ask(pipelines, ip), 'overloaded')
  t.match(pipelines.stats(), { refusing: { calls: 0, cost: 0 } })
  t.equal(await ask(pipelinesOf(t, { ...own, name: 'throwing', prepare: () => { throw new Error('hush') } }), ip), 'unavailable')
  const alone = keyed('http://127.0.0.1:9', () => { throw new Error('hush') })
  t.match(await alone.lookup(ip, bareContext()), { reason: 'rejected' }, 'without a pipeline it gets the key itself')
  await alone.close?.()
})
