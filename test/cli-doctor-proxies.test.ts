import t from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import ipRisk from '../lib/index.ts'
import type { ClientIpOptions } from '../types/contract.ts'
import { runCommand } from './support/cli.ts'
import { freePort, startNginx } from './support/proxies.ts'
import { needs } from './support/services.ts'
import { tableProvider } from './support/table-provider.ts'

const NGINX = '127.0.0.11'
const login = 'session=a-secret-session'
const configurations: Record<string, ClientIpOptions> = {
  '/right': { trusted: [NGINX] },
  '/none': {},
  '/everybody': { dangerouslyTrustEveryHop: true },
  '/too-many': { hops: 2 },
  '/real-ip': { trusted: [NGINX], header: 'x-real-ip' },
  '/inside': { trusted: 'loopback' }
}

async function examined (url: string, ...more: string[]) {
  const { code, out, err } = await runCommand(['doctor', '--json', '--offline', '--provider', 'iplogs', '--url', url, ...more])
  const findings = out === '' ? [] : out.split('\n').map(line => JSON.parse(line) as { check: string, level: string, message: string, fix?: string })
  return { code, out, err, findings: findings.filter(({ check }) => check === 'proxies') }
}

t.test('says through a real proxy which address would be judged, and whether a forged header is believed', { skip: needs('nginx') }, async t => {
  const app = Fastify()
  for (const [path, clientIp] of Object.entries(configurations)) {
    app.register(async scope => {
      await scope.register(ipRisk, { provider: tableProvider({}), clientIp })
      scope.get(path, async (request, reply) => (
        request.headers.cookie === login ? scope.ipRisk.explain(request) : await reply.code(401).send({})))
    })
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  const port = await freePort()
  const nginx = await startNginx([{ port, to: `127.0.0.1:${(app.server.address() as AddressInfo).port}`, from: NGINX }])
  t.teardown(async () => await Promise.all([nginx.stop(), app.close()]))
  const rows: [path: string, code: number, findings: object[]][] = [
    ['/right', 0, [{ level: 'ok', message: /^127\.0\.0\.1, by x-forwarded-for, after 1 verified hop would be judged \(loopback/ }, { level: 'ok', message: /no forged header/ }]],
    ['/real-ip', 0, [{ level: 'ok', message: /by x-real-ip/ }, { level: 'ok' }]],
    ['/none', 1, [{ level: 'error', message: /the proxy 127\.0\.0\.11 would be judged/, fix: /trusted: \["127\.0\.0\.11"\]/ }, { level: 'ok' }]],
    ['/everybody', 1, [{}, { level: 'error', message: /a forged X-Forwarded-For is believed: every visitor/, fix: /exact addresses/ }]],
    ['/too-many', 1, [{ level: 'error', message: /fewer proxies were passed than clientIp\.hops counts/ }, { level: 'error', message: /a forged X-Forwarded-For is believed/ }]],
    ['/inside', 1, [{ level: 'warning', message: /every hop is named as a proxy/, fix: /run doctor from outside/ }]]
  ]
  for (const [path, code, expected] of rows) {
    const { findings, ...result } = await examined(`http://127.0.0.1:${port}${path}`, '--header', `cookie: ${login}`)
    t.equal(result.code, code, path)
    t.equal(findings.length, expected.length, path)
    t.match(findings, expected, path)
    t.notMatch(result.out, 'a-secret-session')
  }
  t.match(await examined(`http://127.0.0.1:${port}/right`), { code: 1, findings: [{ level: 'error', message: /status 401/, fix: /--header/ }] })
  t.match((await examined(`http://127.0.0.1:${port}/gone`, '--header', `cookie: ${login}`)).findings, [{ message: /status 404/, fix: /add a route/ }])
})

t.test('a route that is none, is endless or does not answer is one finding, in bounded time', async t => {
  const server = createServer((request, response) => {
    switch (request.url) {
      case '/text': response.end('hello'); break
      case '/odd': response.end('{"result":{"ip":7},"chain":[null]}'); break
      case '/moved': response.writeHead(302, { location: 'http://192.0.2.1/' }).end(); break
      case '/endless': {
        const write = (): void => { while (response.write(' '.repeat(65_536))); }
        response.on('drain', write)
        write()
      }
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const rows: [string, RegExp][] = [
    ['/text', /something else/], ['/odd', /something else/], ['/moved', /status 302/], ['/endless', /longer than 262144 bytes/], ['/silent', /no answer within 300 ms|timeout/]
  ]
  for (const [path, message] of rows) {
    t.match(await examined(base + path, '--timeout-ms', '300'), { code: 1, findings: [{ level: 'error', message }] }, path)
  }
  t.match((await examined('http://127.0.0.1:1/')).findings, [{ level: 'error', message: /cannot be reached: .*(?:ECONNREFUSED|bad port)/ }])
  const withPassword = await examined('http://ada:hunter2@127.0.0.1:9/')
  t.match(withPassword, { code: 2, err: /--url must be without user and password/ })
  t.notMatch(withPassword.err, 'hunter2')
  t.match(await examined('ftp://127.0.0.1/'), { code: 2, err: /--url must be a URL of http or https/ })
  t.match(await examined(base, '--header', 'cookie'), { code: 2, err: /--header must be like/ })
})
