import t from 'tap'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createFleet } from './simulation/fleet.ts'
import { checkVerdicts } from './simulation/history.ts'
import { checkLeases, simulated } from './simulation/invariants.ts'
import { checkQuota } from './simulation/quota-invariants.ts'
import { PER_MINUTE, simulate } from './simulation/run.ts'
import { createTally } from './simulation/tally.ts'
import type { Fleet, ProviderCall, Question, Schedule } from './simulation/types.ts'

t.setTimeout(300_000) // for a machine that is busy with something else

/** A schedule of two processes whose clocks agree. */
const ofTwo = (steps: Schedule['steps']): Schedule => ({ seed: 0, skewsMs: [0, 0], steps })

// A thousand schedules of one seed, so that a failure is no chance of this run. `npm run simulate:fleet` tries new ones.
t.test('in any schedule of faults a fleet makes one call per lease, answers in time, takes over from the dead, and caches nothing false', async t => {
  t.equal(await simulate({ property: 'leases', runs: 700, seed: 1, shrink: false }), undefined)
})

t.test('in any schedule of faults a fleet stays within the quota', async t => {
  t.equal(await simulate({ property: 'quota', runs: 300, seed: 1, shrink: false }), undefined)
})

// Found by `npm run simulate:fleet`: the reply to SUBSCRIBE was lost, so process 2 assumed that it received no messages, although it did.
const lateReply: Schedule = {
  seed: 1610612726,
  skewsMs: [0, 0],
  steps: [
    { afterMs: 0, kind: 'provider', latencyMs: 2500, failures: 0 },
    { afterMs: 0, kind: 'lookup', process: 0, ip: 1, write: false },
    { afterMs: 5, kind: 'weather', delayMs: 0.5, loss: 0.3, twice: 0 },
    { afterMs: 1483, kind: 'provider', latencyMs: 1, failures: 0 },
    { afterMs: 13, kind: 'lookup', process: 2, ip: 0, write: false },
    { afterMs: 3, kind: 'lookup', process: 0, ip: 0, write: false },
    { afterMs: 0, kind: 'start', process: 2 },
    { afterMs: 1059, kind: 'provider', latencyMs: 1, failures: 0 },
    { afterMs: 43, kind: 'lookup', process: 0, ip: 0, write: false }
  ]
}

t.test('a process whose subscription was confirmed too late waits for messages again', async t => {
  t.strictSame(await checkLeases(lateReply, createFleet(lateReply)), [])
})

// Found by `npm run simulate:fleet`: a new Redis knew none of our scripts, so each command took two round trips, and a read and a claim
// more than `redisTimeoutMs`. Both processes called the provider.
const newRedis = (seed: number): Schedule => ({
  seed,
  skewsMs: [0, 0],
  steps: [
    { afterMs: 0, kind: 'weather', delayMs: 20, loss: 0, twice: 0 },
    { afterMs: 0, kind: 'lookup', process: 1, ip: 2, write: false },
    { afterMs: 16, kind: 'lookup', process: 0, ip: 2, write: false },
    { afterMs: 200, kind: 'provider', latencyMs: 20, failures: 0 }
  ]
})

t.test('two processes make one call while a new Redis, which knows no script yet, answers each command in time', async t => {
  for (const seed of [1, 2, 3, 4]) {
    const schedule = newRedis(seed)
    t.strictSame(await checkLeases(schedule, createFleet(schedule)), [], `seed ${seed}`)
  }
})

// Found by `npm run simulate:fleet`: a process that waited for a call of more than two leases had used up its time for Redis by claiming
// again and again, and called the provider as well.
t.test('a call that takes longer than a lease is waited for, over a network that is slow but in time', async t => {
  const schedule = ofTwo([
    { afterMs: 0, kind: 'provider', latencyMs: 3200, failures: 0 },
    { afterMs: 0, kind: 'weather', delayMs: 20, loss: 0, twice: 0 },
    { afterMs: 0, kind: 'lookup', process: 0, ip: 1, write: false },
    { afterMs: 40, kind: 'lookup', process: 1, ip: 1, write: false },
    { afterMs: 5000, kind: 'provider', latencyMs: 20, failures: 0 }
  ])
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const seeded = { ...schedule, seed }
    t.strictSame(await checkLeases(seeded, createFleet(seeded)), [], `seed ${seed}`)
  }
})

// Found by `npm run simulate:fleet`: a lookup waited for a slow Redis while another one of the same process learned the verdict, and called
// the provider again.
t.test('while Redis is too slow, a process makes one call for all its lookups of an address', async t => {
  const first: Schedule['steps'][number] = { afterMs: 0, kind: 'lookup', process: 0, ip: 0, write: false }
  const schedule = ofTwo([
    { afterMs: 0, kind: 'weather', delayMs: 150, loss: 0, twice: 0 }, first, first, first, first, { ...first, afterMs: 32 }
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

// Found by `npm run simulate:fleet`: Redis granted a call while the report of one that was made without Redis was still under way.
t.test('a process uses no grant that makes one call too many with those that it is just reporting', async t => {
  const schedule: Schedule = {
    seed: 1851983668,
    skewsMs: [0],
    steps: [
      { afterMs: 1453, kind: 'burst', process: 0, count: 1 },
      { afterMs: 11_075, kind: 'burst', process: 0, count: 11 },
      { afterMs: 2, kind: 'weather', delayMs: 5, loss: 0.3, twice: 0.1 },
      { afterMs: 4470, kind: 'burst', process: 0, count: 1 },
      { afterMs: 0, kind: 'burst', process: 0, count: 5 },
      { afterMs: 17, kind: 'redis', downMs: 0, data: 'kept' }
    ]
  }
  t.strictSame(await checkQuota(schedule, PER_MINUTE, createFleet(schedule, { perMinute: PER_MINUTE })), [])
})

// Found by `npm run simulate:fleet`, which took it for a second call at once: the message of an invalidation came after a restart of Redis.
// Found by `npm run simulate:fleet`: process 0 reported to Redis what was left of its part, and had the whole part again a minute later.
t.test('what is reserved for a process that gets no replies lasts while its earlier calls leave the window', async t => {
  const schedule: Schedule = {
    seed: -935345180,
    skewsMs: [0],
    steps: [
      { afterMs: 0, kind: 'start', process: 1 },
      { afterMs: 4069, kind: 'weather', delayMs: 150, loss: 0.3, twice: 0 },
      { afterMs: 831, kind: 'redis', downMs: 0, data: 'kept' },
      { afterMs: 4043, kind: 'burst', process: 0, count: 1 },
      { afterMs: 73_699, kind: 'weather', delayMs: 0.5, loss: 0, twice: 0 },
      { afterMs: 0, kind: 'burst', process: 0, count: 4 },
      { afterMs: 659, kind: 'burst', process: 1, count: 9 }
    ]
  }
  t.strictSame(await checkQuota(schedule, PER_MINUTE, createFleet(schedule, { perMinute: PER_MINUTE })), [])
})

t.test('an invalidation while Redis is away drops a call that begins before its message arrives', async t => {
  const asks: Schedule['steps'][number] = { afterMs: 5, kind: 'lookup', process: 1, ip: 1, write: false }
  const schedule = ofTwo([
    { afterMs: 0, kind: 'redis', downMs: 101, data: 'kept' },
    { afterMs: 0, kind: 'invalidate', process: 0, ip: 1 },
    { afterMs: 87, kind: 'provider', latencyMs: 2500, failures: 0 },
    { ...asks, afterMs: 114 }, asks, { ...asks, afterMs: 3000 }
  ])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.strictSame(fleet.questions.slice(0, 3).map(({ version }) => version), [1, 2, 2])
})

// Found by `npm run simulate:fleet`: process 0 was reading what process 1 had stored when it invalidated it, and kept what it read.
t.test('what a process was reading from Redis when the address was invalidated is not kept', async t => {
  const asks: Schedule['steps'][number] = { afterMs: 0, kind: 'lookup', process: 0, ip: 1, write: false }
  const schedule = ofTwo([{ ...asks, process: 1 }, { ...asks, afterMs: 200 }, { afterMs: 0, kind: 'invalidate', process: 0, ip: 1 }, { ...asks, afterMs: 200 }])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.strictSame(fleet.questions.slice(0, 3).map(({ version }) => version), [1, 1, 2])
})

// Found by `npm run simulate:fleet`: process 2, cut off, called without a lease. Its answer reached Redis after the invalidation.
t.test('a call without a lease that began before an invalidation is not stored after it', async t => {
  const asks: Schedule['steps'][number] = { afterMs: 0, kind: 'lookup', process: 0, ip: 0, write: false }
  const schedule: Schedule = {
    seed: 0,
    skewsMs: [0, 0, 0],
    steps: [
      { afterMs: 0, kind: 'provider', latencyMs: 20, failures: 0 },
      { afterMs: 0, kind: 'partition', process: 2, forMs: 104 },
      { ...asks, process: 2 },
      { afterMs: 101, kind: 'invalidate', process: 0, ip: 0 },
      { ...asks, afterMs: 201 }
    ]
  }
  for (const seed of [0, 1, 2, 3]) {
    const seeded = { ...schedule, seed }
    const fleet = createFleet(seeded)
    t.strictSame(await checkLeases(seeded, fleet), [])
    t.strictSame(fleet.questions.slice(0, 2).map(({ version }) => version), [1, 2])
  }
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
    [['--seed', 'one'], /--seed must be a whole number, got one/]
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, ['--import', loader, script, ...given], { encoding: 'utf8' })
    t.equal(status, 1)
    t.match(stderr, problem)
  }
})
