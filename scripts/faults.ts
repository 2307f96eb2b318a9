// `npm run faults -- [--seed n] [--fleets 3] [--rounds 1]`: the invariants of the simulation in real time, about two minutes a
// round, more where the machine is busy. Each fleet has a redis-server and up to four processes of its own; one in three keeps a quota.
// Exits 1 if an invariant breaks, or if one was checked on no case. The seed repeats the faults and their times, but not what the
// operating system does in between.
import fc from 'fast-check'
import { checkLeases, type Precision } from '../test/simulation/invariants.ts'
import { checkQuota } from '../test/simulation/quota-invariants.ts'
import { createRealFleet } from '../test/simulation/real-fleet.ts'
import { invariants } from '../test/simulation/record.ts'
import { PER_MINUTE } from '../test/simulation/run.ts'
import { leaseSchedules, quotaSchedules } from '../test/simulation/schedules.ts'
import { createTally } from '../test/simulation/tally.ts'
import type { Schedule, Step } from '../test/simulation/types.ts'
import { atLeast, positive, readOptions, whole } from './command-line.ts'

const values = readOptions(import.meta.url, {
  seed: { type: 'string' }, fleets: { type: 'string', default: '3' }, rounds: { type: 'string', default: '1' }
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', values.seed)
const count = atLeast('fleets', 3, values.fleets) // two for the leases and one for the quota
const rounds = positive('rounds', values.rounds)
/** Faults come for so long; then the fleet must be as good as new. */
const FAULTS_MS = 20_000
/** A turn of the event loop on a busy machine; what takes longer is a fault of the machine. */
const precision: Precision = { slackMs: 250, settleMs: 12_000 }

/**
 * The quota of a fleet that nothing has happened to yet: bursts of more than its limit, so that writes are refused, after its boot. Several
 * times, in case the machine gives no processor.
 */
const calm: readonly Step[] = [4500, 2500, 2500].map((afterMs, i) => ({ afterMs, kind: 'burst', process: i % 2, count: 15 }))

/** The steps that fit into the time, without the longest pauses. */
function shortened ({ steps, ...rest }: Schedule, before: readonly Step[]): Schedule {
  let ms = 0
  const closer = steps.map(step => ({ ...step, afterMs: Math.min(step.afterMs, 1000) }))
  return { ...rest, steps: [...before, ...closer].filter(step => (ms += step.afterMs) <= FAULTS_MS) }
}

/**
 * Of many schedules those with the most steps, some of them faults, one of Redis among them: the simulation has run the others. A process
 * that starts allows calls beyond the quota, so they start in each second round only.
 */
function schedulesOf (round: number): Schedule[] {
  const longest = (arbitrary: fc.Arbitrary<Schedule>): Schedule[] => fc.sample(arbitrary, { seed: seed + round, numRuns: 300 })
    .filter(({ skewsMs, steps }) => skewsMs.length > 1 && steps.filter(isFault).length >= steps.length / 5 && steps.some(({ kind }) => kind === 'redis'))
    .sort((a, b) => b.steps.length - a.steps.length)
  const leases = longest(leaseSchedules)
  const quotas = longest(quotaSchedules).map(schedule =>
    round % 2 === 1 ? schedule : { ...schedule, steps: schedule.steps.filter(({ kind }) => kind !== 'start') })
  return Array.from({ length: count }, (_, i) => i % 3 === 2 ? shortened(quotas[i]!, calm) : shortened(leases[i]!, []))
}

/** All four parts, shared out over the fleets that check leases. */
function partsOf (leases: number): number[] {
  const fleets = count - Math.floor(count / 3)
  return [0, 1, 2, 3].filter(part => part % fleets === leases)
}

function isFault ({ kind }: Step): boolean {
  return kind !== 'lookup' && kind !== 'burst' && kind !== 'provider'
}

console.log(`To repeat it: npm run faults -- --seed ${seed} --fleets ${count} --rounds ${rounds}`)
let broken = 0
const tally = createTally()
for (let round = 0; round < rounds; round++) {
  const schedules = schedulesOf(round)
  const startedMs = performance.now()
  // All boot before the first begins: a boot takes the processors from the others.
  const fleets = []
  for (const [i, schedule] of schedules.entries()) {
    fleets.push(await createRealFleet(schedule, i % 3 === 2 ? { perMinute: PER_MINUTE } : {}))
  }
  await Promise.all(fleets.map(async (fleet, i) => {
    const schedule = schedules[i]!
    const isQuota = i % 3 === 2
    const problems = isQuota
      ? await checkQuota(schedule, PER_MINUTE, fleet, precision)
      : await checkLeases(schedule, fleet, precision, partsOf(i - Math.floor(i / 3)))
    const kinds = schedule.steps.filter(isFault).map(({ kind }) => kind)
    console.log(`${isQuota ? 'quota' : 'leases'}: ${schedule.skewsMs.length} processes, ${fleet.questions.length} lookups, ${fleet.calls.length} provider calls, ` +
      `${kinds.length} faults (${[...new Set(kinds)].join(', ')}); ${problems.length} invariants broken`)
    for (const problem of problems.slice(0, 5)) console.log(`  ${problem}`)
    broken += problems.length
    tally.add(fleet.observations)
  }))
  console.log(`${Math.round((performance.now() - startedMs) / 1000)} s`)
}
console.log(tally.table())
const unchecked = tally.lacking(Object.fromEntries(invariants.slice(0, -1).map(invariant => [invariant, 1])))
for (const problem of unchecked) console.error(`${problem}: try it with another seed, or on a machine with less to do`)
process.exitCode = broken === 0 && unchecked.length === 0 ? 0 : 1
