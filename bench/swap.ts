// How long the event loop of a serving process pauses while a new snapshot of all lists takes the place of the one before:
// node --import tsx bench/swap.ts [swaps]
// The strictest reading first: the longest pause of all swaps. A pull or a compilation runs in a thread; only this part does not.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { snapshotPart } from '../lib/lists/database/parts.ts'
import { replaceFile } from '../lib/util/index.ts'
import { EXAMPLE_SECONDS, exampleLists, hasExampleLists } from '../scripts/example-lists.ts'

const SWAPS = Number(process.argv[2] ?? 30)
const asnPackage = findAsnPackage()
if (!hasExampleLists || asnPackage === undefined) {
  console.log('Needs the example lists in ../shared/data and the package @ip-location-db/asn: nothing was measured.')
  process.exit(0)
}
const asnTable = readAsnTable(asnPackage)
const bytes = [1, 2].map(part => compileSnapshot(exampleLists().slice(0, -part), { nowSeconds: EXAMPLE_SECONDS, asnTable }))
const cacheFolder = mkdtempSync(join(tmpdir(), 'ip-risk-swap-'))
const path = join(cacheFolder, 'lists.snapshot')
replaceFile(path, bytes[0]!)
let swapped = (): void => {}
const log = { debug () {}, info () { swapped() }, warn () {}, error (fields: object) { console.log(fields) } }
const part = snapshotPart({ path, cacheFolder, asnPackage: undefined, watchIntervalMs: 10 })
part.start(log)

/** Turns the event loop until `done`; gives its longest turn in milliseconds. */
async function longestTurn (done: Promise<unknown>): Promise<number> {
  const state = { isDone: false }
  done.then(() => { state.isDone = true })
  let longest = 0
  let last = performance.now()
  while (!state.isDone) {
    await new Promise(resolve => { setImmediate(resolve) })
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  return longest
}
const later = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })

const pauses: number[] = []
for (let i = 1; i <= SWAPS; i++) {
  await later(20)
  const done = new Promise<void>(resolve => { swapped = resolve })
  replaceFile(path, bytes[i % 2]!)
  pauses.push(await longestTurn(done.then(() => later(20))))
}
const idle = await longestTurn(later(1000))
await part.close()
rmSync(cacheFolder, { recursive: true })
pauses.sort((a, b) => a - b)
const shown = (ms: number): string => `${ms.toFixed(1)} ms`
console.log(`${(bytes[0]!.length / 1e6).toFixed(1)} MB, ${SWAPS} swaps; longest turn of the event loop`)
console.table({ longest: shown(pauses.at(-1)!), median: shown(pauses[SWAPS >> 1]!), 'without a swap, one second': shown(idle) })
