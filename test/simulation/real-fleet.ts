import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { address } from './fleet.ts'
import { type Link, openLink, openStore } from './real-network.ts'
import type { Order, ProcessOptions, Report } from './real-process.ts'
import { createRecord, newQuestion, RECOVERY_MS } from './record.ts'
import type { Fault, Fleet, Options, ProviderCall, Question, Schedule, Step } from './types.ts'
import type { Actor } from './world.ts'

interface Member {
  readonly actor: Actor
  readonly child: ChildProcess
  readonly link: Link
  send (order: Order): void
}

/**
 * The fleet of fleet.ts in real time: processes that are killed and stopped by signals, a redis-server, and a TCP proxy between
 * each process and Redis. Times in which this machine gave no processor to a process, or to Redis, count as faults. Must be ended.
 */
export async function createRealFleet ({ skewsMs }: Schedule, { perMinute }: Options = {}): Promise<Fleet> {
  const members: (Member | undefined)[] = []
  const background = new Set<Promise<unknown>>()
  const children = new Set<ChildProcess>()
  const beganMs = Date.now()
  const provider = { latencyMs: 20, failures: 0 }
  let weather = { delayMs: 0, loss: 0 }
  let badWeather: Fault | undefined
  let cold = 0
  let isEnding = false
  const world = {
    get nowMs () { return Date.now() - beganMs },
    advance: async (toMs: number) => { await sleep(Math.max(0, toMs - (Date.now() - beganMs))) }
  }
  const record = createRecord(world)
  const { calls, questions, faults, invalidations, starts, problems, fault } = record
  const store = await openStore(forMs => {
    faults.push({ kind: 'machine', fromMs: world.nowMs - forMs, toMs: world.nowMs + RECOVERY_MS, process: undefined })
  })

  async function start (process: number): Promise<void> {
    const link = await openLink(store.port)
    link.weather = weather
    const actor: Actor = { process, frozenUntilMs: 0, skewMs: skewsMs[process] ?? 0 }
    const options: ProcessOptions = { port: link.port, skewMs: actor.skewMs, perMinute }
    const child = fork(new URL('./real-process.ts', import.meta.url), [JSON.stringify(options)])
    children.add(child)
    const own = new Map<number, ProviderCall>()
    const member: Member = { actor, child, link, send: order => { if (child.connected) child.send(order) } }
    child.on('message', (report: Report) => hear(process, member, own, report))
    child.once('exit', code => {
      link.close()
      if (actor.diedMs === undefined && !isEnding) problems.push(`process ${process} ended with ${code}`)
    })
    await Promise.race([once(child, 'message'), once(child, 'exit').then(() => { throw new Error('a process did not boot') })])
    member.send({ kind: 'provider', ...provider })
    members[process] = member
  }

  function hear (process: number, { actor }: Member, own: Map<number, ProviderCall>, report: Report): void {
    const atMs = report.atMs - beganMs
    switch (report.kind) {
      case 'began':
        questions[report.id]!.startMs = atMs
        return
      case 'answered': {
        const question = questions[report.id]!
        Object.assign(question, { endMs: atMs, verdict: report.verdict, reason: report.reason })
        if (report.verdict === 'unknown') return
        record.verdict(question, report.org, report.ageMs)
        return
      }
      case 'rejected':
        problems.push(`a lookup rejected: ${report.message}`)
        return
      case 'call': {
        const call: ProviderCall = { process, actor, ip: report.ip, startMs: atMs, version: report.call, endMs: Infinity, known: false }
        // A call from before an invalidation must not answer lookups after it.
        const other = [...own.values()].find(({ ip, endMs, startMs }) =>
          ip === call.ip && endMs === Infinity && !record.isForgottenAfter(ip, process, startMs))
        if (other !== undefined) problems.push(`process ${process} called twice at once for ${call.ip}`)
        own.set(report.call, call)
        calls.push(call)
        return
      }
      case 'called':
        Object.assign(own.get(report.call)!, { endMs: atMs, known: report.known })
        return
      case 'stalled':
        faults.push({ kind: 'machine', fromMs: atMs - report.forMs, toMs: atMs + RECOVERY_MS, process })
    }
  }

  function lookup (process: number, ip: string, write: boolean): Question | undefined {
    const member = members[process]
    if (member === undefined) return undefined
    const question = newQuestion({ process, ip, write, actor: member.actor })
    member.send({ kind: 'lookup', id: questions.push(question) - 1, ip, write })
    return question
  }

  function provide (change: Partial<typeof provider>): void {
    Object.assign(provider, change)
    for (const member of members) member?.send({ kind: 'provider', ...provider })
  }

  /** Goes on beside the schedule. `over` ends the fault when the machine took longer than the schedule. */
  function meanwhile (fault: Fault, run: () => Promise<unknown>): void {
    const running = run().then(() => { fault.toMs = Math.max(fault.toMs, world.nowMs + RECOVERY_MS) })
      .catch((err: Error) => { problems.push(String(err.stack)) }).finally(() => background.delete(running))
    background.add(running)
  }

  async function kill (process: number): Promise<void> {
    const { actor, child } = members[process]!
    members[process] = undefined
    actor.diedMs = world.nowMs
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    record.endCalls(process)
  }

  async function run (step: Step): Promise<void> {
    await world.advance(world.nowMs + step.afterMs)
    switch (step.kind) {
      case 'lookup':
        lookup(step.process, address(step.ip), step.write)
        return
      case 'weather':
        weather = step
        for (const member of members) if (member !== undefined) member.link.weather = weather
        if (badWeather !== undefined) badWeather.toMs = world.nowMs + RECOVERY_MS
        badWeather = step.loss > 0 || step.delayMs > 20 ? fault('weather', Infinity) : undefined
        return
      case 'redis':
        if (!store.isUp) return
        meanwhile(Object.assign(fault('redis', step.downMs), { restart: step.data }), () => store.restart(step.downMs, step.data))
        return
      case 'burst':
        for (let i = 0; i < step.count; i++) lookup(step.process, `192.0.${2 + (cold >> 8)}.${cold++ & 255}`, cold % 2 === 0)
        return
      case 'provider':
        provide({ latencyMs: step.latencyMs, failures: step.failures })
        return
      case 'start':
        // A process that boots takes processors from the others.
        if (members[step.process] !== undefined) return
        starts.push({ process: step.process, atMs: world.nowMs, second: members.filter(Boolean).length === 1 })
        await start(step.process)
        return
      case 'freeze': case 'partition': case 'kill': case 'close': case 'invalidate':
    }
    const member = members[step.process]
    if (member === undefined) return
    const { actor, child, link } = member
    switch (step.kind) {
      case 'invalidate':
        invalidations.push({ process: step.process, ip: address(step.ip), atMs: world.nowMs })
        member.send({ kind: 'invalidate', ip: address(step.ip) })
        return
      case 'kill':
        fault('kill', 0, step.process)
        await kill(step.process)
        return
      case 'close':
        members[step.process] = undefined
        meanwhile(fault('close', 0, step.process), async () => {
          if (actor.frozenUntilMs > world.nowMs) await world.advance(actor.frozenUntilMs)
          const closed = new Promise<void>(resolve => {
            child.on('message', ({ kind }: Report) => { if (kind === 'closed') resolve() })
            child.once('exit', () => resolve())
          })
          member.send({ kind: 'close' })
          await closed
          actor.diedMs = world.nowMs
          child.kill('SIGKILL')
        })
        return
      case 'freeze':
        if (actor.frozenUntilMs > world.nowMs) return
        actor.frozenUntilMs = world.nowMs + step.forMs
        child.kill('SIGSTOP')
        meanwhile(fault('freeze', step.forMs, step.process), async () => {
          await sleep(step.forMs)
          child.kill('SIGCONT')
        })
        return
      case 'partition':
        link.isCut = true
        meanwhile(fault('partition', step.forMs, step.process), async () => {
          await sleep(step.forMs)
          link.isCut = false
        })
    }
  }

  await Promise.all(skewsMs.map((_skew, process) => start(process)))
  return {
    world,
    bootedMs: world.nowMs,
    calls,
    questions,
    faults,
    invalidations,
    missed: record.missed,
    starts,
    problems,
    observations: record.observations,
    observed: record.observed,
    provider: {
      get latencyMs () { return provider.latencyMs },
      set latencyMs (latencyMs) { provide({ latencyMs }) },
      get failures () { return provider.failures },
      set failures (failures) { provide({ failures }) }
    },
    run,
    lookup,
    isAlive: process => members[process] !== undefined,
    async end () {
      isEnding = true
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(background)
      await store.close()
    }
  }
}
