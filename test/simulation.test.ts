import t from 'tap'
import { simulate } from './simulation/run.ts'

t.setTimeout(300_000) // for a machine that is busy with something else

// A thousand schedules of one seed, so that a failure is no chance of this run. `npm run simulate:fleet` tries new ones.
t.test('in any schedule of faults a fleet makes one call per lease, answers in time, takes over from the dead, and caches nothing false', async t => {
  t.equal(await simulate({ property: 'leases', runs: 700, seed: 1, shrink: false }), undefined)
})

t.test('in any schedule of faults a fleet stays within the quota', async t => {
  t.equal(await simulate({ property: 'quota', runs: 300, seed: 1, shrink: false }), undefined)
})
