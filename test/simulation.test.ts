import t from 'tap'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CLAIM } from '../lib/redis/scripts.ts'
import { createFleet } from './simulation/fleet.ts'
import { checkVerdicts } from './simulation/history.ts'
import { simulated } from './simulation/invariants.ts'
import { checkQuota } from './simulation/quota-invariants.ts'
import { createRedisModel } from './simulation/redis-model.ts'
import { PER_MINUTE, simulate } from './simulation/run.ts'
import { models } from './simulation/script-models.ts'
import { createTally } from './simulation/tally.ts'
import type { Fleet, ProviderCall, Question, Schedule } from './simulation/types.ts'

t.setTimeout(300_000) // for a machine that is busy with something else

// A thousand schedules of one seed, so that a failure is no chance of this run. `npm run simulate:fleet` tries new ones.
t.test('in any schedule of faults a fleet makes one call per lease, answers in time, takes over from the dead, and caches nothing false', async t => {
  t.equal(await simulate({ property: 'leases', runs: 700, seed: 1, shrink: false }), undefined)
})

t.test('in any schedule of faults a fleet stays within the quota', async t => {
  t.equal(await simulate({ property: 'quota', runs: 300, seed: 1, shrink: false }), undefined)
})

// What docs/providers.md says of a process that was alone, and no more.
t.test('a process that was alone continues while it cannot reach Redis, and a second one gets half of the limit beside it', async t => {
  const burst = (process: number, afterMs: number): Schedule['steps'][number] => ({ afterMs, kind: 'burst', process, count: 20 })
  const schedule: Schedule = {
    seed: 1,
    skewsMs: [0],
    steps: [
      { afterMs: 5000, kind: 'partition', process: 0, forMs: 12_000 },
      { afterMs: 3000, kind: 'start', process: 1 },
      burst(0, 1000), burst(0, 1), burst(1, 1000), burst(1, 1000), burst(1, 5000)
    ]
  }
  const fleet = createFleet(schedule, { perMinute: PER_MINUTE })
  t.strictSame(await checkQuota(schedule, PER_MINUTE, fleet), [])
  const first = fleet.calls.filter(({ startMs }) => startMs < fleet.calls[0]!.startMs + 20_000)
  t.equal(first.length, PER_MINUTE * 1.5)
})

// The end of a lease minus its beginning was a little more than its length, and rounded up: then it did not count as a lease.
t.test('of two claims at the same moment the model of Redis grants one', async t => {
  const replies = new Set<string>()
  for (let i = 0; i < 1000; i++) {
    const redis = createRedisModel(() => 500 + i * 1.337)
    const keys = ['verdict', 'lease', 'waiters', 'failed']
    const [first, second] = ['a', 'b'].map(token => models.get(CLAIM)!(redis, keys, [token, '2000', 'inbox', '0', '']) as readonly string[])
    replies.add(`${first![0]}, ${second![0]}`)
  }
  t.strictSame([...replies], ['ours, held'])
})

/** A fleet of one process, with one call and the answer that it gave, to be spoilt. */
const spoilt = (call: Partial<ProviderCall>, answer: Partial<Question>): string[] => {
  const actor = { process: 0, frozenUntilMs: 0, skewMs: 0 }
  const ip = '203.0.113.1'
  const fleet = {
    calls: [{ process: 0, actor, ip, startMs: 0, version: 1, endMs: 20, known: true, ...call }],
    questions: [{ process: 0, actor, ip, verdict: 'suspicious', org: `${ip} 1`, version: 1, startMs: 100, endMs: 100, ageMs: 80, ...answer }],
    problems: [] as string[],
    observed () {}
  }
  checkVerdicts(fleet as unknown as Fleet, simulated)
  return fleet.problems
}

t.test('a verdict that no call found, of another address, from the future or too old breaks an invariant', async t => {
  t.strictSame(spoilt({}, {}), [])
  t.strictSame(spoilt({}, { endMs: 60_520, ageMs: 60_001 }), [])
  t.match(spoilt({}, { version: 2, org: '203.0.113.1 2' }), [/no call for it has found/])
  t.match(spoilt({}, { version: NaN, org: undefined }), [/no call for it has found/])
  t.match(spoilt({ ip: '203.0.113.2' }, {}), [/no call for it has found/])
  t.match(spoilt({}, { org: '203.0.113.2 1' }), [/no call for it has found/])
  t.match(spoilt({ known: false }, {}), [/no call for it has found/])
  t.match(spoilt({ endMs: 101 }, {}), [/from -1 ms ago/])
  t.match(spoilt({ endMs: Infinity }, {}), [/from -Infinity ms ago/])
  t.match(spoilt({}, { endMs: 60_526, ageMs: 60_000 }), [/from 60506 ms ago/])
  for (const ageMs of [-1, 60_002, NaN]) t.match(spoilt({}, { ageMs }), [/took to be .* ms old/])
})

t.test('an invariant that was checked on too few cases, or none, is named', async t => {
  const tally = createTally()
  tally.add(new Map([['no late fill', { checked: 3, excused: new Map([['a fault', 9]]) }]]))
  t.strictSame(tally.lacking({ 'no late fill': 3 }), [])
  t.strictSame(tally.lacking({ 'no late fill': 4, 'a true verdict': 1 }), [
    '"no late fill" was checked on 3 cases, and must be on at least 4', '"a true verdict" was checked on 0 cases, and must be on at least 1'
  ])
  t.match(tally.table(), '| no late fill | 3 | 9: a fault |')
})

t.test('a run that would simulate nothing is refused', async t => {
  const script = fileURLToPath(new URL('../scripts/simulate-fleet.ts', import.meta.url))
  const loader = new URL('../scripts/strip-types.js', import.meta.url).href
  for (const [given, problem] of [
    [['--property', 'lease'], /--property must be leases or quota, got lease/],
    [['--runs', '0'], /--runs must be a positive number, got 0/],
    [['--seed', 'one'], /--seed must be a whole number, got one/],
    [['--path', '1:2', '--seed', '1'], /--path needs --property, too/],
    [['--sede', '1'], /Unknown option '--sede'/]
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, ['--import', loader, script, ...given], { encoding: 'utf8' })
    t.equal(status, 2)
    t.match(stderr, problem)
    t.notMatch(stderr, /\n./, 'one line')
  }
  const { status, stdout } = spawnSync(process.execPath, ['--import', loader, script, '--help'], { encoding: 'utf8' })
  t.equal(status, 0)
  t.match(stdout, /^`npm run simulate:fleet -- \[--runs 100000\]/)
})
