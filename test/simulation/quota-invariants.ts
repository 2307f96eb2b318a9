import { address } from './fleet.ts'
import { checkTimeLimits, checkVerdicts } from './history.ts'
import { settle, simulated } from './invariants.ts'
import { chainEndMs } from './record.ts'
import type { Fault, FaultKind, Fleet, Schedule } from './types.ts'

const MINUTE_MS = 60_000
/** The library counts a window two seconds longer. */
const WINDOW_MS = 62_000
/** Almost as long as a member may be away until the time that its part is kept is not enough for its last calls. */
const CUT_OFF_MS = 20_000
/** As long as what is reserved for a process that is gone. */
const ABSENT_MS = 25_000 + WINDOW_MS
/** As long as a restart of Redis holds calls back: its count is complete after a window, what is reserved until then ends after another. */
const AFTERMATH_MS = ABSENT_MS + WINDOW_MS
/** The first process that boots reserves more than its part, until its third contact. */
const BOOT_MS = 7000
/** After this, all processes of a healthy fleet know a new one: each contacts Redis every two seconds. */
const CONTACT_MS = 4000
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
    checkVerdicts(fleet, precision)
    return fleet.problems
  } finally {
    await fleet.end()
  }
}

/**
 * A process that has never reached Redis uses a quarter of the limit, which the others do not know of: for each such process, a fleet may
 * exceed the limit by so much. A process that was alone goes on alone while it cannot reach Redis, which grants a second one its
 * half; so does one that dies before it has reported its calls, or any that dies after a long time without Redis. And where a new process
 * is the first that reaches a Redis without data, no process knows of earlier calls.
 */
function checkMost ({ calls, problems, starts, faults, observed }: Fleet, perMinute: number): void {
  const strangers = starts.map(start => ({ ...start, untilMs: unknownUntilMs(start, faults) }))
  const unreported = faults.filter(death => {
    if (death.alone === undefined) return false
    const others = faults.filter(fault => fault !== death && (fault.process ?? death.process) === death.process)
    const sinceMs = death.fromMs - (death.alone ? 0 : CUT_OFF_MS)
    return chainEndMs(others.filter(({ fromMs }) => fromMs <= death.fromMs), sinceMs, sinceMs, ({ toMs }) => toMs) >= death.fromMs
  })

  /** What processes that start, or die alone, before the end of this time explain. */
  function excessOf (fromMs: number, toMs: number): number {
    const started = strangers.filter(({ atMs }) => atMs < toMs)
    const lost = faults.filter(loss => loss.restart === 'lost' && loss.fromMs < toMs && incompleteUntilMs(loss, faults) >= fromMs &&
      started.some(({ atMs, untilMs }) => atMs <= loss.toMs + WINDOW_MS && Math.max(atMs, untilMs) >= loss.fromMs)).length
    return started.filter(({ untilMs }) => untilMs >= fromMs)
      .reduce((sum, { second }) => sum + Math.floor(perMinute / (second ? 2 : 4)), perMinute * lost) +
      Math.ceil(perMinute / 2) * unreported.filter(death => death.fromMs >= fromMs && death.fromMs < toMs).length
  }

  for (const { startMs: fromMs } of calls) {
    // A process that starts explains nothing of what was called before: the time until then is a case of its own.
    const ends = strangers.map(({ atMs }) => atMs).filter(atMs => atMs > fromMs && atMs < fromMs + MINUTE_MS)
    for (const toMs of [...ends, fromMs + MINUTE_MS]) {
      const count = calls.filter(({ startMs }) => startMs >= fromMs && startMs < toMs).length
      const excess = excessOf(fromMs, toMs)
      observed('no call beyond the quota', excess > 0 ? 'held to a higher bound, because a process started or died' : undefined)
      if (count <= perMinute + excess) continue
      problems.push(`${count} calls from ${fromMs} to ${toMs}; ${excess} more than ${perMinute} are explained`)
      return
    }
  }
}

/**
 * Until when a new process is unknown: -Infinity if nothing keeps it from Redis, and the one before it, if that was alone; or the end of
 * such faults, one after the other. After a restart of Redis the processes know no new members until the count is complete.
 */
function unknownUntilMs ({ process, atMs, second }: Fleet['starts'][number], faults: readonly Fault[]): number {
  const its = faults.filter(fault => fault.process === undefined || fault.process === process || second)
  return chainEndMs(its, atMs, atMs + CONTACT_MS, ({ toMs, restart }) => toMs + (restart === undefined ? 0 : QUIET_MS))
}

/** Until when the count may be incomplete after a loss: each restart of Redis before its end puts that off. */
function incompleteUntilMs (loss: Fault, faults: readonly Fault[]): number {
  return chainEndMs(faults.filter(({ restart }) => restart !== undefined), loss.fromMs, loss.toMs, ({ toMs }) => toMs + QUIET_MS)
}

/** While all is well, no write is refused before a quarter of the limit is used: the rest may be reserved for three other processes. */
function checkLeast ({ bootedMs, calls, questions, faults, problems, observed }: Fleet, perMinute: number): void {
  for (const { write, reason, startMs, endMs } of questions) {
    if (!write || reason !== 'quota_exhausted' || startMs === undefined || endMs === undefined) continue
    const isExcused = startMs < bootedMs + BOOT_MS ||
      faults.some(({ kind, fromMs, toMs }) => fromMs <= endMs && toMs + aftermathMs(kind) > startMs)
    observed('no write refused too early', isExcused ? 'after a fault, or at boot' : undefined)
    if (isExcused) continue
    const used = calls.filter(call => call.startMs > startMs - WINDOW_MS && call.startMs <= endMs + GRANTED_MS).length
    if (used >= perMinute / 4) continue
    problems.push(`a write at ${startMs} was refused after ${used} calls in its minute`)
    return
  }
}

/** After a fault has ended and no longer shows. */
function aftermathMs (kind: FaultKind): number {
  return kind === 'redis' ? AFTERMATH_MS : kind === 'kill' || kind === 'close' ? ABSENT_MS : 0
}

/**
 * After the aftermath of all faults and a window without calls, one process gets the whole limit for its writes: what the others do not
 * use is free after two of their beats.
 */
async function checkWhole (fleet: Fleet, perMinute: number): Promise<void> {
  const { world, calls, problems, observed } = fleet
  observed('the whole limit for a healthy fleet')
  await world.advance(world.nowMs + AFTERMATH_MS)
  const before = calls.length
  for (let i = 0; i < perMinute; i++) {
    fleet.lookup(0, address(100 + i), true)
    await world.advance(world.nowMs + 5000)
  }
  const count = calls.length - before
  if (count !== perMinute) problems.push(`${count} of ${perMinute} calls for the writes of a healthy fleet`)
}
