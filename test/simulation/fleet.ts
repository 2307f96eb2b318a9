import type { Engine } from '../../lib/core/engine.ts'
import { createNetwork } from './network.ts'
import { createMember, createRecord, type FleetRecord, RECOVERY_MS } from './record.ts'
import { type Actor, installWorld, type World } from './world.ts'

/** One event of a schedule. `process` counts from 0; `afterMs` is the time since the previous event. */
export type Step = { readonly afterMs: number } & (
  | { readonly kind: 'lookup', readonly process: number, readonly ip: number, readonly write: boolean }
  | { readonly kind: 'invalidate', readonly process: number, readonly ip: number }
  | { readonly kind: 'kill', readonly process: number }
  | { readonly kind: 'close', readonly process: number }
  | { readonly kind: 'start', readonly process: number }
  | { readonly kind: 'freeze', readonly process: number, readonly forMs: number }
  | { readonly kind: 'partition', readonly process: number, readonly forMs: number }
  | { readonly kind: 'weather', readonly delayMs: number, readonly loss: number, readonly twice: number }
  | { readonly kind: 'redis', readonly downMs: number, readonly data: 'kept' | 'lost' | 'behind' }
  | { readonly kind: 'burst', readonly process: number, readonly count: number }
  | { readonly kind: 'provider', readonly latencyMs: number, readonly failures: number }
)

export interface Schedule {
  readonly seed: number
  readonly skewsMs: readonly number[]
  readonly steps: readonly Step[]
}

export interface Options {
  readonly perMinute?: number
  readonly timeoutMs?: number
}

export interface ProviderCall {
  readonly process: number
  /** The process itself: another one may take its number after it. */
  readonly actor: Actor
  readonly ip: string
  readonly startMs: number
  /** Part of its answer. */
  readonly version: number
  endMs: number
  known: boolean
}

export interface Question {
  readonly process: number
  readonly ip: string
  readonly write: boolean
  /** When the process got to it; undefined while it is frozen. */
  startMs: number | undefined
  readonly actor: Actor
  endMs: number | undefined
  verdict: string | undefined
  reason: string | undefined
  /** That of the call which the verdict came from. */
  version: number | undefined
}

/** An address was to be forgotten by every process. */
export interface Invalidation { readonly process: number, readonly ip: string, readonly atMs: number }

/** A time in which something was wrong, for the process or for all (undefined). */
export interface Fault {
  readonly fromMs: number
  toMs: number
  readonly process: number | undefined
  /** What a restart of Redis left of its data. */
  restart?: 'kept' | 'lost' | 'behind'
}

/** A process that was started after the first ones. `second`: there was one other. */
export interface Start { readonly process: number, readonly atMs: number, readonly second: boolean }

/** Simulated, or real processes and a real Redis (real-fleet.ts): the invariants are the same. */
export interface Fleet extends Pick<FleetRecord, 'observations' | 'observed'> {
  readonly world: Pick<World, 'nowMs' | 'advance'>
  readonly calls: readonly ProviderCall[]
  readonly questions: readonly Question[]
  readonly faults: readonly Fault[]
  readonly invalidations: readonly Invalidation[]
  readonly starts: readonly Start[]
  readonly problems: string[]
  readonly provider: { latencyMs: number, failures: number }
  run (step: Step): Promise<void>
  lookup (process: number, ip: string, write: boolean): Question | undefined
  isAlive (process: number): boolean
  end (): void | Promise<void>
}

/**
 * Redis is reachable while what a lookup asks of it, a read and a claim, ends within `redisTimeoutMs` (100): two round trips at 20 ms in
 * each direction. Worse weather is a fault, as a loss is.
 */
const REACHABLE_DELAY_MS = 20
export const TIMEOUT_MS = 5000
/** Far longer than closing waits for Redis. */
const CLOSE_MS = 10_000

interface Member { readonly actor: Actor, readonly engine: Engine }

/** A fleet of our own engines in a simulated world. Must be ended. */
export function createFleet ({ seed, skewsMs }: Schedule, { perMinute, timeoutMs = TIMEOUT_MS }: Options = {}): Fleet {
  const world = installWorld(seed)
  const network = createNetwork(world)
  const record = createRecord(world)
  const { calls, questions, faults, invalidations, starts, problems, fault } = record
  const provider = { latencyMs: 20, failures: 0 }
  const members: (Member | undefined)[] = []
  let version = 0
  let cold = 0
  let badWeather: Fault | undefined

  function start (process: number): void {
    const actor: Actor = { frozenUntilMs: 0, skewMs: skewsMs[process] ?? 0 }
    /** Not those of a process that it replaces, which may still be closing. */
    const own: ProviderCall[] = []
    const engine = world.as(actor, () => createMember(network.connect(actor), perMinute, async ip => {
      const call: ProviderCall = { process, actor, ip, startMs: world.nowMs, version: ++version, endMs: Infinity, known: false }
      // A call from before an invalidation must not answer lookups after it.
      const other = own.find(other => other.ip === ip && other.endMs > world.nowMs && !record.isForgottenAfter(ip, other.startMs))
      if (other !== undefined && members[process]?.actor === actor) {
        problems.push(`process ${process} called twice at once for ${ip}`)
      }
      own.push(call)
      calls.push(call)
      const { latencyMs, failures } = provider
      await new Promise<void>(resolve => world.at(latencyMs * (0.5 + world.random()), actor, resolve))
      call.endMs = world.nowMs
      call.known = world.random() >= failures
      return call.known ? call.version : undefined
    }))
    members[process] = { actor, engine }
  }

  function lookup (process: number, ip: string, write: boolean): Question | undefined {
    const member = members[process]
    if (member === undefined) return undefined
    const { actor, engine } = member
    const question: Question = {
      process, ip, write, startMs: undefined, actor, endMs: undefined, verdict: undefined, reason: undefined, version: undefined
    }
    questions.push(question)
    world.at(0, actor, () => {
      question.startMs = world.nowMs
      Promise.resolve(engine.lookup(ip, { mode: 'wait', write, timeoutMs })).then(({ answer, cache, checkedAtMs }) => {
        question.endMs = world.nowMs
        question.verdict = answer.verdict
        if (answer.verdict === 'unknown') question.reason = answer.reason
        else record.checkVerdict(question, answer.info.org, cache === 'miss', Date.now() - checkedAtMs)
      }, (err: Error) => problems.push(`a lookup rejected: ${err.message}`))
    })
    return question
  }

  function kill (process: number): void {
    const member = members[process]!
    member.actor.diedMs = world.nowMs
    network.drop(member.actor)
    members[process] = undefined
    record.endCalls(process)
  }

  async function run (step: Step): Promise<void> {
    await world.advance(world.nowMs + step.afterMs)
    switch (step.kind) {
      case 'lookup':
        lookup(step.process, address(step.ip), step.write)
        return
      case 'weather':
        network.weather = step
        if (badWeather !== undefined) badWeather.toMs = world.nowMs + RECOVERY_MS
        badWeather = step.loss > 0 || step.twice > 0 || step.delayMs > REACHABLE_DELAY_MS ? fault(Infinity) : undefined
        return
      case 'redis': {
        if (!network.isUp) return
        fault(step.downMs).restart = step.data
        network.stop()
        const data = step.data === 'behind' ? { behindMs: 500 } : step.data
        world.at(step.downMs, null, () => network.start(data))
        return
      }
      case 'burst':
        for (let i = 0; i < step.count; i++) {
          lookup(step.process, `192.0.${2 + (cold >> 8)}.${cold++ & 255}`, cold % 2 === 0)
        }
        return
      case 'provider':
        Object.assign(provider, step)
        return
      case 'start':
        if (members[step.process] !== undefined) return
        starts.push({ process: step.process, atMs: world.nowMs, second: members.filter(Boolean).length === 1 })
        start(step.process)
        return
      case 'freeze': case 'partition': case 'kill': case 'close': case 'invalidate':
    }
    const member = members[step.process]
    if (member === undefined) return
    const { actor, engine } = member
    switch (step.kind) {
      case 'invalidate':
        world.at(0, actor, () => {
          invalidations.push({ process: step.process, ip: address(step.ip), atMs: world.nowMs })
          engine.invalidate(address(step.ip))
        })
        return
      case 'kill':
        fault(0, step.process)
        kill(step.process)
        return
      case 'close':
        fault(0, step.process)
        members[step.process] = undefined
        world.at(0, actor, () => {
          engine.close().then(() => { actor.diedMs = world.nowMs })
          world.at(CLOSE_MS, actor, () => problems.push(`process ${step.process} has not closed in ${CLOSE_MS} ms`))
        })
        return
      case 'freeze':
        fault(step.forMs, step.process)
        actor.frozenUntilMs = Math.max(actor.frozenUntilMs, world.nowMs + step.forMs)
        return
      case 'partition':
        fault(step.forMs, step.process)
        network.cut.add(actor)
        world.at(step.forMs, null, () => network.cut.delete(actor))
    }
  }

  for (const process of skewsMs.keys()) start(process)
  return {
    world,
    calls,
    questions,
    faults,
    invalidations,
    starts,
    problems,
    observations: record.observations,
    observed: record.observed,
    provider,
    run,
    lookup,
    isAlive: process => members[process] !== undefined,
    end () { world.uninstall() }
  }
}

export function address (n: number): string {
  return `203.0.113.${n + 1}`
}
