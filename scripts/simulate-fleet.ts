// `npm run simulate:fleet -- [--runs 100000] [--minutes n] [--property leases|quota] [--seed n] [--path p]`: our engines in simulated
// fleets, under random faults of network, Redis, processes and provider. Exits 1 at the first schedule that breaks an invariant, and where
// one was checked on too few cases; below 100 schedules of a property there is no such minimum. Prints on how many each was.
// `--path` repeats one schedule of a seed.
import { type Property, simulate } from '../test/simulation/run.ts'
import { createTally } from '../test/simulation/tally.ts'
import { needs, oneOf, positive, readOptions, whole } from './command-line.ts'

const values = readOptions(import.meta.url, {
  runs: { type: 'string', default: '100000' },
  minutes: { type: 'string' },
  property: { type: 'string' },
  seed: { type: 'string' },
  path: { type: 'string' }
})
if (values.path !== undefined) needs('path', { property: values.property, seed: values.seed })
const all: readonly Property[] = ['leases', 'quota']
const properties = values.property === undefined ? all : [oneOf('property', all, values.property)]
const seed = values.seed === undefined ? undefined : whole('seed', values.seed)
const each = Math.ceil(positive('runs', values.runs) / properties.length)
// In parts, so that a long run shows that it goes on, and tries both properties when it ends early.
const part = values.path === undefined ? Math.min(each, 1000) : each
const minutes = values.minutes === undefined ? Infinity : positive('minutes', values.minutes)
const startedMs = performance.now()
const seconds = (): number => Math.round((performance.now() - startedMs) / 1000)

const tallies = new Map(properties.map(property => [property, createTally()]))

for (let done = 0; done < each && seconds() < minutes * 60; done += part) {
  for (const property of properties) {
    const from = seed === undefined || part === each ? seed : seed + done
    const tally = tallies.get(property)!
    const problem = await simulate({ property, runs: Math.min(part, each - done), seed: from, path: values.path, tally })
    if (problem !== undefined) {
      console.error(problem)
      process.exit(1)
    }
    console.log(`${property}: ${Math.min(done + part, each)} schedules, ${seconds()} s`)
  }
}
for (const [property, tally] of tallies) console.log(`\n${property}:\n\n${tally.table()}`)
