import { address, type Fault, type Fleet, type Schedule } from './fleet.ts'
import { checkTimeLimits, hasFault, settle, simulated } from './invariants.ts'

const MINUTE_MS = 60_000
/** The library counts a window two seconds longer. */
const WINDOW_MS = 62_000
/** As long as what was reserved for a process that is gone, or a lost count, may still hold calls back. */
const AFTERMATH_MS = 2 * WINDOW_MS + 25_000
/** The first process that boots reserves more than its part, until its third contact. */
const BOOT_MS = 7000
/** Between the grant of a call and its start. */
const GRANTED_MS = 100
/** As long as the count may be incomplete after a loss that a process reports when its partition ends. */
const QUIET_MS = WINDOW_MS + 15_000

/** What must hold of the quota: no more calls in any minute than its limit and what the faults explain, and no fewer. Ends the fleet. */
export async function checkQuota (
  schedule: Schedule, perMinute: number, fleet: Fleet, precision = simulated
): Promise<readonly string[]> {
  try {
    await fleet.world.advance(3000)
    for (const step of schedule.steps) await fleet.run(step)
    await settle(fleet, precision)
    checkMost(fleet, perMinute)
    checkLeast(fleet, perMinute)
    if (precision === simulated) await checkWhole(fleet, perMinute)
    checkTimeLimits(fleet, precision)
    return fleet.problems
  } finally {
    await fleet.end()
  }
}

/**
 * A process that has never reached Redis uses a quarter of the limit, which the others do not know of: for each such process, a fleet may
 * exceed the limit by so much. And where a new process is the first that reaches a Redis without data, nobody knows of earlier calls.
 */
function checkMost ({ calls, problems, starts, faults }: Fleet, perMinute: number): void {
  const strangers = starts.map(start => ({ ...start, untilMs: firstContactMs(start, faults) }))
  const losses = faults.filter(({ emptied, fromMs, toMs }) => emptied === true &&
    strangers.some(({ atMs, untilMs }) => atMs <= toMs + WINDOW_MS && Math.max(atMs, untilMs) >= fromMs))
  for (const { startMs: fromMs } of calls) {
    const toMs = fromMs + MINUTE_MS
    const count = calls.filter(({ startMs }) => startMs >= fromMs && startMs < toMs).length
    const unknown = strangers.filter(({ atMs, untilMs }) => atMs < toMs && untilMs >= fromMs).length
    const lost = losses.filter(loss => loss.fromMs < toMs && loss.toMs + QUIET_MS >= fromMs).length
    if (count <= perMinute * (1 + lost) + unknown * Math.floor(perMinute / 4)) continue
    problems.push(`${count} calls in the minute from ${fromMs}; Redis may not know ${unknown} processes, and lost its data ${lost} times`)
    return
  }
}

/** When a process has reached Redis at the latest: -Infinity, if no faults were in the way, one after the other, or their end. */
function firstContactMs ({ process, atMs }: Fleet['starts'][number], faults: readonly Fault[]): number {
  let untilMs = -Infinity
  for (let again = true; again;) {
    again = false
    for (const fault of faults) {
      if (!hasFault([fault], atMs, Math.max(atMs, untilMs) + 1000, [process]) || fault.toMs <= untilMs) continue
      untilMs = fault.toMs
      again = true
    }
  }
  return untilMs
}

/** While all is well, no write is refused before a quarter of the limit is used: the rest may be reserved for three other processes. */
function checkLeast ({ calls, questions, faults, problems }: Fleet, perMinute: number): void {
  for (const { write, reason, startMs, endMs } of questions) {
    if (!write || reason !== 'quota_exhausted' || startMs === undefined || endMs === undefined) continue
    if (startMs < BOOT_MS || faults.some(({ toMs }) => toMs > startMs - AFTERMATH_MS)) continue
    const used = calls.filter(call => call.startMs > startMs - WINDOW_MS && call.startMs <= endMs + GRANTED_MS).length
    if (used >= perMinute / 4) continue
    problems.push(`a write at ${startMs} was refused after ${used} calls in its minute`)
    return
  }
}

/**
 * After the aftermath of all faults and a window without calls, one process gets the whole limit for its writes: what the others do not
 * use is free after two of their beats.
 */
async function checkWhole (fleet: Fleet, perMinute: number): Promise<void> {
  const { world, calls, problems } = fleet
  await world.advance(world.nowMs + AFTERMATH_MS)
  const before = calls.length
  for (let i = 0; i < perMinute; i++) {
    fleet.lookup(0, address(100 + i), true)
    await world.advance(world.nowMs + 5000)
  }
  const count = calls.length - before
  if (count !== perMinute) problems.push(`${count} of ${perMinute} calls for the writes of a healthy fleet`)
}
