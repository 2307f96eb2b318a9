// Builds dist/ from lib/ and types/, from scratch: a file that was deleted must not live on in the package.
// Declarations keep the layout of lib/. Code is bundled, because importing 300 files takes several times as long: one file
// for each entry of the package, and chunks for what entries share. Names are kept, so that stack traces can be read.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { exports, bin, imports, engines } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))

rmSync(`${root}/dist`, { recursive: true, force: true })
const tsc = ['node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.build.json']
const { status } = spawnSync(process.execPath, tsc, { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const sourcesOf = paths => Object.values(paths)
  .filter(path => path.endsWith('.js'))
  .map(path => path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts'))
const subpaths = sourcesOf(exports).filter(path => path !== 'lib/index.ts')

/**
 * A chunk holds what the same entries share, so each new entry would cut the main one into smaller files. Who imports a
 * subpath or runs a command of the command line imports the main entry, too, and it stays in few files.
 */
const withMainEntry = {
  name: 'with-main-entry',
  setup ({ onLoad }) {
    onLoad({ filter: /\/lib\/.*\.ts$/ }, async ({ path }) => {
      const name = path.slice(root.length)
      if (!subpaths.includes(name) && !/^lib\/cli\/\w+\/index\.ts$/.test(name)) return undefined
      return { contents: `${await readFile(path, 'utf8')}\nimport '${root}lib/index.ts'\n`, loader: 'ts' }
    })
  }
}

const options = {
  absWorkingDir: root,
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: `node${engines.node.replace('>=', '')}`,
  sourcemap: true,
  sourcesContent: false
}
await build({
  ...options,
  entryPoints: [...sourcesOf(exports), ...sourcesOf(bin)],
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  plugins: [withMainEntry]
})
// What runs in a thread shares nothing with it.
await build({ ...options, entryPoints: sourcesOf(imports) })
