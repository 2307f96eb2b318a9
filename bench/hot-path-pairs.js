// What one feature costs a request that memory answers: two applications in one process, with it and without, in turn. How V8 compiled
// the code cannot differ between them, as it does between the processes of hot-path.js. With `--against`, also what a memory hit adds to
// a bare route beside what it adds in the other build, where the handler reads `request.ipRisk` and where it does not.
// `npm run build && cd bench && npm install && node hot-path-pairs.js [pattern] [--against FOLDER]`
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startVariant } from './hot-path-load.js'

const LAUNCHES = 5
const ROUNDS = 20
const pairs = [
  ['telemetry on', 'fastify-ip-risk, memory hit'],
  ['telemetry on', 'telemetry off, SDK started'],
  ['telemetry on, no spans', 'telemetry off, SDK started'],
  ['familiarity on, write', 'step-up on, write'],
  ['fastify-ip-risk, memory hit, read', 'bare'],
  ['fastify-ip-risk, memory hit', 'bare'],
  ['fastify-ip-risk, ipRisk: false', 'empty hook']
]
const { values: { against, pair }, positionals: [pattern = ''] } = parseArgs({
  options: { against: { type: 'string' }, pair: { type: 'string' } }, allowPositionals: true
})
if (against !== undefined) {
  pairs.push(['familiarity on, write', 'other build, step-up on, write'])
  pairs.push(['fastify-ip-risk, memory hit, read', 'other build, memory hit, read', 'bare'])
  pairs.push(['fastify-ip-risk, memory hit', 'other build, memory hit', 'bare'])
}

const sorted = values => values.toSorted((a, b) => a - b)
const at = (values, part) => sorted(values)[Math.floor((values.length - 1) * part)]

/** In a process of its own: what a request takes with the feature and without, in microseconds, round by round. */
async function measure (names) {
  const variants = []
  for (const name of names) variants.push(await startVariant(name, against))
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const all = []
    for (const i of variants.keys()) all[i] = await variants[i].run() // always behind another one: a second run in a row is faster
    rounds.push(all)
  }
  process.send(rounds, () => process.exit())
}

async function inProcess (index) {
  const args = ['--pair', String(index), ...against === undefined ? [] : ['--against', against]]
  const child = fork(new URL(import.meta.url), args)
  const [rounds] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`)
  })])
  return rounds
}

if (pair !== undefined) await measure(pairs[Number(pair)])
else {
  const rows = []
  for (const [index, [on, off, bare]] of pairs.entries()) {
    if (!new RegExp(pattern).test(`${on} / ${off}`)) continue
    const rounds = []
    for (let launch = 0; launch < LAUNCHES; launch++) rounds.push(...await inProcess(index))
    const added = rounds.map(([on, off]) => on - off)
    rows.push({
      with: on,
      without: off,
      'us a request without': at(rounds.map(([, off]) => off), 0.5).toFixed(2),
      'added, us': at(added, 0.5).toFixed(2),
      'middle half of the pairs': `${at(added, 0.25).toFixed(2)} to ${at(added, 0.75).toFixed(2)}`,
      'added, %': (at(rounds.map(([on, off]) => on / off - 1), 0.5) * 100).toFixed(1),
      'added to bare, other = 1': bare === undefined ? '' : at(rounds.map(([on, off, bare]) => (on - bare) / (off - bare)), 0.5).toFixed(2)
    })
  }
  console.log(`CPU time a request; ${LAUNCHES} processes for each pair, ${ROUNDS} pairs of rounds each; medians of pairs`)
  console.table(rows)
}
