import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkNode } from '../lib/cli/doctor/runtime.ts'
import { redactor, secretsIn } from '../lib/cli/doctor/secrets.ts'
import { findAsnPackage, listsSnapshotPath, runCompileJob } from '../lib/lists/index.ts'
import { replaceFile } from '../lib/util/index.ts'
import { runCommand } from './support/cli.ts'

type Test = { testdir (files?: Record<string, string>): string, teardown (end: () => unknown): void }
const secret = 'a-secret-of-some-length'
const lib = new URL('../lib/index.ts', import.meta.url).href

let modules = 0

/** Settings as a module; `more` is further code. */
async function examined (t: Test, options: string, more = '', ...args: string[]) {
  const name = `settings-${++modules}.mjs` // Node keeps a module under its path
  const folder = t.testdir({ [name]: `import ipRisk, { iplogs, fallback, lists } from ${JSON.stringify(lib)}\n${more}\nexport const ipRiskOptions = ${options}` })
  const { code, out, err } = await runCommand(['doctor', join(folder, name), '--json', ...args])
  const findings = out === '' ? [] : out.split('\n').map(line => JSON.parse(line) as { check: string, level: string, message: string, fix?: string })
  return { code, out, err, of: (check: string) => findings.filter(one => one.check === check) }
}

const known = '{ name: "known", sync: true, lookup: () => ({ verdict: "unknown", reason: "no_data" }) }'

t.test('options: what the plugin would refuse at boot, and what stops nobody', async t => {
  const right = await examined(t, `{ provider: ${known}, stepUp: { isSatisfied: () => true } }`)
  t.match(right, { code: 0 })
  t.match(right.of('options'), [{ level: 'ok', message: /valid; mode: enforce$/ }])
  const wrong = await examined(t, `{ provider: ${known}, polcy: {}, cache: { keySecret: "${secret}" } }`)
  t.match(wrong.of('options'), [{ level: 'error', message: /"polcy" does not exist/, fix: /refuses it at boot/ }])
  t.notMatch(wrong.out, secret)
  const without = await examined(t, `{ provider: ${known}, mode: "monitor" }`)
  t.match(without, { code: 1 })
  t.match(without.of('options')[1], { level: 'warning', message: /step_up_auth.*stops nobody/, fix: /give "stepUp"/ })
  t.match(await runCommand(['doctor', join(t.testdir(), 'gone.mjs')]), { code: 2, err: /cannot be imported/ })
  t.match(await runCommand(['doctor', '--app', 'app']), { code: 2, err: /need SETTINGS/ })
})

t.test('an application that registers the plugin twice, not at all, or does not start', async t => {
  const apps = `import Fastify from 'fastify'
const options = { provider: ${known}, stepUp: { isSatisfied: () => true } }
export const once = async () => { const app = Fastify(); await app.register(ipRisk, options); return app }
export const twice = () => { const app = Fastify(); app.register(ipRisk, options); app.register(ipRisk, options); return app }
export const never = Fastify()
export const broken = () => { const app = Fastify(); app.register(async () => { throw new Error('no database, ${secret}') }); return app }
export const hanging = () => { const app = Fastify({ pluginTimeout: 0 }); app.register(() => new Promise(() => {})); return app }
export const nothing = 7`
  const rows: [string, object][] = [
    ['once', { level: 'ok' }], ['twice', { level: 'error', message: /registered twice in one scope/, fix: /child|scope of its own/ }],
    ['never', { level: 'error', message: /not registered/ }], ['broken', { level: 'error', message: /does not start: no database/ }],
    ['hanging', { level: 'error', message: /no answer within 200 ms|did not end/ }], ['nothing', { level: 'error', message: /no Fastify application/ }]
  ]
  const folder = join(fileURLToPath(new URL('..', import.meta.url)), 'test')
  const path = join(folder, `doctor-app-${process.pid}.mjs`)
  writeFileSync(path, `import ipRisk from ${JSON.stringify(lib)}\n${apps}\nexport const ipRiskOptions = { provider: ${known}, cache: { keySecret: '${secret}' } }`)
  t.teardown(async () => { (await import('node:fs')).rmSync(path) })
  for (const [name, expected] of rows) {
    const { out } = await runCommand(['doctor', path, '--app', name, '--json', '--timeout-ms', name === 'hanging' ? '200' : '5000'])
    const finding = out.split('\n').map(line => JSON.parse(line) as { check: string }).find(({ check }) => check === 'app')
    t.match(finding, expected, name)
    t.notMatch(out, secret, 'not even in the message of another library')
  }
})

t.test('provider: the key is not accepted, the service does not answer or says nonsense; each member is asked', async t => {
  const calls: string[] = []
  const server = createServer((request, response) => {
    calls.push(request.url!)
    if (request.url!.startsWith('/refused')) response.writeHead(401).end(`{"error":"key ${secret}"}`)
    else if (request.url!.startsWith('/nonsense')) response.end('<html>')
    else if (request.url!.startsWith('/good')) response.end('{"ip":"1.1.1.1","verdict":"clean","score":0,"is_vpn":false,"signals":[]}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const at = (path: string) => `iplogs({ baseUrl: '${base}${path}', apiKey: '${secret}' })`.replace(`, apiKey: '${secret}'`, '')
  const rows: [string, object][] = [
    ['/good', { level: 'ok', message: /answers, and accepts the key \(1\.1\.1\.1: clean\)/ }], ['/refused', { level: 'error', message: /rejected/, fix: /check the key/ }],
    ['/nonsense', { level: 'error', message: /bad_response/, fix: /baseUrl/ }], ['/silent', { level: 'error', message: /timeout/, fix: /connect/ }]
  ]
  for (const [path, expected] of rows) {
    const { out, of } = await examined(t, `{ provider: ${at(path)} }`, '', '--timeout-ms', path === '/silent' ? '300' : '5000')
    t.match(of('provider').at(-1), expected, path)
    t.notMatch(out, secret)
  }
  const both = await examined(t, `{ provider: fallback(${known}, { ...${at('/refused')}, name: "other" }) }`)
  t.match(both.of('provider').map(({ level, message }) => `${level} ${message}`).join('\n'), /^ok known .*\n(?:.*\n)*error other gives no verdict: rejected/)
  const before = calls.length
  const offline = await examined(t, `{ provider: ${at('/good')} }`, '', '--offline')
  t.match(offline.of('provider'), [{ level: 'skipped' }])
  t.equal(calls.length, before)
})

t.test('data that was never pulled is a finding', async t => {
  const folder = t.testdir()
  const { out } = await runCommand(['doctor', '--json'], { env: { XDG_CACHE_HOME: folder } })
  t.match(out, /"check":"provider","level":"warning".*ip-risk lists pull/)
})

t.test('a pull that brought no list, and lists() without any in a composite, do not pass for data of today', async t => {
  const folder = t.testdir()
  const path = listsSnapshotPath(join(folder, 'fastify-ip-risk'))
  const nowSeconds = Math.floor(Date.now() / 1000)
  replaceFile(path, runCompileJob({ sources: [], covers: [], builtIn: true, asnPackage: findAsnPackage()!, nowSeconds }))
  const { code, out } = await runCommand(['doctor', '--json'], { env: { XDG_CACHE_HOME: folder } })
  t.match([code, out], [1, /"level":"warning","message":"no public lists were pulled into .*: only AS numbers are known"/])
  await t.test('of a composite', async t => { // whose folder is another one
    const given = await examined(t, `{ provider: fallback(${known}, lists({ snapshot: ${JSON.stringify(path)} })), stepUp: { isSatisfied: () => true } }`)
    t.match(given.of('provider'), [{}, { level: 'ok', message: /^lists has data, but no public lists: only AS numbers or sources of your own$/ }])
  })
})

t.test('an old Node.js, and copies of the package, are findings', async t => {
  t.match(checkNode('20.18.3'), { level: 'error', fix: /20\.19/ })
  for (const version of ['20.19.0', '22.1.0']) t.match(checkNode(version), { level: 'ok' }, version)
  const folder = t.testdir({ 'settings.mjs': `export default { provider: ${known}, stepUp: { isSatisfied: () => true } }` })
  for (const where of ['node_modules', join('app', 'node_modules')]) {
    mkdirSync(join(folder, where, 'fastify-ip-risk'), { recursive: true })
    writeFileSync(join(folder, where, 'fastify-ip-risk', 'package.json'), '{"version":"9.9.9"}')
  }
  writeFileSync(join(folder, 'app', 'settings.mjs'), `export default { provider: ${known}, stepUp: { isSatisfied: () => true } }`)
  const { code, out } = await runCommand(['doctor', join(folder, 'app', 'settings.mjs')])
  t.equal(code, 1)
  t.match(out, /^warning {2}package {3}there are 2 copies of the package: 9\.9\.9 .*\n {19}fix: keep one/m)
  t.match(out, /1 finding to correct$/)
})

/** `ip-risk doctor` of these settings as a process of its own. */
async function asProcess (t: Test, settings: string): Promise<{ code: unknown, out: string, err: string }> {
  const path = join(t.testdir({ 'settings.mjs': settings }), 'settings.mjs')
  const main = fileURLToPath(new URL('../lib/cli/main.ts', import.meta.url))
  const hooks = fileURLToPath(new URL('../scripts/strip-types.js', import.meta.url))
  const child = spawn(process.execPath, ['--import', hooks, main, 'doctor', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { out: '', err: '' }
  child.stdout.on('data', chunk => { texts.out += String(chunk) })
  child.stderr.on('data', chunk => { texts.err += String(chunk) })
  const [code] = await once(child, 'close')
  return { code, ...texts }
}

t.test('a real process ends although the settings keep a connection open', async t => {
  const { code, out } = await asProcess(t, `setInterval(() => {}, 1000)\nexport default { provider: ${known}, stepUp: { isSatisfied: () => true } }`)
  t.equal(code, 0)
  t.match(out, /nothing to correct\n$/)
})

t.test('settings that end the process are a failure, not a setup without findings', async t => {
  t.match(await asProcess(t, 'process.exit(0)'), { code: 2, out: '', err: /settings\.mjs ended the process while it was imported/ })
})

t.test('secrets are found by name and in URLs, and replaced wherever they appear', t => {
  const settings = { cache: { keySecret: ['first-secret', 'first-secret-2'] }, redis: 'rediss://user:p%40ss%2Fword@host:1', deep: { apiKey: 'abcdef' }, key: 'abc', name: 'visible' }
  const hide = redactor(secretsIn(settings))
  t.equal(hide('first-secret-2 first-secret p%40ss%2Fword p@ss/word abcdef visible abc'), '[secret] [secret] [secret] [secret] [secret] visible abc')
  t.equal(hide('at rediss://user:p%40ss%2Fword@host:1'), 'at [secret]')
  const circle: Record<string, unknown> = { password: 'in a circle' }
  circle['self'] = circle
  t.same(secretsIn(circle), ['in a circle'])
  t.end()
})
