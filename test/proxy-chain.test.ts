import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance, type FastifyListenOptions } from 'fastify'
import ipRisk from '../lib/index.ts'
import type { ClientIp, ClientIpOptions } from '../types/contract.ts'
import { type Visitor, freePort, startHaproxy, startNginx, visitor } from './support/proxies.ts'
import { needs } from './support/services.ts'
import { tableProvider } from './support/table-provider.ts'

// Every party has an address of its own in 127.0.0.0/8. EDGE plays Cloudflare, which cannot know a loopback client: it says PUBLIC.
const VISITOR = '127.0.0.66'
const NGINX = '127.0.0.11'
const HAPROXY = '127.0.0.12'
const EDGE = '127.0.0.13'
const PUBLIC = '203.0.113.9'
const FORGED = '6.6.6.6'

const forged = [
  `X-Forwarded-For: ${FORGED}`, `x-forwarded-for: ${FORGED}, ${NGINX}`, `X-FORWARDED-FOR: ${NGINX}`, `X-Real-IP: ${FORGED}`, `CF-Connecting-IP: ${FORGED}`,
  `Forwarded: for="${FORGED}`, `True-Client-IP: ${FORGED}`, `X_Forwarded_For: ${FORGED}`
]

const trusted = [NGINX, HAPROXY]
// What the application was told, by path.
const configurations: Record<string, ClientIpOptions> = {
  '/none': {},
  '/trusted': { trusted },
  '/nginx': { trusted: [NGINX] },
  '/forwarded': { trusted, header: 'forwarded' },
  '/real-ip': { trusted: [NGINX], header: 'x-real-ip' },
  '/hops-1': { hops: 1 },
  '/hops-2': { hops: 2, trusted },
  '/cloudflare': { trusted: [NGINX], cloudflare: { ranges: [EDGE] } },
  '/unix': { trusted: ['unix', ...trusted] }
}

/** One scope a configuration; each answers with what it found. */
async function application (options: FastifyListenOptions): Promise<FastifyInstance> {
  const app = Fastify()
  for (const [path, clientIp] of Object.entries(configurations)) {
    app.register(async scope => {
      await scope.register(ipRisk, { provider: tableProvider({}), clientIp })
      scope.get(path, async request => ({ ...scope.ipRisk.explain(request).result, judged: request.ipRisk?.ip }))
    })
  }
  await app.listen(options)
  return app
}

t.test('finds the visitor behind real proxies', { skip: needs('nginx', 'haproxy') }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'ip-risk-app-'))
  const path = join(folder, 'app.sock')
  // Dual stack where there is IPv6: then every peer comes as ::ffff:127.0.0.11.
  const overTcp = await application({ port: 0, host: '::' }).catch(() => application({ port: 0, host: '127.0.0.1' }))
  const overUnix = await application({ path })
  const app = (overTcp.server.address() as { port: number }).port
  const [nginx, nginxToUnix, nginxToHaproxy, haproxy, haproxyToNginx, edge] =
    await Promise.all(Array.from({ length: 6 }, freePort)) as [number, number, number, number, number, number]
  const addForwarded = 'http-request add-header Forwarded "for=%[src];host=\\"%[req.hdr(host)]\\""'
  const proxies = await Promise.all([
    startNginx([
      { port: nginx, to: `127.0.0.1:${app}`, from: NGINX },
      { port: nginxToUnix, to: `unix:${path}` },
      { port: nginxToHaproxy, to: `127.0.0.1:${haproxy}`, from: NGINX }
    ]),
    startHaproxy([
      { port: haproxy, to: `127.0.0.1:${app}`, from: HAPROXY, lines: [addForwarded] },
      { port: haproxyToNginx, to: `127.0.0.1:${nginx}`, from: HAPROXY },
      { port: edge, to: `127.0.0.1:${nginx}`, from: EDGE, lines: [`http-request set-header CF-Connecting-IP ${PUBLIC}`] }
    ])
  ])
  t.teardown(async () => {
    await Promise.all(proxies.map(proxy => proxy.stop()))
    await Promise.all([overTcp.close(), overUnix.close()])
    rmSync(folder, { recursive: true, force: true })
  })

  type Row = [what: string, port: number, path: string, expected: Partial<ClientIp>]
  const found = (source: ClientIp['source'], hops: number): Partial<ClientIp> => ({ ip: VISITOR, source, hops, infrastructure: false })
  const rows: Row[] = [
    ['straight to the application', app, '/trusted', { ...found('remote_address', 0), reason: 'peer_untrusted' }],
    ['nginx', nginx, '/trusted', found('x-forwarded-for', 1)],
    ['nginx, and nothing configured', nginx, '/none', { ip: NGINX, source: 'remote_address', reason: 'peer_untrusted' }],
    ['nginx, X-Real-IP', nginx, '/real-ip', found('x-real-ip', 1)],
    ['nginx, counted', nginx, '/hops-1', found('x-forwarded-for', 1)],
    ['nginx, over a unix socket', nginxToUnix, '/unix', { ...found('x-forwarded-for', 1), peer: null }],
    ['HAProxy', haproxy, '/trusted', found('x-forwarded-for', 1)],
    ['HAProxy, Forwarded', haproxy, '/forwarded', found('forwarded', 1)],
    ['HAProxy that is not listed', haproxy, '/nginx', { ip: HAPROXY, reason: 'peer_untrusted' }],
    ['nginx, then HAProxy', nginxToHaproxy, '/trusted', found('x-forwarded-for', 2)],
    ['nginx, then HAProxy, counted', nginxToHaproxy, '/hops-2', found('x-forwarded-for', 2)],
    ['HAProxy, then nginx', haproxyToNginx, '/trusted', found('x-forwarded-for', 2)],
    ['HAProxy, then nginx, counted one too few', haproxyToNginx, '/hops-1', { ip: HAPROXY, source: 'x-forwarded-for' }],
    ['Cloudflare, then nginx', edge, '/cloudflare', { ...found('cf-connecting-ip', 2), ip: PUBLIC }],
    ['around Cloudflare', nginx, '/cloudflare', { ...found('x-forwarded-for', 1), reason: 'not_cloudflare' }],
    ['around everything', app, '/cloudflare', { ...found('remote_address', 0), reason: 'peer_untrusted' }]
  ]
  const visitors = new Map<number, Visitor>()
  t.teardown(() => visitors.forEach(each => each.close()))
  for (const [what, port, path, expected] of rows) {
    // One connection a proxy, kept alive: what an earlier request claimed must not stick.
    const { ask } = visitors.get(port) ?? visitors.set(port, await visitor(port, VISITOR)).get(port)!
    const honest = await ask(path) as ClientIp
    const lied = await ask(path, forged) as ClientIp & { judged: string }
    t.strictSame(Object.fromEntries(Object.keys(expected).map(key => [key, lied[key as keyof ClientIp]])), expected, `${what}, forged`)
    t.equal(lied.judged, lied.ip, `${what}, as the plugin judges it`)
    const long = await ask(path, [`X-Forwarded-For: ${`${FORGED}, `.repeat(400)}`]) as ClientIp
    t.equal(long.ip, expected.ip, `${what}, long`)
    t.equal(honest.ip, expected.ip, `${what}, honest`)
  }
  const second = await visitor(nginx, '127.0.0.67')
  t.match(await second.ask('/trusted', forged), { ip: '127.0.0.67' }, 'another visitor over the same upstream connections')
  second.close()
})
