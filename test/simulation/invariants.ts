import { address, type Fault, type Fleet, type ProviderCall, type Schedule, TIMEOUT_MS } from './fleet.ts'
import { MESSAGE_MS, RECOVERY_MS, TTL_SECONDS } from './record.ts'

/** `LEASE_MS` of the library, and its slack. */
const LEASE_MS = 2010
const FAILED_MS = 2000
const ATTEMPTS = 5

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
    await settle(fleet, precision)
    // Those that take many events follow a part of the schedules each.
    if (parts.includes(0)) {
      await checkTakeover(fleet, 'kill', precision)
      await checkTakeover(fleet, 'close', precision)
    }
    if (parts.includes(1)) await checkLateFill(fleet, 'freeze')
    if (parts.includes(3)) {
      await checkLateFill(fleet, 'invalidate')
      await invalidateDuringCall(fleet)
    }
    await checkColdAddress(fleet, 10, 20, precision)
    if (parts.includes(2)) await checkColdAddress(fleet, 20, 3200, precision)
    checkCalls(fleet, precision)
    checkInvalidations(fleet)
    checkTimeLimits(fleet, precision)
    return fleet.problems
  } finally {
    await fleet.end()
  }
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
 * The holder of a lease dies: another process gets a verdict within the time of a lease. One that closes gives its lease
 * back, and nobody waits for its end.
 */
async function checkTakeover (fleet: Fleet, how: 'kill' | 'close', { slackMs }: Precision): Promise<void> {
  const { world, calls } = fleet
  const ip = how === 'kill' ? '198.51.100.1' : '198.51.100.2'
  const longestMs = how === 'kill' ? LEASE_MS + 300 : LEASE_MS / 2
  const startMs = world.nowMs
  fleet.provider.latencyMs = 1000
  fleet.observed('a takeover in time')
  const before = calls.length
  fleet.lookup(0, ip, false)
  await world.advance(world.nowMs + 100)
  const waiting = fleet.lookup(1, ip, false)!
  await world.advance(world.nowMs + 100)
  if (calls.length !== before + 1) fleet.problems.push(`takeover: ${calls.length - before} calls by two processes`)
  await fleet.run({ afterMs: 0, kind: how, process: 0 })
  fleet.provider.latencyMs = 20
  await world.advance(world.nowMs + TIMEOUT_MS)
  if (waiting.verdict !== 'suspicious' || waiting.endMs! - startMs > longestMs + slackMs) {
    fleet.problems.push(`takeover after ${how}: ${waiting.verdict} ${waiting.reason} after ${waiting.endMs! - startMs} ms`)
  }
  await fleet.run({ afterMs: 0, kind: 'start', process: 0 })
  await world.advance(world.nowMs + RECOVERY_MS)
}

/**
 * A holder loses its lease during its call: it is frozen for longer than the lease, or cut off while another process
 * invalidates the address. Then its fill must store nothing: a process that starts later gets the verdict of another call.
 */
async function checkLateFill (fleet: Fleet, cause: 'freeze' | 'invalidate'): Promise<void> {
  const { world, calls } = fleet
  const n = cause === 'freeze' ? 200 : 202
  fleet.observed('no late fill')
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
  if (late?.process !== 0) fleet.problems.push(`late fill: the call of process ${late?.process}`)
  await fleet.run({ afterMs: 0, kind: 'kill', process: 1 })
  await fleet.run({ afterMs: 0, kind: 'start', process: 1 })
  await world.advance(world.nowMs + RECOVERY_MS)
  const question = fleet.lookup(1, address(n), false)!
  await world.advance(world.nowMs + TIMEOUT_MS)
  if (question.version === undefined || question.version === late?.version) {
    fleet.problems.push(`late fill: ${question.verdict} ${question.reason}, stored by a process that had lost its lease by ${cause}`)
  }
}

/** What the process remembers then is for `checkInvalidations`. */
async function invalidateDuringCall (fleet: Fleet): Promise<void> {
  const { world } = fleet
  const n = 201
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
 * waits for it is answered by its message, not by the end of the lease. Again, with the next address, if the machine of a
 * real fleet took the processors away meanwhile: that is a fault.
 */
async function checkColdAddress (fleet: Fleet, host: number, latencyMs: number, { slackMs }: Precision): Promise<void> {
  fleet.provider.latencyMs = latencyMs
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const faults = fleet.faults.length
    const problems = await coldAddress(fleet, `198.51.100.${host + attempt}`, latencyMs * 1.5 + LEASE_MS / 2 + slackMs)
    if (fleet.faults.length === faults) {
      fleet.observed('one call for a cold address')
      fleet.problems.push(...problems)
      return
    }
    fleet.observed('one call for a cold address', 'the machine gave no processor')
    await fleet.world.advance(fleet.world.nowMs + RECOVERY_MS)
  }
  fleet.problems.push('this machine is too busy to check a cold address')
}

async function coldAddress (fleet: Fleet, ip: string, longestMs: number): Promise<readonly string[]> {
  const problems: string[] = []
  const asked = [0, 1, 2, 3].flatMap(process => fleet.lookup(process, ip, process % 2 === 0) ?? [])
  await fleet.world.advance(fleet.world.nowMs + TIMEOUT_MS)
  const calls = fleet.calls.filter(call => call.ip === ip)
  if (calls.length !== 1) problems.push(`${calls.length} calls for a cold address of a healthy fleet`)
  for (const { verdict, reason, process, startMs, endMs } of asked) {
    if (verdict === 'suspicious' && endMs! - startMs! < longestMs) continue
    problems.push(`process ${process} of a healthy fleet asked for ${ip} at ${startMs} and got ${verdict} (${reason}) at ${endMs}`)
  }
  return problems
}

/**
 * A second call for an address is right if its verdict is no longer fresh, if the first call failed and that is no longer
 * remembered, or if a fault of either process or of Redis came between. And of one process alone, only the first two.
 */
function checkCalls (fleet: Fleet, precision: Precision): void {
  const { calls, faults, invalidations, problems } = fleet
  for (const [i, second] of calls.entries()) {
    for (const first of calls.slice(0, i)) {
      if (first.ip !== second.ip) continue
      if (mayRepeat(first, second, precision)) {
        fleet.observed('one call per address', 'the verdict was over, or the call had failed')
        continue
      }
      // After a freeze the time limit of a call may end before its answer is read.
      const isOneProcess = first.actor === second.actor && first.actor.frozenUntilMs < first.startMs
      const isFault = (!isOneProcess && hasFault(faults, first.startMs, second.startMs, [first.process, second.process])) ||
        invalidations.some(({ ip, atMs }) =>
          ip === second.ip && atMs <= second.startMs && (isOneProcess || atMs + RECOVERY_MS >= first.startMs))
      fleet.observed('one call per address', isFault ? 'a fault or an invalidation between two calls' : undefined)
      if (!isFault) {
        problems.push(`process ${second.process} called for ${second.ip} at ${second.startMs}, process ${first.process} ` +
          `at ${first.startMs} (until ${first.endMs}, ${first.known ? 'known' : 'failed'})`)
      }
    }
  }
}

function hasFault (faults: readonly Fault[], fromMs: number, toMs: number, processes: readonly number[]): boolean {
  return faults.some(fault => fault.fromMs <= toMs && fault.toMs >= fromMs &&
    (fault.process === undefined || processes.includes(fault.process)))
}

/** A call from before an invalidation answers no lookup after it, unless a fault came between. */
function checkInvalidations ({ calls, questions, faults, invalidations, problems, observed }: Fleet): void {
  for (const { process, ip, startMs, version } of questions) {
    const call = calls.find(call => call.version === version)
    if (call === undefined || startMs === undefined) continue
    const since = invalidations.filter(({ ip: forgotten, atMs }) =>
      forgotten === ip && call.startMs < atMs && atMs + MESSAGE_MS < startMs)
    const missed = since.find(({ process: by }) => !hasFault(faults, call.startMs, startMs, [process, by]))
    const isExcused = missed === undefined && since.length > 0
    observed('nothing older than an invalidation', isExcused ? 'a fault between call and lookup' : undefined)
    if (missed === undefined) continue
    problems.push(`process ${process} asked for ${ip} at ${startMs} and got the answer from ${call.startMs}, invalidated at ${missed.atMs}`)
  }
}

function mayRepeat (first: ProviderCall, second: ProviderCall, { slackMs }: Precision): boolean {
  if (first.known) return second.startMs - first.endMs >= TTL_SECONDS * 1000 * 0.89
  return second.startMs - first.endMs >= FAILED_MS - slackMs
}

export function checkTimeLimits ({ questions, problems, observed }: Fleet, { slackMs }: Precision): void {
  for (const { process, ip, startMs, endMs, actor } of questions) {
    const limitMs = Math.max((startMs ?? Infinity) + TIMEOUT_MS, actor.frozenUntilMs)
    const { diedMs = Infinity } = actor
    const isCutOff = endMs === undefined && diedMs <= limitMs + slackMs
    const excuse = startMs === undefined ? 'the process never got to it' : isCutOff ? 'the process ended before' : undefined
    observed('an answer in time', excuse)
    if (excuse !== undefined) continue
    if (endMs === undefined || endMs > limitMs + slackMs) {
      problems.push(`process ${process} asked for ${ip} at ${startMs} and was answered at ${endMs}`)
    }
  }
}
