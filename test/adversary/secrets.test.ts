import t, { type Test } from 'tap'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { createIpRisk, fallback, getipintel, httpProvider } from '../../lib/index.ts'
import type { EngineOptions, Provider } from '../../types/contract.ts'
import { startRedis } from '../support/redis.ts'

const CLIENT = '203.0.113.77'
/** What a visitor typed: it belongs into no line either, where it could forge another one. */
const TYPED = 'typed-by-the-visitor'
const secrets = {
  contact: 'keeper@secret.example',
  path: 'key-in-the-path',
  query: 'key-in-the-query',
  header: 'key-in-a-header',
  redis: 'password-of-redis',
  hmac: 'secret-of-the-names-in-redis'
}
/** Every spelling in which the address or a secret could get out. */
const forbidden: readonly string[] = [
  CLIENT, '203-0-113-77', '77.113.0.203', 'cb00714d', 'cb00:714d', TYPED,
  ...Object.values(secrets), ...Object.values(secrets).map(encodeURIComponent)
]

/** Repeats all that it was told, in every place that a client might quote. */
async function echo (t: Test, status: number): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const all = `${request.url} ${JSON.stringify(request.headers)} host-203-0-113-77 77.113.0.203.in-addr.arpa`
    if (status === 0) {
      response.destroy()
      return
    }
    response.writeHead(status, all.replace(/[^\x20-\x7e]/g, ''), {
      'content-type': 'application/json',
      location: `http://127.0.0.1/${encodeURI(all)}`,
      'x-echo': encodeURI(all),
      'retry-after': all.slice(0, 50)
    }).end(JSON.stringify({ status: 'error', result: '-5', message: all, error: all, verdict: all }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const providersOn = (baseUrl: string): readonly Provider[] => [
  getipintel({ contact: secrets.contact, baseUrl, timeoutMs: 500, limits: {} }),
  httpProvider({
    name: 'own',
    baseUrl: `${baseUrl}/${secrets.path}`,
    timeoutMs: 500,
    request: ip => ({
      path: `/${secrets.path}/${ip}`, query: { key: secrets.query, ip }, headers: { authorization: secrets.header }
    }),
    read (body) { throw new Error(`cannot read ${JSON.stringify(body)} of ${CLIENT}`) }
  }),
  { name: 'throws', lookup (ip) { throw new Error(`GET https://api.example/${secrets.path}/${ip} failed`) } },
  {
    name: 'rejects',
    async lookup (ip) {
      return { verdict: 'unknown', reason: 'bad_response', cause: Object.assign(new Error(ip), { url: secrets.path }) }
    }
  },
  { name: 'explains', async lookup (ip) { return { verdict: 'unknown', reason: 'rejected', cause: `no word about ${ip}`, alert: `pay for ${ip}` } } },
  { name: 'limits', async lookup (ip) { return { verdict: 'unknown', reason: 'rate_limited', retryAfterSeconds: 60, cause: `not ${ip}` } } }
]

/** All that gets out of an engine while a visitor is judged, as text: the log as pino writes it, records, messages, counters. */
async function said (options: EngineOptions): Promise<string> {
  const all: string[] = []
  const hear = (message: unknown): void => { all.push(JSON.stringify(message)) }
  const log = pino({ level: 'trace' }, { write: line => { all.push(line) } })
  for (const name of ['decision', 'lookup']) subscribe(`fastify-ip-risk:${name}`, hear)
  try {
    const engine = createIpRisk({
      clientIp: { trusted: ['loopback'] }, logAddress: 'none', onDecision: hear, log, ...options
    })
    await engine.ready()
    const headers = { 'x-forwarded-for': `${TYPED}, ${CLIENT}`, forwarded: TYPED, 'user-agent': TYPED }
    for (let i = 0; i < 7; i++) { // a circuit opens after five failures
      for (const value of [headers, { 'x-forwarded-for': TYPED }]) {
        const request = { socket: { remoteAddress: '127.0.0.1' }, headers: value, method: 'POST', url: `/${TYPED}` }
        await engine.enforce(request, await engine.assess(request, 'signup'))
      }
    }
    await engine.allow(CLIENT, { ttlSeconds: 60 })
    await engine.invalidate(CLIENT)
    all.push(JSON.stringify(engine.stats()))
    await engine.close()
  } catch (err) {
    all.push(String(err), String((err as Error).cause))
  } finally {
    for (const name of ['decision', 'lookup']) unsubscribe(`fastify-ip-risk:${name}`, hear)
  }
  return all.join('\n')
}

function leaks (text: string): string[] {
  const holds = (line: string): boolean => forbidden.some(secret => line.toLowerCase().includes(secret.toLowerCase()))
  return text.split('\n').filter(holds).map(line => line.slice(0, 400))
}

const cache = { unknownTtlSeconds: 0 }

t.test('a provider that repeats what it was told gets no address and no key into a line or a record', async t => {
  for (const status of [200, 302, 403, 429, 500, 0]) {
    const baseUrl = await echo(t, status)
    for (const provider of [...providersOn(baseUrl), fallback(...providersOn(baseUrl) as [Provider, Provider])]) {
      const text = await said({ provider, cache })
      t.match(text, /ip-risk decided|"address":null/)
      t.strictSame(leaks(text), [], `${provider.name}, ${status || 'cut'}`)
    }
  }
})

t.test('a provider that cannot be reached gets none there either', async t => {
  for (const baseUrl of ['http://127.0.0.1:1', 'http://does-not-exist.invalid']) {
    for (const provider of providersOn(baseUrl)) {
      t.strictSame(leaks(await said({ provider, cache })), [], `${provider.name}, ${baseUrl}`)
    }
  }
})

t.test('no state of Redis brings its password, the secret of its names or an address into a line', async t => {
  const server = await startRedis()
  const withoutScripts = await startRedis({ args: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''] })
  t.teardown(() => Promise.all([server.stop(), withoutScripts.stop()]))
  await server.client.config('SET', 'requirepass', 'another')
  const withPassword = (url: string): string => url.replace('//', `//:${secrets.redis}@`)
  const urls = [
    'redis://127.0.0.1:1', 'redis://does-not-exist.invalid:6379', 'redis://127.0.0.1:99999', 'http://127.0.0.1', server.url
  ].map(withPassword)
  for (const redis of [...urls, withoutScripts.url]) {
    for (const keySecret of [undefined, secrets.hmac]) {
      const text = await said({
        provider: providersOn('http://127.0.0.1:1')[2],
        redis,
        cache: { ...cache, ...keySecret !== undefined && { keySecret } }
      })
      t.strictSame(leaks(text), [], redis)
    }
  }
})
