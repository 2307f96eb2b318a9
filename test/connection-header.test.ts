import t from 'tap'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import ipRisk from '../lib/index.ts'
import { createClientIp } from '../lib/client-ip/resolver.ts'
import { watchMisconfiguration } from '../lib/client-ip/watch.ts'
import { pinoLog } from './support/log.ts'
import { freePort, startCaddy, startHaproxy, startNginx, visitor } from './support/proxies.ts'
import { needs } from './support/services.ts'
import { tableProvider } from './support/table-provider.ts'

// Every party has an address of its own in 127.0.0.0/8; Caddy connects from 127.0.0.1.
const VISITOR = '127.0.0.66'
const NGINX = '127.0.0.11'
const HAPROXY = '127.0.0.12'
const CADDY = '127.0.0.1'
const removal = ['Connection: close, X-Forwarded-For', 'X-Forwarded-For: 6.6.6.6']
const clean = [
  'http-request set-header Connection upgrade if { req.hdr(Upgrade) -m found }',
  'http-request del-header Connection unless { req.hdr(Upgrade) -m found }'
]

async function application (t: { teardown (close: () => unknown): void }) {
  const { lines, logger } = pinoLog()
  const app = Fastify({ logger })
  t.teardown(() => app.close())
  await app.register(ipRisk, { provider: tableProvider({}), clientIp: { trusted: [NGINX, HAPROXY, CADDY] } })
  app.post('/', { config: { ipRisk: 'signup' } }, async ({ ipRisk, headers }) => ({ ...ipRisk, connection: headers.connection, upgrade: headers.upgrade }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { lines, to: `127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

async function post (port: number, lines: readonly string[]): Promise<unknown> {
  const { ask, close } = await visitor(port, VISITOR)
  try {
    return await ask('/', lines, 'POST')
  } finally {
    close()
  }
}

t.test('a Connection header that names a forwarding header changes nothing, and is logged once', async t => {
  const found: object[] = []
  const finder = createClientIp({ trusted: ['10.0.0.1'] })
  const watch = watchMisconfiguration(finder, { warn: (fields, message) => { found.push({ ...fields, message }) } })
  const see = (connection: string | undefined, peer = '10.0.0.1') => {
    const headers = { 'x-forwarded-for': '203.0.113.9', ...connection !== undefined && { connection } }
    const request = { socket: { remoteAddress: peer }, headers }
    const client = finder.resolve(request)
    watch.see(client, request)
    return client.ip
  }
  for (const usual of [undefined, 'keep-alive', 'close', 'upgrade', 'Upgrade', 'TE, HTTP2-Settings', '', ',', 'x-forwarded-for2', 'x forwarded']) {
    t.equal(see(usual), '203.0.113.9')
  }
  see('X-Forwarded-For', '198.51.100.1')
  t.same(found, [], 'a direct visitor speaks for themselves only')
  for (const names of ['close, X-Forwarded-For', 'forwarded', 'x-real-ip\t,close', ',,CF-Connecting-IP', 'cf-connecting-ipv6']) {
    const again = watchMisconfiguration(finder, { warn: fields => { found.push({ ...fields, names }) } })
    again.see(finder.resolve({ socket: { remoteAddress: '10.0.0.1' }, headers: {} }), { socket: {}, headers: { connection: names } })
    t.match(found.pop(), { code: 'IP_RISK_CONNECTION_NAMES_FORWARDING_HEADER', names })
  }
  for (let i = 0; i < 3; i++) t.equal(see('close, X-Forwarded-For'), '203.0.113.9')
  t.match(found, [{ code: 'IP_RISK_CONNECTION_NAMES_FORWARDING_HEADER', message: /proxy_set_header Connection/ }])
})

const skip = needs('nginx', 'haproxy', 'caddy')

t.test('through HAProxy, which passes it on, the visitor is judged all the same', { skip }, async t => {
  const { lines, to } = await application(t)
  const port = await freePort()
  const proxy = await startHaproxy([{ port, to, from: HAPROXY }])
  t.teardown(proxy.stop)
  t.match(await post(port, removal), { ip: VISITOR, connection: 'X-Forwarded-For' })
  t.match(await post(port, removal), { ip: VISITOR })
  t.equal(lines.filter(({ code }) => code === 'IP_RISK_CONNECTION_NAMES_FORWARDING_HEADER').length, 1)
})

t.test('where a second proxy obeys it, the settings in docs/client-address.md keep the header', { skip }, async t => {
  const { to } = await application(t)
  const [caddy, haproxy, haproxyClean, nginx, nginxClean] =
    await Promise.all(Array.from({ length: 5 }, freePort)) as [number, number, number, number, number]
  const toCaddy = `127.0.0.1:${caddy}`
  const proxies = await Promise.all([
    startCaddy([{ port: caddy, to, lines: [`trusted_proxies ${HAPROXY} ${NGINX}`] }]),
    startHaproxy([{ port: haproxy, to: toCaddy, from: HAPROXY }, { port: haproxyClean, to: toCaddy, from: HAPROXY, lines: clean }]),
    startNginx([
      { port: nginx, to: toCaddy, from: NGINX, connection: '$http_connection' },
      { port: nginxClean, to: toCaddy, from: NGINX }
    ])
  ])
  t.teardown(async () => { await Promise.all(proxies.map(proxy => proxy.stop())) })
  t.match(await post(haproxy, removal), { ip: HAPROXY, reason: 'infrastructure', decision: 'elevate_risk' })
  t.match(await post(nginx, removal), { ip: NGINX, reason: 'infrastructure', decision: 'elevate_risk' })
  t.match(await post(haproxyClean, removal), { ip: VISITOR })
  t.match(await post(nginxClean, removal), { ip: VISITOR })
  t.match(await post(haproxyClean, ['Connection: upgrade, X-Forwarded-For', 'Upgrade: other']), { ip: VISITOR }, 'an upgrade too')
})
