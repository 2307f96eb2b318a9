// `npm run architecture`: the numbers of the architecture, and what breaks its rules. Exits 1 if anything does.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { cyclesIn, folderOf, importsOf, isKnownFolder, refusedImport } from './import-rules.ts'

export const MAX_LINES = 240
export const MAX_COLUMNS = 120

const root = fileURLToPath(new URL('..', import.meta.url))
const filesOf = (folder: string): string[] => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts')).map(name => `${folder}/${name}`).sort()

const texts = new Map([...filesOf('lib'), ...filesOf('types')].map(file => [file, readFileSync(join(root, file), 'utf8')]))
const graph = new Map([...texts].map(([file, text]) => [file, importsOf(file, text)]))
const lib = [...texts.keys()].filter(file => file.startsWith('lib/'))
const linesOf = (file: string): string[] => texts.get(file)!.trimEnd().split('\n')

/** Lines with a token of code on them: neither blank nor comment. */
function codeLines (text: string): number {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, false)
  const lines = new Set<number>()
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, text)
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    lines.add(source.getLineAndCharacterOfPosition(scanner.getTokenStart()).line)
  }
  return lines.size
}

const sizes = lib.map(file => linesOf(file).length).sort((a, b) => a - b)
const listsFromOutside = new Set([...graph].filter(([file]) => folderOf(file) !== 'lists')
  .flatMap(([, imports]) => imports.filter(name => name.startsWith('lib/lists/'))))
const numbers: readonly (readonly [string, number])[] = [
  ['files in lib/', lib.length],
  ['files directly in lib/', lib.filter(file => folderOf(file) === '').length],
  ['lines of code in lib/ (no comments, no blank lines)', lib.reduce((sum, file) => sum + codeLines(texts.get(file)!), 0)],
  ['median lines of a file', sizes[sizes.length >> 1]!],
  ['longest file, in lines', sizes.at(-1)!],
  ['modules imported by core/engine.ts', graph.get('lib/core/engine.ts')!.length],
  ['files of lists/ that are used from outside', listsFromOutside.size]
]

const problems = [
  ...[...graph].flatMap(([file, imports]) => imports.flatMap(name => refusedImport(file, name) ?? [])),
  ...[...graph].flatMap(([file, imports]) => imports.filter(name => !texts.has(name)).map(name => `${file} imports ${name}, which is no .ts file of lib/ or types/`)),
  ...[...new Set(lib.map(folderOf))].filter(folder => !isKnownFolder(folder)).map(folder => `lib/${folder}/ has no place in the order of scripts/import-rules.ts: add it there, and to the map in CONTRIBUTING.md`),
  ...cyclesIn(graph).map(cycle => `import cycle: ${cycle.join(' -> ')}`),
  ...lib.filter(file => linesOf(file).length > MAX_LINES).map(file => `${file} has more than ${MAX_LINES} lines: split it by topic`),
  ...[...texts.keys()].flatMap(file => linesOf(file).flatMap((line, i) => line.length > MAX_COLUMNS ? `${file}:${i + 1} is over ${MAX_COLUMNS} columns` : []))
]

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, value] of numbers) console.log(`${String(value).padStart(6)}  ${name}`)
  for (const problem of problems) console.error(problem)
  console.log(`${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
