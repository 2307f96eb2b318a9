import t from 'tap'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fakeIplogs } from '../lib/testing/index.ts'
import { needs } from './support/services.ts'
import { startServe } from './support/serve.ts'

// ajv comes with fastify, which compiles schemas with it.
const require = createRequire(import.meta.resolve('fastify'))
const { default: Ajv } = createRequire(require.resolve('@fastify/ajv-compiler'))('ajv/dist/2020.js')

t.test('each operation answers as the OpenAPI document says', async t => {
  const service = await fakeIplogs({ '9.9.9.9': 'vpn_detected', '1.1.1.3': { verdict: 'nonsense' } })
  t.teardown(async () => await service.close())
  const serve = await startServe(t, ['--provider', 'iplogs', '--rate', '150'], { IP_RISK_IPLOGS_URL: service.url })
  const document = await (await fetch(`${serve.url}/openapi.json`)).json() as any
  t.equal(document.openapi, '3.1.0')
  const ajv = new Ajv({ strict: false, allErrors: true })
  ajv.addSchema({ ...document, $id: 'doc' })
  const seen = new Set<string>()
  const pointer = (...parts: string[]) => `doc#/${parts.map(part => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`

  async function drive (path: string, body?: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) {
    const method = body === undefined ? 'get' : 'post'
    const reply = await fetch(serve.url + path, { method, headers, ...body !== undefined && { body: JSON.stringify(body) } })
    const type = reply.headers.get('content-type')!.split(';')[0]!
    const answered = type === 'text/plain' ? await reply.text() : await reply.json()
    const operation = document.paths[path][method]
    const where = `${method} ${path} ${reply.status}`
    if (!t.ok(operation.responses[reply.status]?.content[type], `${where} is described`)) return
    const validate = ajv.getSchema(pointer('paths', path, method, 'responses', String(reply.status), 'content', type, 'schema'))
    t.ok(validate(answered), `${where}: ${ajv.errorsText(validate.errors)}`)
    if (body !== undefined && reply.status === 200) {
      const request = ajv.getSchema(pointer('paths', path, method, 'requestBody', 'content', 'application/json', 'schema'))
      t.ok(request(body), `${where}: the request, too`)
    }
    seen.add(operation.operationId)
    return reply.status
  }

  t.equal(await drive('/v1/check', { ip: '9.9.9.9' }), 200)
  t.equal(await drive('/v1/check', { ip: '9.9.9.9', action: 'signup' }), 200)
  t.equal(await drive('/v1/check', { ip: '10.0.0.1', write: false }), 200)
  t.equal(await drive('/v1/check', { ip: '1.1.1.3' }), 503)
  t.equal(await drive('/v1/check', { ip: '10.0.0.1' }), 422)
  t.equal(await drive('/v1/check', { ip: 'x' }), 400)
  t.equal(await drive('/v1/check', { ip: '9.9.9.9' }, { 'content-type': 'text/plain' }), 415)
  t.equal(await drive('/v1/check', { ip: '9'.repeat(70_000) }), 413)
  t.equal(await drive('/v1/bulk-check', { ips: ['9.9.9.9', '8.8.8.8', '1.1.1.3', 'x'], action: 'signup' }), 200)
  t.equal(await drive('/v1/bulk-check', { ips: [] }), 400)
  t.equal(await drive('/v1/health'), 200)
  t.equal(await drive('/metrics'), 200)
  t.equal(await drive('/openapi.json'), 200)
  const ips = Array.from({ length: 100 }, (_, i) => `10.0.1.${i}`)
  t.equal(await drive('/v1/bulk-check', { ips }), 200)
  t.equal(await drive('/v1/bulk-check', { ips }), 429)
  const paths = Object.values(document.paths) as Record<string, { operationId: string }>[]
  const operations = paths.flatMap(path => Object.values(path).map(({ operationId }) => operationId))
  t.same([...seen].sort(), operations.sort(), 'all of them')

  const check = ajv.getSchema('doc#/components/schemas/Check')
  t.notOk(check({ verdict: 'clean' }), 'and the schema refuses other bodies')
})

t.test('systemd accepts the unit of the example, whose options exist', { skip: needs('systemd-analyze') }, async t => {
  const unit = readFileSync(join(import.meta.dirname, '../examples/serve/ip-risk.service'), 'utf8')
  for (const line of ['DynamicUser=yes', 'NoNewPrivileges=yes', 'ProtectSystem=strict', 'LoadCredential=token:/etc/ip-risk/token']) t.match(unit, `\n${line}\n`)
  const { serve } = await import('../lib/cli/serve/index.ts')
  const used = [.../^ExecStart=.*$/m.exec(unit)![0].matchAll(/ --([a-z-]+)/g)].map(([, name]) => name!)
  t.same(used.filter(name => !Object.hasOwn(serve.options, name)), [])
  const file = join(t.testdir(), 'ip-risk.service')
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath)) // it checks that the program exists
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, 'ip-risk.service', 'no warning')
})
