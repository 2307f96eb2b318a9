// Calls of the expensive provider that escalate() saves against always asking both, on the example lists:
// `node --import tsx bench/escalate.js [addresses]`
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import { consensus, escalate } from '../lib/providers/composite/index.ts'
import { createPipelines } from '../lib/resilience/index.ts'
import { knownAnswer } from '../lib/verdict/index.ts'
import { EXAMPLE_SECONDS, exampleLists, hasExampleLists } from '../scripts/example-lists.ts'
import { prefixesOf } from './prefixes.ts'

const COUNT = Number(process.argv[2] ?? 20_000)
/** One request in ten is a write. */
const WRITES = 0.1
const asnPackage = findAsnPackage()
if (!hasExampleLists || asnPackage === undefined) {
  console.log('Needs the example lists in ../shared/data and the package @ip-location-db/asn: nothing was measured.')
  process.exit(0)
}

const lists = exampleLists()
const snapshot = compileSnapshot(lists, { nowSeconds: EXAMPLE_SECONDS, asnTable: readAsnTable(asnPackage) })
const database = openDatabase(snapshot, () => EXAMPLE_SECONDS * 1000)
const cheap = { name: 'lists', sync: true, lookup: ip => database.answer(ip) ?? { verdict: 'unknown', reason: 'no_data' } }

/** The same sequence in each run. */
const random = (() => {
  let state = 7
  return () => {
    state = Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9 | 0
    return ((state ^ (state >>> 13)) >>> 0) / 4294967296
  }
})()
const anywhere = () => `${1 + Math.floor(random() * 222)}.${[0, 0, 0].map(() => Math.floor(random() * 256)).join('.')}`
const prefixes = lists.filter(list => list.kind !== 'relay').flatMap(list => prefixesOf(list.ranges)).filter(text => text.includes('.'))
const listed = () => prefixes[Math.floor(random() * prefixes.length)].split('/')[0]

const mixes = [
  ['addresses from anywhere', () => anywhere()],
  ['nine of ten from anywhere, one from a list', () => random() < 0.9 ? anywhere() : listed()],
  ['addresses from the lists: an attack', () => listed()]
]
const policies = [
  ['always both', expensive => consensus([cheap, expensive])],
  ['escalate', expensive => escalate(cheap, expensive)],
  ['escalate, writesOnly', expensive => escalate(cheap, expensive, { writesOnly: true })],
  ['escalate, unknown too, writesOnly', expensive => escalate(cheap, expensive, {
    when: { verdicts: ['suspicious', 'vpn_likely', 'unknown'] }, writesOnly: true
  })]
]
const log = { debug () {}, info () {}, warn () {}, error () {} }

const rows = []
for (const [mix, next] of mixes) {
  const visits = Array.from({ length: COUNT }, () => [next(), random() < WRITES])
  for (const [name, compose] of policies) {
    let calls = 0
    const expensive = { name: 'expensive', maxConcurrent: 1_000_000, lookup: () => { calls++; return knownAnswer('clean') } }
    const pipelines = createPipelines(compose(expensive), { log })
    for (const [ip, write] of visits) await pipelines.ask(ip, { write })
    await pipelines.close()
    rows.push({ visits: mix, asked: name, calls, 'saved, %': (100 - calls / COUNT * 100).toFixed(1) })
  }
}
console.log(`${COUNT} cold addresses of each kind, ${WRITES * 100} % of them on a write: calls of the expensive provider`)
console.table(rows)
