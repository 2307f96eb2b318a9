import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createIpRisk } from '../lib/index.ts'

const root = join(import.meta.dirname, '..')
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const pages = ['README.md', ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')
/** What a reader has beside the snippets. */
const reader = `
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { DecisionRecord, FastifyIpRiskOptions, Provider } from 'fastify-ip-risk'
declare module 'fastify-ip-risk' { interface IpRiskActions { transfer: 'write' } }
declare global {
  var app: FastifyInstance
  var ipRisk: FastifyPluginAsync<FastifyIpRiskOptions>
  var provider: Provider
  var audit: { write (record: DecisionRecord, userAgent: string | undefined): void }
  function handler (...given: unknown[]): Promise<void>
  function hasSecondFactor (request: FastifyRequest): boolean
}
`

/** The TypeScript of a page. A snippet that begins with a file name belongs to a test of its own (docs/testing.md). */
function snippetsOf (page: string): string[] {
  return [...textOf(page).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!).filter(code => !/^\/\/ \S+\.ts\n/.test(code))
}

t.test('every snippet of README and docs compiles', async t => {
  const files: Record<string, string> = {}
  for (const page of pages) {
    for (const [i, code] of snippetsOf(page).entries()) files[`${page.replace(/\W/g, '-')}-${i + 1}.ts`] = `${code}\nexport {}\n`
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

/** As GitHub makes them: lower case, spaces become hyphens, punctuation goes. */
function anchorsOf (page: string): string[] {
  return [...textOf(page).replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm)]
    .map(([, heading]) => heading!.toLowerCase().replaceAll(' ', '-').replace(/[^\p{L}\p{N}_-]/gu, ''))
}

t.test('README has at most 200 lines', async t => {
  t.ok(textOf('README.md').split('\n').length <= 201)
})

t.test('README has its sections in the order in which a reader needs them, and links every page of docs/', async t => {
  t.strictSame([...textOf('README.md').replace(/^```.*?^```$/gms, '').matchAll(/^##? (.*)$/gm)].map(([, heading]) => heading), [
    'fastify-ip-risk', 'Install', 'A minute to the first verdict', 'Reading the results', 'Enforcing', 'Behind a proxy', 'A fleet', 'More'
  ])
  const [, links = ''] = textOf('README.md').split(/^## More$/m)
  t.strictSame(pages.filter(page => page !== 'README.md' && !page.startsWith('docs/decisions/') && !links.includes(`](${page})`)), [])
})

t.test('docs/options.md has a row for every option', async t => {
  const { message } = t.throws(() => createIpRisk({ nope: 1 } as object)) as Error
  const names = /use one of (.*)$/.exec(message)![1]!.split(', ')
  t.ok(names.length > 15)
  const rows = [...textOf('docs/options.md').matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell!).join(' ')
  t.strictSame(names.filter(name => !rows.includes(`\`${name}\``)), [])
})

t.test('every link between the pages leads to a page and a heading that are there', async t => {
  const broken = [...pages, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].flatMap(page => {
    const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
    return links.filter(link => {
      if (/^https?:/.test(link)) return false
      const [path, anchor] = link.split('#') as [string, string?]
      const target = path === '' ? page : join(dirname(page), path)
      return !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    }).map(link => `${page}: ${link}`)
  })
  t.strictSame(broken, [])
})

/** The codes of log lines and errors, as the source spells them. The command line has variables of such names. */
function codesOf (pattern: RegExp): string[] {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.startsWith('cli/'))
  return [...new Set(files.flatMap(name => textOf(join('lib', name)).match(pattern) ?? []))].map(code => code.replaceAll("'", ''))
}

t.test('docs/runbook.md has an entry for every log code and every error code, and names no other', async t => {
  const entries = [...textOf('docs/runbook.md').matchAll(/^\| `((?:FST_)?IP_RISK_[A-Z_]+)` \|/gm)].map(([, code]) => code!)
  const codes = codesOf(/'(FST_)?IP_RISK_[A-Z_]+'/g)
  t.ok(codes.length > 50)
  t.strictSame(codesOf(/`[^`]*IP_RISK_[A-Z_]*\$\{(?!string\})/g), [], 'write codes whole, so that they can be found')
  t.strictSame(codes.filter(code => !entries.includes(code)), [], 'without an entry')
  t.strictSame(entries.filter(code => !codes.includes(code)), [], 'unknown')
  t.equal(new Set(entries).size, entries.length, 'one entry each')
})

t.test('the table of docs/runbook.md names every reason', async t => {
  const types = readdirSync(join(root, 'types')).map(name => textOf(`types/${name}`)).join('\n')
  const [, union = ''] = /type UnknownReason =\n([^/]*?)\n\n/.exec(types) ?? []
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason!)
  t.ok(reasons.length > 10)
  const [, table = ''] = /^## Reasons$(.*?)^## /ms.exec(textOf('docs/runbook.md')) ?? []
  t.strictSame(reasons.filter(reason => !table.includes(`\`${reason}\``)), [])
})
