import fc from 'fast-check'
import type { Schedule, Step } from './types.ts'

const process = fc.nat(3)
/** Now and then longer than a verdict lives. */
const afterMs = fc.oneof(
  { weight: 6, arbitrary: fc.nat(20) }, { weight: 6, arbitrary: fc.nat(200) }, { weight: 6, arbitrary: fc.nat(3000) },
  { weight: 1, arbitrary: fc.nat(90_000) }
)
const step = (kind: Step['kind'], fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), afterMs, ...fields }) as fc.Arbitrary<Step>

const lookup = step('lookup', { process, ip: fc.nat(2), write: fc.boolean() })
const faults = fc.oneof(
  step('invalidate', { process, ip: fc.nat(2) }),
  step('kill', { process }),
  step('close', { process }),
  step('start', { process }),
  step('freeze', { process, forMs: fc.nat(6000) }),
  step('partition', { process, forMs: fc.nat(6000) }),
  step('weather', {
    delayMs: fc.constantFrom(0.5, 5, 20, 150), loss: fc.constantFrom(0, 0, 0.05, 0.3), twice: fc.constantFrom(0, 0, 0.1)
  }),
  step('redis', { downMs: fc.nat(5000), data: fc.constantFrom('kept', 'lost', 'behind') })
)
const providers = step('provider', { latencyMs: fc.constantFrom(1, 20, 300, 2500), failures: fc.constantFrom(0, 0, 0.5, 1) })

const steps = (faultWeight: number): fc.Arbitrary<Step[]> => fc.array(fc.oneof(
  { weight: 5, arbitrary: lookup }, { weight: faultWeight, arbitrary: faults }, { weight: 1, arbitrary: providers }
), { minLength: 3, maxLength: 40, size: 'max' })

/** Invalidations of an address for which several processes ask or wait, and no fault that excuses anything. */
const invalidations: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 5, arbitrary: step('lookup', { process, ip: fc.constant(0), write: fc.boolean() }) },
  { weight: 2, arbitrary: step('invalidate', { process, ip: fc.constant(0) }) },
  { weight: 1, arbitrary: providers }
), { minLength: 3, maxLength: 40, size: 'max' })

/** A quarter of them without faults, and one with invalidations alone, so that the rules without exceptions are tested, too. */
export const leaseSchedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer(),
  skewsMs: fc.array(fc.integer({ min: -2000, max: 2000 }), { minLength: 2, maxLength: 4 }),
  steps: fc.oneof(steps(0), invalidations, steps(2), steps(2))
})

/** Many cold addresses for three minutes, while processes die and start. No partition lasts long. */
export const quotaSchedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer(),
  skewsMs: fc.array(fc.integer({ min: -2000, max: 2000 }), { minLength: 1, maxLength: 4 }),
  steps: fc.array(fc.oneof(
    { weight: 8, arbitrary: step('burst', { afterMs: fc.nat(8000), process, count: fc.integer({ min: 1, max: 12 }) }) },
    {
      weight: 2,
      arbitrary: step('redis', {
        afterMs: fc.nat(8000), downMs: fc.oneof(fc.nat(3000), fc.nat(100_000)), data: fc.constantFrom('kept', 'lost', 'behind')
      })
    },
    {
      weight: 1,
      arbitrary: step('weather', {
        delayMs: fc.constantFrom(0.5, 5, 20, 150), loss: fc.constantFrom(0, 0.05, 0.3), twice: fc.constantFrom(0, 0.1)
      })
    },
    { weight: 1, arbitrary: step('partition', { process, forMs: fc.nat(15_000) }) },
    { weight: 1, arbitrary: step('freeze', { process, forMs: fc.nat(15_000) }) },
    { weight: 1, arbitrary: step('kill', { process }) },
    { weight: 1, arbitrary: step('close', { process }) },
    { weight: 1, arbitrary: step('start', { process }) }
  ), { minLength: 3, maxLength: 40, size: 'max' })
})
