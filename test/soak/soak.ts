// `npm run soak -- [--requests 1000000] [--minutes 11] [--processes 4]`: a fleet behind nginx under load while Redis, the provider and
// processes are killed, frozen, filled or lie. Prints a report (docs/proof.md has one), and exits 1 if a claim does not hold.
import { setTimeout as sleep } from 'node:timers/promises'
import { atLeast, readOptions } from '../../scripts/command-line.ts'
import { breakDuring, phases } from './faults.ts'
import { allOf, type Survivor } from './claims.ts'
import { difference, startFleet } from './fleet.ts'
import { type MeasuredPhase, reportOf } from './report.ts'
import type { ServerSample } from './server.ts'
import { createTraffic } from './traffic.ts'

const values = readOptions(import.meta.url, {
  requests: { type: 'string', default: '1000000' }, minutes: { type: 'string', default: '11' }, processes: { type: 'string', default: '4' }
})
const requests = atLeast('requests', 1000, values.requests)
const seconds = atLeast('minutes', 1, values.minutes) * 60
const processes = atLeast('processes', 3, values.processes) // two of them are killed on the way
const shares = phases.reduce((sum, { share }) => sum + share, 0)
/** The usual rate. All phases together take the time that was asked for, the slower ones included. */
const perSecond = Math.round(phases.reduce((sum, { share, pace = 1 }) => sum + share / pace, 0) / shares * requests / seconds)

const fleet = await startFleet(processes)
const traffic = createTraffic({ origin: fleet.origin, ports: fleet.ports, perSecond, ttlMs: 300_000 })
const startedMs = performance.now()
const results: MeasuredPhase[] = []
type Time = keyof Survivor
const sampled = new Map<Time, readonly ServerSample[]>()

try {
  let calls = 0
  sampled.set('start', await Promise.all(fleet.servers.map(server => server.ask('sample'))))
  for (const phase of phases) {
    const count = Math.round(requests * phase.share / shares)
    const subnets = Math.min(0.95, (phase.subnets ?? 0) / count)
    const pace = phase.pace ?? 1
    const before = { ...fleet.tally }
    const [felt, effect] = await Promise.all([
      traffic.send(count, { subnets, pace }), breakDuring(phase, fleet, count / (perSecond * pace) * 1000)
    ])
    // Nothing is under way when memory is measured, and connections that nobody uses are closed.
    await sleep(phase.sampled === undefined ? 1000 : 8000)
    const now = await Promise.all(fleet.servers.map(server => server.ask('sample')))
    const { calls: callsNow } = await fleet.provider.ask('sample')
    const worst = (at: 0 | 1): number => Math.max(...now.map(sample => sample.loopDelayMs[at]))
    results.push({
      phase,
      felt,
      seen: difference(fleet.tally, before),
      effect,
      calls: callsNow - calls,
      loopDelayMs: [worst(0), worst(1)]
    })
    if (phase.sampled !== undefined) sampled.set(phase.sampled, now)
    calls = callsNow
    console.error(`${phase.name}: ${felt.sent} sent, ${allOf(felt.lost)} lost${effect === undefined ? '' : `; ${effect.seen}`}`)
  }
} finally {
  await traffic.close()
  await fleet.close()
}

// The first two were restarted.
const survivors = Array.from({ length: processes - 2 }, (_, i): Survivor => {
  const at = (time: Time): ServerSample => sampled.get(time)![i + 2]!
  return { start: at('start'), warm: at('warm'), middle: at('middle'), end: at('end') }
})
const { text, passed } = reportOf({
  processes,
  perSecond,
  seconds: (performance.now() - startedMs) / 1000,
  phases: results,
  survivors
})
console.log(text)
process.exitCode = passed ? 0 : 1
