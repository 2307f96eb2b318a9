import fc from 'fast-check'
import { createFleet, type Schedule } from './fleet.ts'
import { checkLeases } from './invariants.ts'
import { checkQuota } from './quota-invariants.ts'
import { leaseSchedules, quotaSchedules } from './schedules.ts'

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
}

/** The limit of the simulated provider. */
export const PER_MINUTE = 12

const properties: Readonly<Record<Property, fc.IAsyncProperty<[Schedule]>>> = {
  leases: fc.asyncProperty(leaseSchedules, async schedule => failOn(await checkLeases(schedule, createFleet(schedule)))),
  quota: fc.asyncProperty(quotaSchedules, async schedule =>
    failOn(await checkQuota(schedule, PER_MINUTE, createFleet(schedule, { perMinute: PER_MINUTE }))))
}

function failOn (problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join('\n'))
}

/** Undefined, or what is wrong: the shortest schedule that was found, and the command that repeats it. */
export async function simulate ({ property, runs, seed, path, shrink = true }: Run): Promise<string | undefined> {
  const result = await fc.check(properties[property], {
    numRuns: runs, endOnFailure: !shrink, ...seed !== undefined && { seed }, ...path !== undefined && { path }
  })
  if (!result.failed) return undefined
  return `${String(result.errorInstance)}\n${JSON.stringify(result.counterexample?.[0])}\nTo repeat it: npm run simulate:fleet ` +
    `-- --property ${property} --runs 1 --seed=${result.seed} --path ${result.counterexamplePath}`
}
