// `npm run soak:steady`: whether one process grows for ever. It gets 240,000 requests at a constant rate, then three rounds of the faults
// of the soak; after each part its heap is measured. Twelve minutes. Ends with 1 where a request got
// no answer or a wrong one.
import { setTimeout as sleep } from 'node:timers/promises'
import { breakDuring, phases } from './faults.ts'
import { startFleet } from './fleet.ts'
import { createTraffic, type Felt } from './traffic.ts'

const PER_SECOND = 1500
const fleet = await startFleet(3)
// The last of the three; the others only keep the fleet a fleet.
const [port, server] = [fleet.ports[2]!, fleet.servers[2]!]
const traffic = createTraffic({ origin: `http://127.0.0.1:${port}`, ports: [port], perSecond: PER_SECOND, ttlMs: 300_000 })
let served = 0

async function measure (what: string, { answered, lost, serverErrors, wronglyBlocked }: Felt): Promise<void> {
  served += answered
  if (lost > 0 || serverErrors > 0 || wronglyBlocked > 0 || fleet.violations.length > 0) {
    process.exitCode = 1
    console.error(`${what}: ${lost} lost, ${serverErrors} with 5xx, ${wronglyBlocked} wrongly blocked; since the start ` +
      `${fleet.violations.length} false verdicts or handlers past a refusal`)
  }
  await sleep(7000)
  const { memory: { heap, rss }, handles } = await server.ask('sample')
  const [heapMib, rssMib] = [heap, rss].map(bytes => (bytes / 2 ** 20).toFixed(1))
  const count = Object.values(handles).reduce((sum, n) => sum + n, 0)
  console.log(`| ${what} | ${served.toLocaleString('en')} | ${heapMib} | ${rssMib} | ${count} | ${lost} |`)
}

console.log('| After | Requests | Heap MiB | RSS MiB | Handles | Lost |\n|---|---|---|---|---|---|')
try {
  for (let part = 0; part < 6; part++) await measure('constant load', await traffic.send(40_000))
  for (let round = 0; round < 3; round++) {
    for (const phase of phases) {
      if (phase.breaks === undefined || phase.name.startsWith('processes')) continue
      const [felt] = await Promise.all([traffic.send(10_000), breakDuring(phase, fleet, 10_000 / PER_SECOND * 1000)])
      await measure(phase.name, felt)
    }
    await measure('constant load', await traffic.send(30_000))
  }
} finally {
  await traffic.close()
  await fleet.close()
}
