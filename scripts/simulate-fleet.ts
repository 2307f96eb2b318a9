// `npm run simulate:fleet -- [--runs 100000] [--property leases|quota] [--seed n] [--path p]`: our engines in simulated fleets,
// under random faults of network, Redis, processes and provider. Exits 1 at the first schedule that breaks an invariant.
import { parseArgs } from 'node:util'
import { type Property, simulate } from '../test/simulation/run.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string' }, property: { type: 'string' }, seed: { type: 'string' }, path: { type: 'string' } }
})
const runs = Number(values.runs ?? 100_000)
const properties = values.property === undefined ? ['leases', 'quota'] as const : [values.property as Property]
const seed = values.seed === undefined ? undefined : Number(values.seed)
const each = Math.ceil(runs / properties.length)

for (const property of properties) {
  const startedMs = performance.now()
  // In parts, so that a long run shows that it goes on.
  const part = values.path === undefined ? Math.min(each, 1000) : each
  for (let done = 0; done < each; done += part) {
    const from = seed === undefined || part === each ? seed : seed + done
    const problem = await simulate({ property, runs: Math.min(part, each - done), seed: from, path: values.path })
    if (problem !== undefined) {
      console.error(problem)
      process.exit(1)
    }
    console.log(`${property}: ${Math.min(done + part, each)} schedules, ${Math.round((performance.now() - startedMs) / 1000)} s`)
  }
}
