import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)

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
    compilerOptions: {
      module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, exactOptionalPropertyTypes: true, noEmit: true
    },
    files: ['consumer.ts', 'common.cts']
  }))
  for (const [name, wanted] of [['typescript-5.9', /^5\.9\./], ['typescript', /^6\./], ['typescript-7', /^7\./]] as const) {
    const found = compiler(name)
    if (found === undefined) {
      t.comment(`skipped: ${name} is not installed, "npm install" installs it`)
      continue
    }
    t.match(found.version, wanted)
    // The native compiler is quick enough to check every declaration that is reached, ours among them.
    const options = ['--pretty', 'false', '--skipLibCheck', String(!found.version.startsWith('7.'))]
    const { stdout } = await run(process.execPath, [found.tsc, '-p', folder, ...options]).catch((err: { stdout: string }) => err)
    t.equal(stdout, '', `TypeScript ${found.version}`)
  }
})
