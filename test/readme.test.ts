import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
/** What a reader has beside the snippets. */
const reader = `
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { DecisionRecord, FastifyIpRiskOptions, Provider } from 'fastify-ip-risk'
declare module 'fastify-ip-risk' { interface IpRiskActions { transfer: 'write' } }
declare global {
  var app: FastifyInstance
  var ipRisk: FastifyPluginAsync<FastifyIpRiskOptions>
  var provider: Provider
  var audit: { write (record: DecisionRecord): void }
  function handler (...given: unknown[]): Promise<void>
  function hasSecondFactor (request: FastifyRequest): boolean
}
`

t.test('every snippet of README and docs compiles', async t => {
  const files: Record<string, string> = {}
  for (const page of ['README.md', 'docs/lists.md', 'docs/providers.md']) {
    const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)
    for (const [i, [, code]] of [...blocks].entries()) files[`${page.replace(/\W/g, '-')}-${i + 1}.ts`] = `${code}\nexport {}\n`
  }
  t.ok(Object.keys(files).length >= 10, `${Object.keys(files).length} snippets`)
  const folder = t.testdir({
    ...files,
    'reader.ts': reader,
    'tsconfig.json': JSON.stringify({
      compilerOptions: { module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, skipLibCheck: true, noEmit: true }
    })
  })
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
  t.equal(stdout, '')
})
