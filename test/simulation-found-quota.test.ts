// Schedules of faults that `npm run simulate:fleet` found, as in `simulation-found.test.ts`, against the quota.
import t from 'tap'
import { createFleet } from './simulation/fleet.ts'
import { checkQuota } from './simulation/quota-invariants.ts'
import { PER_MINUTE } from './simulation/run.ts'
import type { Fleet, Schedule } from './simulation/types.ts'

const fleetOf = (schedule: Schedule): Fleet => createFleet(schedule, { perMinute: PER_MINUTE })
const problemsOf = async (schedule: Schedule, fleet = fleetOf(schedule)): Promise<readonly string[]> =>
  await checkQuota(schedule, PER_MINUTE, fleet)
const burst = (process: number, afterMs: number, count: number): Schedule['steps'][number] => ({ kind: 'burst', afterMs, process, count })

// Redis granted a call while the report of one that was made without Redis was still on its way.
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
  t.strictSame(await problemsOf(schedule), [])
})

// Process 0 reported to Redis what was left of its part, and had the whole part again a minute later.
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
  t.strictSame(await problemsOf(schedule), [])
})

// The report of a call that process 2 had made without Redis got lost. A call beside it was granted, as if there were none to report.
t.test('what a process is just reporting counts for what it asks beside that', async t => {
  const schedule: Schedule = {
    seed: -13,
    skewsMs: [1961],
    steps: [
      { kind: 'start', afterMs: 13_567, process: 2 },
      burst(2, 6257, 2),
      { kind: 'weather', afterMs: 3991, delayMs: 0.5, loss: 0, twice: 0.1 },
      burst(0, 2582, 1), burst(2, 9804, 9),
      { kind: 'weather', afterMs: 32, delayMs: 5, loss: 0.3, twice: 0.1 },
      burst(2, 7175, 6), burst(0, 5572, 10), burst(2, 636, 6)
    ]
  }
  t.strictSame(await problemsOf(schedule), [])
})

// It was taken for an excess that nothing explains. Process 2 started when Redis lost its data, and two restarts kept the count incomplete.
t.test('what a process that starts during a loss may call beyond the limit is bounded until the count is complete', async t => {
  const schedule: Schedule = {
    seed: 0,
    skewsMs: [0],
    steps: [
      { kind: 'redis', afterMs: 0, downMs: 0, data: 'lost' },
      { kind: 'start', afterMs: 0, process: 2 },
      { kind: 'redis', afterMs: 55_235, downMs: 0, data: 'kept' },
      burst(0, 3138, 1),
      { kind: 'redis', afterMs: 5791, downMs: 0, data: 'kept' },
      burst(0, 7986, 1), burst(0, 8846, 4), burst(2, 0, 11), burst(0, 0, 4)
    ]
  }
  const fleet = fleetOf(schedule)
  t.strictSame(await problemsOf(schedule, fleet), [])
  t.ok(fleet.calls.filter(({ startMs }) => startMs < 120_000).length > PER_MINUTE)
})

// It was taken for an excess that nothing explains. Process 0, alone, called while Redis answered too late, and died before it
// reported that.
t.test('what a process that was alone has called without Redis, and not reported when it dies, is at most a half too much', async t => {
  const schedule: Schedule = {
    seed: 0,
    skewsMs: [0],
    steps: [
      burst(0, 0, 1), burst(0, 0, 6),
      { kind: 'weather', afterMs: 0, delayMs: 150, loss: 0, twice: 0 },
      { kind: 'weather', afterMs: 27, delayMs: 0.5, loss: 0, twice: 0 },
      { kind: 'kill', afterMs: 80, process: 0 },
      { kind: 'start', afterMs: 3928, process: 2 },
      burst(2, 0, 4), burst(2, 0, 2)
    ]
  }
  const fleet = fleetOf(schedule)
  t.strictSame(await problemsOf(schedule, fleet), [])
  t.ok(fleet.calls.filter(({ startMs }) => startMs < 60_000).length > PER_MINUTE)
})

// No random schedule had it: they closed no process.
t.test('a process that closes reports what it has called without Redis, before it gives its part back', async t => {
  const schedule: Schedule = {
    seed: 1,
    skewsMs: [0, 0],
    steps: [
      { kind: 'partition', afterMs: 10_900, process: 0, forMs: 1000 },
      burst(0, 200, 6),
      { kind: 'close', afterMs: 1700, process: 0 },
      burst(1, 5000, 12)
    ]
  }
  t.strictSame(await problemsOf(schedule), [])
})

// Process 2 was alone when Redis restarted, and took all calls that the count had had for its own.
t.test('after a restart, a process that was alone leaves what others have called before they closed', async t => {
  const schedule: Schedule = {
    seed: 0,
    skewsMs: [0, 0],
    steps: [
      burst(0, 0, 1),
      { kind: 'start', afterMs: 0, process: 2 },
      { kind: 'close', afterMs: 3, process: 0 },
      { kind: 'close', afterMs: 0, process: 1 },
      { kind: 'redis', afterMs: 3998, downMs: 0, data: 'kept' },
      burst(2, 0, 1), burst(2, 3999, 11)
    ]
  }
  t.strictSame(await problemsOf(schedule), [])
})

// A grant arrived while the report of five calls was on its way, and its count did not have them.
t.test('what a process that was alone is just reporting counts when it goes on without Redis', async t => {
  const schedule: Schedule = {
    seed: -2147483611,
    skewsMs: [0, 0],
    steps: [
      burst(0, 5034, 1), burst(1, 0, 1),
      { kind: 'weather', afterMs: 6, delayMs: 0.5, loss: 0.3, twice: 0 },
      { kind: 'close', afterMs: 1460, process: 1 },
      burst(1, 2249, 1), burst(0, 1138, 6), burst(0, 4414, 1), burst(0, 0, 2), burst(0, 2199, 9), burst(1, 0, 1),
      burst(0, 0, 1), burst(0, 2, 1)
    ]
  }
  t.strictSame(await problemsOf(schedule), [])
})
