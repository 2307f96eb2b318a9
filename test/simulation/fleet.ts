import type { Engine } from '../../lib/core/engine.ts'
import { createNetwork } from './network.ts'
import { BEHIND_MS, createMember, createRecord, newQuestion, RECOVERY_MS, TIMEOUT_MS } from './record.ts'
import type { Fault, Fleet, Options, ProviderCall, Question, Schedule, Step } from './types.ts'
import { type Actor, installWorld } from './world.ts'

/**
 * Redis is reachable while what a lookup asks of it, a read and a claim, ends within `redisTimeoutMs` (100): two round trips at 20 ms in
 * each direction. Slower weather is a fault of all. Of weather that loses messages each loss is one, of the process that it happens to.
 */
const REACHABLE_DELAY_MS = 20
/** Far longer than closing waits for Redis. */
const CLOSE_MS = 10_000

interface Member { readonly actor: Actor, readonly engine: Engine }

/** A fleet of our own engines in a simulated world. Must be ended. */
export function createFleet ({ seed, skewsMs, steps }: Schedule, { perMinute, timeoutMs = TIMEOUT_MS }: Options = {}): Fleet {
  const world = installWorld(seed)
  const record = createRecord(world)
  const network = createNetwork(world, {
    lost: ({ process }, isBroadcast) => record.lost(process, isBroadcast),
    // A copy of the data after each script costs time.
    behindMs: steps.some(step => step.kind === 'redis' && step.data === 'behind') ? BEHIND_MS : 0
  })
  const { calls, questions, faults, invalidations, starts, problems, fault } = record
  const provider = { latencyMs: 20, failures: 0 }
  const members: (Member | undefined)[] = []
  let version = 0
  let cold = 0
  let badWeather: Fault | undefined

  function start (process: number): void {
    const actor: Actor = { process, frozenUntilMs: 0, skewMs: skewsMs[process] ?? 0 }
    /** Not those of a process that it replaces, which may still be closing. */
    const own: ProviderCall[] = []
    const engine = world.as(actor, () => createMember(network.connect(actor), perMinute, async ip => {
      const call: ProviderCall = { process, actor, ip, startMs: world.nowMs, version: ++version, endMs: Infinity, known: false }
      // A call from before an invalidation must not answer lookups after it.
      const other = own.find(other => other.ip === ip && other.endMs > world.nowMs && !record.isForgottenAfter(ip, process, other.startMs))
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
    const question = newQuestion({ process, ip, write, actor })
    questions.push(question)
    world.at(0, actor, () => {
      question.startMs = world.nowMs
      Promise.resolve(engine.lookup(ip, { mode: 'wait', write, timeoutMs })).then(({ answer, checkedAtMs }) => {
        question.endMs = world.nowMs
        question.verdict = answer.verdict
        if (answer.verdict === 'unknown') question.reason = answer.reason
        else record.verdict(question, answer.info.org, Date.now() - checkedAtMs)
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
        badWeather = step.delayMs > REACHABLE_DELAY_MS ? fault('weather', Infinity) : undefined
        return
      case 'redis': {
        if (!network.isUp) return
        fault('redis', step.downMs).restart = step.data
        network.stop()
        world.at(step.downMs, null, () => network.start(step.data))
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
    const isAlone = members.filter(Boolean).length === 1
    switch (step.kind) {
      case 'invalidate':
        world.at(0, actor, () => {
          invalidations.push({ process: step.process, ip: address(step.ip), atMs: world.nowMs })
          engine.invalidate(address(step.ip))
        })
        return
      case 'kill':
        fault('kill', 0, step.process).alone = isAlone
        kill(step.process)
        return
      case 'close':
        fault('close', Math.max(0, actor.frozenUntilMs - world.nowMs), step.process).alone = isAlone // it closes when it continues
        members[step.process] = undefined
        world.at(0, actor, () => {
          engine.close().then(() => { actor.diedMs = world.nowMs })
          world.at(CLOSE_MS, actor, () => problems.push(`process ${step.process} has not closed in ${CLOSE_MS} ms`))
        })
        return
      case 'freeze':
        fault('freeze', step.forMs, step.process)
        actor.frozenUntilMs = Math.max(actor.frozenUntilMs, world.nowMs + step.forMs)
        return
      case 'partition':
        fault('partition', step.forMs, step.process)
        network.cut.add(actor)
        world.at(step.forMs, null, () => network.cut.delete(actor))
    }
  }

  for (const process of skewsMs.keys()) start(process)
  return {
    world,
    bootedMs: 0,
    calls,
    questions,
    faults,
    invalidations,
    missed: record.missed,
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
