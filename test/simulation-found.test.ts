// Schedules of faults that `npm run simulate:fleet` found, each of which broke an invariant. The comments say what happened then.
import t from 'tap'
import { address, createFleet } from './simulation/fleet.ts'
import { checkLeases } from './simulation/invariants.ts'
import type { Schedule } from './simulation/types.ts'

/** A schedule of two processes whose clocks agree. */
const ofTwo = (steps: Schedule['steps']): Schedule => ({ seed: 0, skewsMs: [0, 0], steps })
const ofThree = (seed: number, steps: Schedule['steps']): Schedule => ({ seed, skewsMs: [0, 0, 0], steps })

const asks = (process: number, ip: number, afterMs: number): Schedule['steps'][number] => ({ kind: 'lookup', afterMs, process, ip, write: false })

// The reply to SUBSCRIBE was lost, so process 2 assumed that it received no messages, although it did.
const lateReply: Schedule = {
  seed: 1610612726,
  skewsMs: [0, 0],
  steps: [
    { afterMs: 0, kind: 'provider', latencyMs: 2500, failures: 0 },
    asks(0, 1, 0),
    { afterMs: 5, kind: 'weather', delayMs: 0.5, loss: 0.3, twice: 0 },
    { afterMs: 1483, kind: 'provider', latencyMs: 1, failures: 0 },
    asks(2, 0, 13),
    asks(0, 0, 3),
    { afterMs: 0, kind: 'start', process: 2 },
    { afterMs: 1059, kind: 'provider', latencyMs: 1, failures: 0 },
    asks(0, 0, 43)
  ]
}

t.test('a process whose subscription was confirmed too late waits for messages again', async t => {
  t.strictSame(await checkLeases(lateReply, createFleet(lateReply)), [])
})

// A new Redis knew none of our scripts, so each command took two round trips, and a read and a claim
// more than `redisTimeoutMs`. Both processes called the provider.
const newRedis = (seed: number): Schedule => ({
  seed,
  skewsMs: [0, 0],
  steps: [
    { afterMs: 0, kind: 'weather', delayMs: 20, loss: 0, twice: 0 },
    asks(1, 2, 0),
    asks(0, 2, 16),
    { afterMs: 200, kind: 'provider', latencyMs: 20, failures: 0 }
  ]
})

t.test('two processes make one call while a new Redis, which knows no script yet, answers each command in time', async t => {
  for (const seed of [1, 2, 3, 4]) {
    const schedule = newRedis(seed)
    t.strictSame(await checkLeases(schedule, createFleet(schedule)), [], `seed ${seed}`)
  }
})

// A process that waited for a call of more than two leases had used up its time for Redis by claiming
// again and again, and called the provider as well.
t.test('a call that takes longer than a lease is waited for, over a network that is slow but in time', async t => {
  const schedule = ofTwo([
    { afterMs: 0, kind: 'provider', latencyMs: 3200, failures: 0 },
    { afterMs: 0, kind: 'weather', delayMs: 20, loss: 0, twice: 0 },
    asks(0, 1, 0),
    asks(1, 1, 40),
    { afterMs: 5000, kind: 'provider', latencyMs: 20, failures: 0 }
  ])
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const seeded = { ...schedule, seed }
    t.strictSame(await checkLeases(seeded, createFleet(seeded)), [], `seed ${seed}`)
  }
})

// A lookup waited for a slow Redis while another one of the same process learned the verdict, and called
// the provider again.
t.test('while Redis is too slow, a process makes one call for all its lookups of an address', async t => {
  const schedule = ofTwo([
    { afterMs: 0, kind: 'weather', delayMs: 150, loss: 0, twice: 0 }, asks(0, 0, 0), asks(0, 0, 0), asks(0, 0, 0), asks(0, 0, 0), asks(0, 0, 32)
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

// It was taken for a defect. Redis was away when the address was invalidated, and a failover lost the invalidation as soon as it came.
t.test('a failover may lose an invalidation that Redis took late, too', async t => {
  const schedule = ofTwo([
    asks(0, 2, 0),
    { kind: 'provider', afterMs: 0, latencyMs: 1, failures: 0 },
    { kind: 'redis', afterMs: 5, downMs: 101, data: 'kept' },
    { kind: 'invalidate', afterMs: 0, process: 0, ip: 2 },
    { kind: 'redis', afterMs: 701, downMs: 0, data: 'behind' },
    asks(0, 2, 4001)
  ])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.strictSame(fleet.questions.slice(0, 2).map(({ version }) => version), [1, 1])
})

// It was taken for a second call at once: the message of an invalidation came after a restart of Redis.
t.test('an invalidation while Redis is away drops a call that begins before its message arrives', async t => {
  const schedule = ofTwo([
    { afterMs: 0, kind: 'redis', downMs: 101, data: 'kept' },
    { afterMs: 0, kind: 'invalidate', process: 0, ip: 1 },
    { afterMs: 87, kind: 'provider', latencyMs: 2500, failures: 0 },
    asks(1, 1, 114), asks(1, 1, 5), asks(1, 1, 3000)
  ])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.strictSame(fleet.questions.slice(0, 3).map(({ version }) => version), [1, 2, 2])
})

// Process 0 was reading what process 1 had stored when it invalidated it, and kept what it read.
t.test('what a process was reading from Redis when the address was invalidated is not kept', async t => {
  const schedule = ofTwo([asks(1, 1, 0), asks(0, 1, 200), { afterMs: 0, kind: 'invalidate', process: 0, ip: 1 }, asks(0, 1, 200)])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.strictSame(fleet.questions.slice(0, 3).map(({ version }) => version), [1, 1, 2])
})

// Process 2, cut off, called without a lease. Its answer reached Redis after the invalidation.
t.test('a call without a lease that began before an invalidation is not stored after it', async t => {
  const schedule = ofThree(0, [
    { afterMs: 0, kind: 'provider', latencyMs: 20, failures: 0 },
    { afterMs: 0, kind: 'partition', process: 2, forMs: 104 },
    asks(2, 0, 0),
    { afterMs: 101, kind: 'invalidate', process: 0, ip: 0 },
    asks(0, 0, 201)
  ])
  for (const seed of [0, 1, 2, 3]) {
    const seeded = { ...schedule, seed }
    const fleet = createFleet(seeded)
    t.strictSame(await checkLeases(seeded, fleet), [])
    t.strictSame(fleet.questions.slice(0, 2).map(({ version }) => version), [1, 2])
  }
})

// Process 2 waited for a call when the address was invalidated. It called afterwards, and did not share its answer.
t.test('requests that wait for a call when the address is invalidated share the answer of the call that follows', async t => {
  const schedule = ofThree(0, [
    { afterMs: 0, kind: 'provider', latencyMs: 2500, failures: 0 },
    asks(0, 2, 0),
    asks(2, 2, 0),
    { afterMs: 0, kind: 'invalidate', process: 1, ip: 2 },
    asks(0, 2, 4)
  ])
  for (let seed = 0; seed < 20; seed++) {
    const seeded = { ...schedule, seed }
    t.strictSame(await checkLeases(seeded, createFleet(seeded)), [], `seed ${seed}`)
  }
})

// Process 1 received no messages, so it claimed every 25 ms. The time that Redis took to answer added up until it called as well.
t.test('a process that receives no messages waits for the call of another one as long as Redis answers each claim in time', async t => {
  const schedule = ofThree(-590564186, [
    { afterMs: 0, kind: 'weather', delayMs: 0.5, loss: 0.3, twice: 0 },
    { afterMs: 0, kind: 'provider', latencyMs: 300, failures: 0 },
    asks(0, 0, 116),
    { afterMs: 0, kind: 'redis', downMs: 0, data: 'kept' },
    asks(0, 0, 51_480),
    { afterMs: 5, kind: 'weather', delayMs: 20, loss: 0, twice: 0 },
    asks(0, 1, 2277),
    asks(0, 0, 6),
    asks(1, 1, 17),
    asks(0, 0, 0),
    { afterMs: 0, kind: 'kill', process: 2 },
    { afterMs: 117, kind: 'provider', latencyMs: 1, failures: 0 }
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

// It was taken for a defect. The process was frozen, so it closed later than it was asked to, and before it could send the invalidation.
t.test('an invalidation may end with a process that is asked to close while it is frozen', async t => {
  const schedule = ofTwo([
    asks(0, 1, 0),
    { afterMs: 23, kind: 'freeze', process: 0, forMs: 1 },
    { afterMs: 0, kind: 'invalidate', process: 0, ip: 1 },
    { afterMs: 0, kind: 'partition', process: 0, forMs: 2 },
    { afterMs: 0, kind: 'close', process: 0 }
  ])
  const fleet = createFleet(schedule)
  t.strictSame(await checkLeases(schedule, fleet), [])
  t.equal(fleet.questions.findLast(({ ip }) => ip === address(1))?.version, 1, 'the answer from before it')
})

// It was taken for a second call. The Redis of the simulation had no time of day, so an earlier statement replaced a later one.
t.test('an invalidation that arrives late, after another one, drops no verdict again when it is read later', async t => {
  const schedule = ofThree(-695569168, [
    { kind: 'redis', afterMs: 0, downMs: 801, data: 'kept' }, asks(0, 0, 877), asks(0, 0, 2625), asks(0, 2, 12),
    { kind: 'provider', afterMs: 17, latencyMs: 1, failures: 0 }, asks(0, 0, 79), asks(0, 0, 1447), asks(0, 1, 3),
    asks(0, 0, 149), { kind: 'weather', afterMs: 107, delayMs: 0.5, loss: 0.05, twice: 0 }, asks(1, 0, 4),
    { kind: 'invalidate', afterMs: 1734, process: 0, ip: 0 }, asks(0, 0, 62846),
    { kind: 'invalidate', afterMs: 1, process: 0, ip: 0 }, { kind: 'invalidate', afterMs: 0, process: 0, ip: 0 },
    asks(0, 0, 72), asks(0, 1, 1), asks(0, 0, 0), { kind: 'partition', afterMs: 25824, process: 0, forMs: 0 }
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

// It was taken for a second call. Process 3 missed the message, and read the statement when it connected again.
t.test('an invalidation whose message got lost may drop a later verdict, when it is read at last', async t => {
  const schedule: Schedule = {
    seed: -1244507134,
    skewsMs: [0, 0],
    steps: [
      { kind: 'weather', afterMs: 0, delayMs: 0.5, loss: 0.05, twice: 0 },
      { kind: 'start', afterMs: 0, process: 2 },
      { kind: 'invalidate', afterMs: 0, process: 0, ip: 0 }, asks(0, 1, 0), asks(0, 0, 0),
      { kind: 'start', afterMs: 27, process: 3 },
      { kind: 'weather', afterMs: 0, delayMs: 0.5, loss: 0.3, twice: 0 },
      { kind: 'close', afterMs: 0, process: 1 }, asks(0, 0, 17_063),
      { kind: 'kill', afterMs: 12, process: 0 }, asks(2, 0, 0),
      { kind: 'provider', afterMs: 55, latencyMs: 1, failures: 0 }, asks(3, 2, 46), asks(0, 0, 0)
    ]
  }
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

t.test('two lookups of one process that waited for another one, before and after an invalidation, share a call when Redis fails', async t => {
  const schedule = ofThree(0, [
    { kind: 'provider', afterMs: 0, latencyMs: 2500, failures: 0 }, asks(1, 2, 0), asks(2, 2, 0), asks(0, 2, 0),
    { kind: 'invalidate', afterMs: 79, process: 0, ip: 2 }, asks(0, 0, 1),
    { kind: 'weather', afterMs: 158, delayMs: 0.5, loss: 0.3, twice: 0 }, asks(0, 0, 0), asks(0, 2, 0), asks(0, 0, 0)
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})

// The simulation was wrong: what a frozen process could not receive got lost when it continued, too late to explain an old answer.
t.test('a message to a process that is frozen and cut off gets lost when it would arrive', async t => {
  const schedule = ofThree(0, [
    asks(2, 0, 0),
    { afterMs: 3, kind: 'freeze', process: 2, forMs: 201 },
    asks(0, 0, 0),
    { afterMs: 0, kind: 'partition', process: 2, forMs: 202 },
    { afterMs: 0, kind: 'invalidate', process: 0, ip: 0 }
  ])
  t.strictSame(await checkLeases(schedule, createFleet(schedule)), [])
})
