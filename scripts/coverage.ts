import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import blank from 'ts-blank-space'

type Metric = 'lines' | 'branches' | 'functions'
const metrics: readonly Metric[] = ['lines', 'branches', 'functions']

type Percentages = Readonly<Record<Metric, number>>
interface Counted { readonly total: number, readonly covered: number }
interface FileCoverage {
  toSummary (): { readonly data: Readonly<Record<Metric, Counted>> }
  getUncoveredLines (): string[]
}
interface CoverageMap { files (): string[], fileCoverageFor (file: string): FileCoverage }
interface Report { getCoverageMapFromAllCoverageFiles (): Promise<CoverageMap> }
type ReportClass = new (options: object) => Report

/** Percentages below this floor fail the run. It is raised by hand; the report says when. */
export const floorFile = 'scripts/coverage-floor.json'

/** Files without a line of JavaScript: only types. No test can load them. */
function onlyTypes (text: string): boolean {
  return blank(text).replace(/\/\*[\s\S]*?\*\/|\/\/.*|export\s*\{\s*\};?/g, '').trim() === ''
}

/** `3-5, 9` */
function rangesOf (lines: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const line of lines) {
    const last = ranges.at(-1)
    if (last !== undefined && line === last[1] + 1) last[1] = line
    else ranges.push([line, line])
  }
  return ranges.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`).join(', ')
}

/** What falls below the floor, and what has risen above it, of percentages with one decimal. */
export function compareToFloor (found: Percentages, floor: Percentages): { below: string[], above: string[] } {
  const compared = metrics.map(metric => ({ metric, by: Math.round((found[metric] - floor[metric]) * 10) / 10 }))
  return {
    below: compared.filter(({ by }) => by < 0).map(({ metric }) => `${metric}: ${found[metric]} %, and the floor is ${floor[metric]} %`),
    above: compared.filter(({ by }) => by > 0).map(({ metric }) => `${metric}: ${found[metric]} %, and the floor is ${floor[metric]} %`)
  }
}

/** Prints the coverage of lib/ by file, where it has holes, and compares the sums with the floor. A file that no test loads counts as 0. */
export async function reportCoverage (root: string, folder: string): Promise<boolean> {
  const { Report } = createRequire(import.meta.url)('c8') as { Report: ReportClass }
  const report = new Report({
    include: ['lib/**/*.ts'],
    exclude: [],
    extension: ['.ts'],
    all: true,
    src: [join(root, 'lib')],
    tempDirectory: folder,
    resolve: root,
    reporter: [],
    excludeNodeModules: true,
    mergeAsync: true
  })
  const map = await report.getCoverageMapFromAllCoverageFiles()
  const found = new Map(map.files().map(file => [relative(root, file), map.fileCoverageFor(file)]))
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
    .map(name => `lib/${name}`).filter(file => !onlyTypes(readFileSync(join(root, file), 'utf8'))).sort()
  const sums = { lines: { total: 0, covered: 0 }, branches: { total: 0, covered: 0 }, functions: { total: 0, covered: 0 } }
  console.log('# Coverage of lib/: lines, branches and functions in %, and the lines that no test reached')
  for (const file of files) {
    const coverage = found.get(file)
    if (coverage === undefined) throw new Error(`coverage has no figure for ${file}`)
    const { data } = coverage.toSummary()
    for (const metric of metrics) {
      sums[metric].total += data[metric].total
      sums[metric].covered += data[metric].covered
    }
    const percentages = metrics.map(metric => percentage(data[metric]))
    const holes = coverage.getUncoveredLines().map(Number)
    if (percentages.some(value => value < 100)) console.log(`#   ${percentages.map(value => value.toFixed(1).padStart(5)).join(' ')}  ${file}  ${rangesOf(holes)}`)
  }
  const total = { lines: percentage(sums.lines), branches: percentage(sums.branches), functions: percentage(sums.functions) }
  console.log(`#   ${metrics.map(metric => total[metric].toFixed(1).padStart(5)).join(' ')}  all ${files.length} files`)
  const { below, above } = compareToFloor(total, JSON.parse(readFileSync(join(root, floorFile), 'utf8')) as Record<Metric, number>)
  for (const line of below) console.log(`not ok - coverage fell: ${line}`)
  for (const line of above) console.log(`# coverage rose: ${line}. Raise it in ${floorFile}`)
  return below.length === 0
}

function percentage ({ total, covered }: Counted): number {
  return total === 0 ? 100 : Math.floor(covered / total * 1000) / 10
}
