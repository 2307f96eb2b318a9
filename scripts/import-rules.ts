import { posix } from 'node:path'
import ts from 'typescript'

/**
 * The folders of `lib/`, top to bottom. A file may import its own folder, and the entry of a folder below. `lib/errors.ts` and `types/`
 * may be imported from anywhere. A folder that is not in this list may import nothing.
 */
export const folders: readonly string[] = [
  'cli', 'testing', 'telemetry', 'frameworks', 'core', 'options', 'familiarity', 'providers/*', 'providers/http', 'lists', 'resilience', 'rate-limit',
  'redis', 'cache', 'report', 'policy', 'client-ip', 'verdict', 'ip', 'util'
]

/**
 * Folders with one entry file for each published subpath, so that nothing is loaded that is not used. Elsewhere the entry is
 * `index.ts`.
 */
const entries: Readonly<Record<string, readonly string[]>> = {
  frameworks: ['fastify.ts', 'express.ts', 'node.ts'],
  telemetry: ['otel.ts', 'prometheus.ts', 'dashboard.ts']
}

export function folderOf (file: string): string {
  const [top, second, third] = file.replace(/^lib\//, '').split('/')
  return top === 'providers' && third !== undefined ? `${top}/${second}` : second === undefined ? '' : top!
}

export function isKnownFolder (folder: string): boolean {
  return folder === '' || rankOf(folder) >= 0
}

function rankOf (folder: string): number {
  const rank = folders.indexOf(folder)
  return rank < 0 && folder.startsWith('providers/') ? folders.indexOf('providers/*') : rank
}

/** The project's own files that a file imports, types included, as paths from the root. */
export function importsOf (file: string, text: string): string[] {
  const imported = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName)
  // What a program loads by hand: createRequire(import.meta.url)('./x.ts'), new URL('./x.ts', import.meta.url).
  const loaded = [...text.matchAll(/(?:import\.meta\.url\)|new URL)\('(\.[^']+\.ts)'/g)].map(([, name]) => name!)
  return [...imported, ...loaded].flatMap(name => {
    if (/^fastify-ip-risk(\/|$)/.test(name)) return file.startsWith('lib/') ? ['lib/index.ts'] : []
    return name.startsWith('.') ? [posix.join(posix.dirname(file), name)] : []
  })
}

/** Why a file may not import another, or undefined. */
export function refusedImport (file: string, imported: string): string | undefined {
  if (imported.startsWith('types/')) return undefined
  if (file.startsWith('types/')) return `${file} imports ${imported}, but types/ may import nothing else`
  if (imported === 'lib/errors.ts') return undefined
  const [from, to] = [folderOf(file), folderOf(imported)]
  if (from === to && from !== '') return undefined
  if (!imported.startsWith('lib/') || to === '') return `${file} imports ${imported}, which belongs to no folder of lib/`
  const allowed = entries[to] ?? ['index.ts']
  if (!allowed.some(name => imported === `lib/${to}/${name}`)) return `${file} imports ${imported}: import lib/${to}/${allowed[0]}`
  if (file === 'lib/index.ts') return undefined
  const [above, below] = [rankOf(from), rankOf(to)]
  if (above < 0 || below <= above) return `${file} imports ${imported}, but ${from || file} may not use ${to}, which is above it: move what both need further down`
}

/** Every import cycle through files, types included, found by a depth-first walk; each as the files along it. */
export function cyclesIn (graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file])
    else if (!done.has(file)) {
      for (const next of graph.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}
