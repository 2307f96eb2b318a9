import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { publishers } from '../lib/lists/sources/publishers.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

t.before(async () => {
  if (!existsSync(join(root, 'dist'))) await run(process.execPath, ['scripts/build.js'], { cwd: root })
})

const program = (load: string): string => `
${load}
const [path] = process.argv.slice(2)
const provider = lists({ sources: [{ path, id: 'ours', kind: 'vpn-server' }], covers: ['192.0.2.0/24'], watchIntervalMs: 20 })
const log = { debug () {}, info: console.log, warn: console.error, error: console.error }
provider.start(log)
const verdict = () => provider.lookup('192.0.2.7', { log }).verdict
console.log(verdict())
require('node:fs').writeFileSync(path, '192.0.2.7')
const timer = setInterval(() => {
  if (verdict() === 'clean') return
  console.log(verdict())
  clearInterval(timer)
  provider.close()
}, 20)
`

t.test('the built package compiles lists in its thread, for import and for require', async t => {
  const main = JSON.stringify(join(root, 'dist/lib/index.js'))
  const programs = {
    'import.mjs': program(`import { lists } from ${main}
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)`),
    'require.cjs': program(`const { lists } = require(${main})`)
  }
  for (const [name, text] of Object.entries(programs)) {
    const folder = t.testdir({ [name]: text, list: '198.51.100.8' })
    const { stdout, stderr } = await run(process.execPath, [join(folder, name), join(folder, 'list')])
    t.match(stdout, /^clean\n[^]*compiled lists are in use\n[^]*vpn_\w+\n$/, name)
    t.equal(stderr.replace(/\(node:\d+\) ExperimentalWarning: .*\n.*\n/, ''), '', name)
  }
})

t.test('the built package pulls lists in its thread', async t => {
  const server = createServer((_request, response) => { response.writeHead(404).end() })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const [first, ...skip] = publishers.map(({ id }) => id)
  const file = join(t.testdir({}), 'pull.mjs')
  writeFileSync(file, `
import { lists } from ${JSON.stringify(join(root, 'dist/lib/index.js'))}
Math.random = () => 0 // it looks at once
const provider = lists({ refreshHours: 24, asn: false, cacheFolder: ${JSON.stringify(join(file, '../cache'))}, skip: ${JSON.stringify(skip)},
  mirror: 'http://127.0.0.1:${(server.address() as AddressInfo).port}' })
const busy = setInterval(() => {}, 1000)
const warn = fields => {
  console.log(JSON.stringify(fields))
  clearInterval(busy)
  provider.close()
}
provider.start({ debug () {}, info () {}, warn, error: warn })`)
  t.match(JSON.parse((await run(process.execPath, [file])).stdout), { code: 'IP_RISK_LISTS_PULL_FAILED', lists: [first], problem: /answered 404/ })
})

t.test('a class exists once, whichever entry of the package it comes from', async t => {
  const folder = t.testdir({})
  const file = join(folder, 'errors.mjs')
  writeFileSync(file, `
import { createIpRisk, IpRiskError } from ${JSON.stringify(join(root, 'dist/lib/index.js'))}
import { proxycheck } from ${JSON.stringify(join(root, 'dist/lib/providers/vendors/index.js'))}
for (const wrong of [() => createIpRisk({ provider: 1 }), () => proxycheck({ token: 1 })]) {
  try { wrong() } catch (error) { console.log(error instanceof IpRiskError) }
}`)
  t.equal((await run(process.execPath, [file])).stdout, 'true\ntrue\n')
})

t.test('the main entry is a few files, which is what makes importing it quick', t => {
  const files = new Set([join(root, 'dist/lib/index.js')])
  for (const file of files) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:\} from|import) "(\..*)";$/gm)) files.add(resolve(dirname(file), name!))
  }
  t.ok(files.size > 1 && files.size < 9, `${files.size} files`)
  t.end()
})
