import fc from 'fast-check'
import { createFleet } from './fleet.ts'
import { checkLeases } from './invariants.ts'
import { checkQuota } from './quota-invariants.ts'
import type { Invariant } from './record.ts'
import { leaseSchedules, quotaSchedules } from './schedules.ts'
import { createTally, type Tally } from './tally.ts'
import type { Fleet, Options, Schedule } from './types.ts'

export type Property = 'leases' | 'quota'

export interface Run {
  readonly property: Property
  readonly runs: number
  /** Default: another one each time. */
  readonly seed?: number | undefined
  /** Repeats one schedule of a seed. */
  readonly path?: string | undefined
  /** Whether to look for a shorter schedule that fails, too. That takes minutes. Default true. */
  readonly shrink?: boolean
  /** Counts the cases, over several runs. */
  readonly tally?: Tally
}

/** The limit of the simulated provider. */
export const PER_MINUTE = 12

/**
 * The least cases of each invariant in a hundred schedules, about a third of what thousands have. No minimum applies to fewer than a
 * hundred schedules.
 */
const least: Readonly<Record<Property, Readonly<Partial<Record<Invariant, number>>>>> = {
  leases: {
    'one call per address': 490,
    'nothing older than an invalidation': 145,
    'an answer in time': 1200,
    'a true verdict': 1080,
    'a takeover in time': 16,
    'no late fill': 16,
    'one call for a cold address': 40
  },
  quota: {
    'no call beyond the quota': 150,
    'no write refused too early': 40,
    'the whole limit for a healthy fleet': 100,
    'an answer in time': 1700,
    'a true verdict': 700
  }
}

const check: Readonly<Record<Property, (schedule: Schedule, fleet: Fleet) => Promise<readonly string[]>>> = {
  leases: async (schedule, fleet) => await checkLeases(schedule, fleet),
  quota: async (schedule, fleet) => await checkQuota(schedule, PER_MINUTE, fleet)
}
const options: Readonly<Record<Property, Options>> = { leases: {}, quota: { perMinute: PER_MINUTE } }
const schedules = { leases: leaseSchedules, quota: quotaSchedules }

function failOn (problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join('\n'))
}

/** Which invariants were checked on too few cases for so many schedules. */
function lacking (property: Property, runs: number, tally: Tally): readonly string[] {
  const hundreds = Math.floor(runs / 100)
  return tally.lacking(Object.fromEntries(Object.entries(least[property]).map(([invariant, cases]) => [invariant, cases * hundreds])))
}

/**
 * Undefined, or what is wrong: the shortest schedule that was found, and the command that repeats it; or an invariant that was checked on
 * too few cases.
 */
export async function simulate ({ property, runs, seed, path, shrink = true, tally }: Run): Promise<string | undefined> {
  const own = createTally()
  const result = await fc.check(fc.asyncProperty(schedules[property], async schedule => {
    const fleet = createFleet(schedule, options[property])
    const problems = await check[property](schedule, fleet)
    own.add(fleet.observations)
    tally?.add(fleet.observations)
    failOn(problems)
  }), {
    numRuns: runs, endOnFailure: !shrink, ...seed !== undefined && { seed }, ...path !== undefined && { path }
  })
  if (!result.failed) {
    const problems = lacking(property, runs, own)
    return problems.length === 0 ? undefined : `${property}: ${problems.join('\n')}`
  }
  return `${String(result.errorInstance)}\n${JSON.stringify(result.counterexample?.[0])}\nTo repeat it: npm run simulate:fleet ` +
    `-- --property ${property} --runs 1 --seed=${result.seed} --path ${result.counterexamplePath}`
}
