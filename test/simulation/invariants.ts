import { address } from './fleet.ts'
import { checkCalls, checkInvalidations, checkTimeLimits, checkVerdicts } from './history.ts'
import { type Invariant, RECOVERY_MS, TIMEOUT_MS } from './record.ts'
import type { Fleet, Schedule } from './types.ts'

/** `LEASE_MS` of the library, and its slack. */
const LEASE_MS = 2010
const ATTEMPTS = 2
const PROCESSES = [0, 1, 2, 3]
/** Those that the schedules ask for. */
const ADDRESSES = [0, 1, 2]

/** How exact a fleet is in time. */
export interface Precision {
  /** Between the end of a time limit and the answer. */
  readonly slackMs: number
  /** After the last fault, until all is as before. */
  readonly settleMs: number
}
/** Turns of the simulated event loop; simulated time costs nothing. */
export const simulated: Precision = { slackMs: 5, settleMs: 30_000 }

/** What must hold of leases, single flight and caches in any schedule. Returns what did not. Ends the fleet. */
export async function checkLeases (
  schedule: Schedule, fleet: Fleet, precision = simulated, parts: readonly number[] = [schedule.seed & 3]
): Promise<readonly string[]> {
  try {
    await fleet.world.advance(100)
    for (const step of schedule.steps) await fleet.run(step)
    // What the last steps left in memory or in Redis would not be seen.
    await askAgain(fleet)
    await settle(fleet, precision)
    await askAgain(fleet)
    const host = (n: number): string => `198.51.100.${n}`
    // Those that take many events follow a part of the schedules each.
    if (parts.includes(0)) {
      await undisturbed(fleet, 'a takeover in time', async n => await takeover(fleet, host(100 + n), 'kill', precision))
      await undisturbed(fleet, 'a takeover in time', async n => await takeover(fleet, host(110 + n), 'close', precision))
    }
    if (parts.includes(1)) await undisturbed(fleet, 'no late fill', async n => await lateFill(fleet, 200 + n, 'freeze'))
    if (parts.includes(3)) {
      await undisturbed(fleet, 'no late fill', async n => await lateFill(fleet, 220 + n, 'invalidate'))
      await invalidateDuringCall(fleet)
    }
    await undisturbed(fleet, 'one call for a cold address', async n => await coldAddress(fleet, host(10 + n), 20, precision))
    if (parts.includes(2)) {
      await undisturbed(fleet, 'one call for a cold address', async n => await coldAddress(fleet, host(20 + n), 3200, precision))
    }
    checkCalls(fleet, precision)
    checkInvalidations(fleet)
    checkTimeLimits(fleet, precision)
    checkVerdicts(fleet, precision)
    return fleet.problems
  } finally {
    await fleet.end()
  }
}

/** Every process asks for each address of the schedules. What it gets is for the checks of all questions. */
async function askAgain (fleet: Fleet): Promise<void> {
  await fleet.world.advance(fleet.world.nowMs + RECOVERY_MS)
  for (const n of ADDRESSES) for (const process of PROCESSES) fleet.lookup(process, address(n), false)
  await fleet.world.advance(fleet.world.nowMs + RECOVERY_MS)
}

/** Everything is well again, and has had the time to show it. */
export async function settle (fleet: Fleet, { settleMs }: Precision): Promise<void> {
  const { world, provider } = fleet
  await fleet.run({ afterMs: 0, kind: 'weather', delayMs: 2, loss: 0, twice: 0 })
  provider.failures = 0
  provider.latencyMs = 20
  await world.advance(world.nowMs + settleMs)
  if (!fleet.isAlive(0)) await fleet.run({ afterMs: 0, kind: 'start', process: 0 })
  if (!fleet.isAlive(1)) await fleet.run({ afterMs: 0, kind: 'start', process: 1 })
  await world.advance(world.nowMs + RECOVERY_MS)
}

/**
 * Checks it again, with another address, if the machine of a real fleet took the processors away meanwhile: that is a fault. Where it does
 * so each time, the invariant was not checked, and is counted as that. In the simulation the first attempt counts.
 */
async function undisturbed (fleet: Fleet, invariant: Invariant, run: (attempt: number) => Promise<readonly string[]>): Promise<void> {
  const stalls = (): number => fleet.faults.filter(({ kind }) => kind === 'machine').length
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = stalls()
    const problems = await run(attempt)
    if (stalls() === before) {
      fleet.observed(invariant)
      fleet.problems.push(...problems)
      return
    }
    fleet.observed(invariant, 'the machine gave no processor')
    await fleet.world.advance(fleet.world.nowMs + RECOVERY_MS)
  }
}

/**
 * The holder of a lease dies: another process gets a verdict within the time of a lease. One that closes gives its lease
 * back, and nobody waits for its end.
 */
async function takeover (fleet: Fleet, ip: string, how: 'kill' | 'close', { slackMs }: Precision): Promise<readonly string[]> {
  const { world, calls } = fleet
  const problems: string[] = []
  const longestMs = how === 'kill' ? LEASE_MS + 300 : LEASE_MS / 2
  const startMs = world.nowMs
  fleet.provider.latencyMs = 1000
  const before = calls.length
  fleet.lookup(0, ip, false)
  await world.advance(world.nowMs + 100)
  const waiting = fleet.lookup(1, ip, false)!
  await world.advance(world.nowMs + 100)
  if (calls.length !== before + 1) problems.push(`takeover: ${calls.length - before} calls by two processes`)
  await fleet.run({ afterMs: 0, kind: how, process: 0 })
  fleet.provider.latencyMs = 20
  await world.advance(world.nowMs + TIMEOUT_MS)
  if (waiting.verdict !== 'suspicious' || waiting.endMs! - startMs > longestMs + slackMs) {
    problems.push(`takeover after ${how}: ${waiting.verdict} ${waiting.reason} after ${waiting.endMs! - startMs} ms`)
  }
  await fleet.run({ afterMs: 0, kind: 'start', process: 0 })
  await world.advance(world.nowMs + RECOVERY_MS)
  return problems
}

/**
 * A holder loses its lease during its call: it is frozen for longer than the lease, or cut off while another process
 * invalidates the address. Then its fill must store nothing: a process that starts later gets the verdict of another call.
 */
async function lateFill (fleet: Fleet, n: number, cause: 'freeze' | 'invalidate'): Promise<readonly string[]> {
  const { world, calls } = fleet
  const problems: string[] = []
  const before = calls.length
  fleet.provider.latencyMs = 1000
  fleet.lookup(0, address(n), false)
  await world.advance(world.nowMs + 100)
  fleet.provider.latencyMs = 20
  if (cause === 'freeze') {
    await fleet.run({ afterMs: 0, kind: 'freeze', process: 0, forMs: 3500 })
    fleet.lookup(1, address(n), false)
  } else {
    await fleet.run({ afterMs: 0, kind: 'partition', process: 0, forMs: 300 })
    await fleet.run({ afterMs: 0, kind: 'invalidate', process: 1, ip: n })
  }
  await world.advance(world.nowMs + RECOVERY_MS)
  const late = calls[before]
  if (late?.process !== 0) problems.push(`late fill: the call of process ${late?.process}`)
  await fleet.run({ afterMs: 0, kind: 'kill', process: 1 })
  await fleet.run({ afterMs: 0, kind: 'start', process: 1 })
  await world.advance(world.nowMs + RECOVERY_MS)
  const question = fleet.lookup(1, address(n), false)!
  await world.advance(world.nowMs + TIMEOUT_MS)
  if (question.version === undefined || question.version === late?.version) {
    problems.push(`late fill: ${question.verdict} ${question.reason}, stored by a process that had lost its lease by ${cause}`)
  }
  return problems
}

/** What the process remembers then is for `checkInvalidations`. */
async function invalidateDuringCall (fleet: Fleet): Promise<void> {
  const { world } = fleet
  const n = 240
  fleet.provider.latencyMs = 1000
  fleet.lookup(0, address(n), false)
  await fleet.run({ afterMs: 100, kind: 'invalidate', process: 1, ip: n })
  await world.advance(world.nowMs + RECOVERY_MS)
  fleet.provider.latencyMs = 20
  fleet.lookup(0, address(n), false)
  await world.advance(world.nowMs + TIMEOUT_MS)
}

/**
 * A healthy fleet makes one call for a cold address, whatever happened before, also if it takes longer than a lease. Who
 * waits for it is answered by its message, not by the end of the lease.
 */
async function coldAddress (fleet: Fleet, ip: string, latencyMs: number, { slackMs }: Precision): Promise<readonly string[]> {
  const longestMs = latencyMs * 1.5 + LEASE_MS / 2 + slackMs
  const problems: string[] = []
  fleet.provider.latencyMs = latencyMs
  const asked = PROCESSES.flatMap(process => fleet.lookup(process, ip, process % 2 === 0) ?? [])
  await fleet.world.advance(fleet.world.nowMs + TIMEOUT_MS)
  const calls = fleet.calls.filter(call => call.ip === ip)
  if (calls.length !== 1) problems.push(`${calls.length} calls for a cold address of a healthy fleet`)
  for (const { verdict, reason, process, startMs, endMs } of asked) {
    if (verdict === 'suspicious' && endMs! - startMs! < longestMs) continue
    problems.push(`process ${process} of a healthy fleet asked for ${ip} at ${startMs} and got ${verdict} (${reason}) at ${endMs}`)
  }
  // Their second lookups, too, are cases of one call per address.
  for (const process of PROCESSES) fleet.lookup(process, ip, false)
  await fleet.world.advance(fleet.world.nowMs + RECOVERY_MS)
  return problems
}
