// `npm run soak:steady`: whether one process grows for ever. It gets 160,000 requests at a constant rate, then three rounds of the faults
// of the soak; after each part its heap is measured. Fourteen minutes. Exits 1 if a claim of the soak about answers or faults does not
// hold, or if the heap grew by more than 5 % from the end of the first round to the end of the third.
import { setTimeout as sleep } from 'node:timers/promises'
import { readOptions } from '../../scripts/command-line.ts'
import { allOf, answeredOf, callClaim, type Claim, counted, faultClaims, handlesOf, percent, type PhaseResult, trafficClaims } from './claims.ts'
import { breakDuring, type Effect, type Phase, phases } from './faults.ts'
import { difference, startFleet } from './fleet.ts'
import { listOf } from './report.ts'
import type { ServerSample } from './server.ts'
import { createTraffic, type Felt } from './traffic.ts'

readOptions(import.meta.url, {})
const PER_SECOND = 1000
const steady: Phase = { name: 'constant load', share: 0 }
const cold: Phase = { ...steady, cold: true }
const fleet = await startFleet(3)
// The last of the three; the others only keep the fleet a fleet, and get no requests from which they could notice a fault.
const [port, server] = [fleet.ports[2]!, fleet.servers[2]!]
const loaded = { ...fleet, ports: [port], servers: [server] }
const traffic = createTraffic({ origin: `http://127.0.0.1:${port}`, ports: [port], perSecond: PER_SECOND, ttlMs: 300_000 })
const results: PhaseResult[] = []
const rounds: ServerSample[] = []
let tally = { ...fleet.tally }
let callsBefore = 0

async function measure (phase: Phase, felt: Felt, effect?: Effect): Promise<ServerSample> {
  await sleep(7000)
  const sample = await server.ask('sample')
  const { calls } = await fleet.provider.ask('sample')
  results.push({ phase, felt, effect, seen: difference(fleet.tally, tally), calls: calls - callsBefore })
  callsBefore = calls
  tally = { ...fleet.tally }
  const served = results.reduce((sum, { felt }) => sum + answeredOf(felt), 0)
  const [heapMib, rssMib] = [sample.memory.heap, sample.memory.rss].map(bytes => (bytes / 2 ** 20).toFixed(1))
  console.log(`| ${phase.name} | ${counted(served)} | ${heapMib} | ${rssMib} | ${handlesOf(sample)} | ${allOf(felt.lost)} |`)
  return sample
}

console.log('| After | Requests | Heap MiB | RSS MiB | Handles | Lost |\n|---|---|---|---|---|---|')
try {
  // Slower at first: an empty process cannot ask its provider about a thousand addresses a second, and refuses to (`overloaded`).
  // Its maps of 10,000 verdicts and 10,000 IPv6 networks are filled, since they are memory that is meant to be used.
  await measure(cold, await traffic.send(40_000, { pace: 0.4, subnets: 0.4 }))
  // No longer than 270 seconds in all: after that, verdicts are refreshed.
  for (let part = 0; part < 3; part++) await measure(steady, await traffic.send(40_000))
  for (let round = 0; round < 3; round++) {
    for (const phase of phases) {
      if (phase.breaks === undefined || phase.killsProcesses === true) continue
      const [felt, effect] = await Promise.all([traffic.send(10_000), breakDuring(phase, loaded, 10_000 / PER_SECOND * 1000)])
      await measure(phase, felt, effect)
    }
    rounds.push(await measure(steady, await traffic.send(30_000)))
  }
} finally {
  await traffic.close()
  await fleet.close()
}

const grown = (name: string, read: (sample: ServerSample) => number): Claim => {
  const share = read(rounds[2]!) / read(rounds[0]!) - 1
  return [`${name}: ${percent(share)} from the end of the first round to the end of the third (at most 5)`, share <= 0.05]
}
const { lines, passed } = listOf([
  ...trafficClaims(results), callClaim(results), grown('heap', ({ memory }) => memory.heap), ...faultClaims(results)
])
console.log(['', ...lines].join('\n'))
process.exitCode = passed ? 0 : 1
