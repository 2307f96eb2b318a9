import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)

const compilerOptions = {
  module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, exactOptionalPropertyTypes: true, noEmit: true
}

/** A TypeScript by the name it is installed under, or undefined. */
function compiler (name: string): { readonly tsc: string, readonly version: string } | undefined {
  try {
    const manifest = require.resolve(`${name}/package.json`)
    return { tsc: join(dirname(manifest), 'bin', 'tsc'), version: (require(manifest) as { version: string }).version }
  } catch {
    return undefined
  }
}

t.test('consumers of the packed package compile, and what must not compile does not', async t => {
  const folder = t.testdir({ packed: {} })
  if (!existsSync(join(root, 'dist'))) await run(process.execPath, ['scripts/build.js'], { cwd: root })
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', join(folder, 'packed')], { cwd: root })
  const [tarball] = readdirSync(join(folder, 'packed'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'fastify-ip-risk'), { recursive: true })
  await run('tar', ['-xzf', join(folder, 'packed', tarball!), '--strip-components=1', '-C', join(modules, 'fastify-ip-risk')])
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && !name.startsWith('typescript')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  copyFileSync(join(root, 'types', 'consumer.tst.ts'), join(folder, 'consumer.ts'))
  writeFileSync(join(folder, 'common.cts'), "import ipRisk = require('fastify-ip-risk')\nexport const { createIpRisk, default: plugin } = ipRisk\n")
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions,
    files: ['typo.ts', 'consumer.ts', 'common.cts']
  }))
  writeFileSync(join(folder, 'typo.ts'), [
    "import Fastify from 'fastify'",
    "import type {} from 'fastify-ip-risk'",
    "Fastify().post('/', { config: { ipRisk: { action: 'signup', lokup: 'cache' } } }, async () => 'ok')"
  ].join('\n'))
  await eachCompiler(t, async ({ tsc, version }) => {
    // The native compiler is quick enough to check every declaration that is reached, ours among them.
    const options = ['--skipLibCheck', String(!version.startsWith('7.'))]
    const [typo = '', ...others] = (await compile(tsc, folder, options)).split(/\n(?=\S)/)
    t.match(typo, /^typo\.ts\(3,\d+\): error TS\d+: .*'\{ action: "signup"; lokup: "cache"; \}'.*RouteIpRiskOption/, `${version} quotes the typo`)
    t.match(typo, /Property 'lokup' .*\s.*'"no such option: use action, write, policy, mode, lookup or timeoutMs"'/, `${version} names the options`)
    t.same(others.filter(line => line !== ''), [], `TypeScript ${version}`)
  })

  // Outside of the repository, whose own Fastify would be found.
  const elsewhere = mkdtempSync(join(tmpdir(), 'ip-risk-types-'))
  t.teardown(() => rmSync(elsewhere, { recursive: true }))
  const installed = join(elsewhere, 'node_modules')
  cpSync(join(modules, 'fastify-ip-risk'), join(installed, 'fastify-ip-risk'), { recursive: true })
  mkdirSync(join(installed, '@types'))
  symlinkSync(join(root, 'node_modules', '@opentelemetry'), join(installed, '@opentelemetry'))
  for (const name of ['express', 'node']) {
    symlinkSync(join(root, 'node_modules', '@types', name), join(installed, '@types', name))
  }
  writeFileSync(join(elsewhere, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(elsewhere, 'app.ts'), [
    "import { createServer } from 'node:http'",
    "import express from 'express'",
    "import { createIpRisk, lists, type StepUp } from 'fastify-ip-risk'",
    "import ipRiskDashboard from 'fastify-ip-risk/dashboard'",
    "import { instrumentIpRisk } from 'fastify-ip-risk/otel'",
    "import { ipRiskMetrics } from 'fastify-ip-risk/prometheus'",
    "import { ipRisk } from 'fastify-ip-risk/express'",
    "import { proxycheck } from 'fastify-ip-risk/providers'",
    "import { fakeProvider } from 'fastify-ip-risk/testing'",
    'const stepUp: StepUp<express.Request> = { isSatisfied: req => req.get("x-code") === "1" }',
    'const risk = ipRisk({ provider: proxycheck(), stepUp, cache: { ttlSeconds: undefined } })',
    "express().use(risk).post('/', risk.route('signup'), (req, res) => { res.json(req.ipRisk?.decision) })",
    '// @ts-expect-error -- not an action',
    "risk.route('transfer')",
    'const engine = createIpRisk({ provider: lists() })',
    'createServer(async (request, response) => { await engine.assess(request, true, response) })',
    'export const stop = instrumentIpRisk(engine)',
    'export const metrics = ipRiskMetrics(engine)',
    'export const dashboard: Function = ipRiskDashboard',
    'export default fakeProvider()'
  ].join('\n'))
  writeFileSync(join(elsewhere, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }))
  await eachCompiler(t, async ({ tsc, version }) => {
    t.equal(await compile(tsc, elsewhere, ['--skipLibCheck', 'false']), '', `without Fastify, TypeScript ${version}`)
  })
})

type Found = NonNullable<ReturnType<typeof compiler>>

async function eachCompiler (t: Pick<typeof import('tap').t, 'comment' | 'match'>, check: (found: Found) => Promise<void>): Promise<void> {
  for (const [name, wanted] of [['typescript-5.9', /^5\.9\./], ['typescript', /^6\./], ['typescript-7', /^7\./]] as const) {
    const found = compiler(name)
    if (found === undefined) {
      t.comment(`skipped: ${name} is not installed, "npm install" installs it`)
      continue
    }
    t.match(found.version, wanted)
    await check(found)
  }
}

/** What the compiler prints for a project; empty where all is well. */
async function compile (tsc: string, folder: string, options: readonly string[]): Promise<string> {
  const args = [tsc, '-p', folder, '--pretty', 'false', ...options]
  const { stdout } = await run(process.execPath, args, { cwd: folder }).catch((err: { stdout: string }) => err)
  return stdout
}
