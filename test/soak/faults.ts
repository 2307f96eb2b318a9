import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '../../lib/util/index.ts'
import { type Fleet, infoOf, onNode, withoutRedis } from './fleet.ts'
import { healed } from './healed.ts'
import type { ProviderMode } from './provider.ts'

/** What an observer saw of a fault while it lasted, and whether that proves that something was broken. */
export interface Effect { readonly proven: boolean, readonly seen: string }

/** A part of the soak: a share of the requests, while something is broken. */
export interface Phase {
  readonly name: string
  readonly share: number
  /** The share of the usual rate at which requests are sent; 1 by default. */
  readonly pace?: number
  /** Breaks it, and makes it whole again, while requests go on. `lastsMs` is how long the phase will last. */
  readonly breaks?: (fleet: Fleet, lastsMs: number) => Promise<Effect>
  /** Caches are empty and code is not compiled, so that a few lookups may take longer than their time. */
  readonly cold?: true
  /** No verdict can be had, so that any payment may be let through. */
  readonly breaksProvider?: true
  /** Whether a client may find no process on a port. */
  readonly killsProcesses?: true
  /** Visitors from IPv6 networks never seen before, beside the usual ones. */
  readonly subnets?: number
  /** Memory and handles are compared from one of these to the next. */
  readonly sampled?: 'warm' | 'middle' | 'end'
}

/** So many failures open the circuit breaker of a process; it keeps most calls back then. */
const FAILURES_TO_OPEN = 5
const MARK = 'soak:mark'

export const phases: readonly Phase[] = [
  // No code is compiled yet, and no connection open: at the full rate this would measure a queue.
  { name: 'first requests', share: 1, pace: 0.2, cold: true },
  // Each of four processes fills its maps of 10,000 verdicts and 10,000 IPv6 networks: they are memory that is meant to be used.
  { name: 'warm-up', share: 10, pace: 0.45, cold: true, subnets: 45_000, sampled: 'warm' },
  { name: 'nothing broken', share: 12 },
  {
    name: 'Redis killed, comes back empty',
    share: 8,
    async breaks (fleet, lastsMs) {
      const { nodes, servers } = fleet
      const all = nodes.length
      await onNode(await fleet.master(), 'SET', MARK, 'before')
      const before = await Promise.all(nodes.map(node => infoOf(node, 'run_id')))
      await Promise.all(nodes.map(node => node.kill()))
      await sleep(lastsMs / 3)
      const cutOff = await withoutRedis(fleet)
      await Promise.all(nodes.map(node => node.start()))
      const after = await Promise.all(nodes.map(node => infoOf(node, 'run_id')))
      const ended = before.filter(id => !after.includes(id)).length
      const emptied = (await Promise.all(nodes.map(node => onNode(node, 'GET', MARK)))).filter(mark => mark === null).length
      return {
        proven: ended === all && emptied === all && cutOff === servers.length,
        seen: `${ended} of ${all} servers were replaced, ${emptied} came back empty; ${cutOff} of ${servers.length} processes reported that they could not use Redis`
      }
    }
  },
  {
    name: 'Redis frozen',
    share: 8,
    async breaks (fleet, lastsMs) {
      const { nodes, servers } = fleet
      const pids = await Promise.all(nodes.map(async node => Number(await infoOf(node, 'process_id'))))
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      let silent = nodes.length
      const pings = nodes.map(async node => {
        await onNode(node, 'PING')
        silent--
      })
      await sleep(lastsMs / 3)
      const [silentThen, cutOff] = [silent, await withoutRedis(fleet)]
      for (const pid of pids) process.kill(pid, 'SIGCONT')
      await Promise.all(pings)
      return {
        proven: silentThen === nodes.length && cutOff === servers.length,
        seen: `${silentThen} of ${nodes.length} servers did not answer PING for ${(lastsMs / 3000).toFixed(1)} s; ` +
          `${cutOff} of ${servers.length} processes reported that they could not use Redis`
      }
    }
  },
  {
    name: 'Redis failed over',
    share: 8,
    async breaks (fleet, lastsMs) {
      const master = await fleet.master()
      await master.kill()
      await sleep(lastsMs / 2)
      let next = await fleet.master()
      for (let tries = 0; next === master && tries < 100; tries++) { // a short phase may be over before Sentinel has decided
        await sleep(100)
        next = await fleet.master()
      }
      const info = await onNode(next, 'INFO', 'replication').then(String, String)
      await master.start()
      const role = info.includes('role:master') ? 'master' : 'none'
      return { proven: next !== master && role === 'master', seen: `the master was on port ${master.port}, then on ${next.port} with the role ${role}` }
    }
  },
  {
    name: 'Redis filled',
    share: 8,
    async breaks (fleet, lastsMs) {
      const master = await fleet.master()
      const write = async (): Promise<string> => await onNode(master, 'SET', MARK, 'full').then(String, (err: Error) => err.message.slice(0, 23))
      await onNode(master, 'CONFIG', 'SET', 'maxmemory', '1mb')
      const first = await write()
      await sleep(lastsMs / 2)
      const last = await write()
      await onNode(master, 'CONFIG', 'SET', 'maxmemory', '0')
      return { proven: first.startsWith('OOM') && last.startsWith('OOM'), seen: `a write was answered "${first}" at its start and "${last}" at its end` }
    }
  },
  { name: 'nothing broken, again', share: 8, sampled: 'middle' },
  { name: 'provider slow', share: 6, breaksProvider: true, breaks: (fleet, lastsMs) => provides(fleet, 'slow', lastsMs) },
  { name: 'provider failing', share: 6, breaksProvider: true, breaks: (fleet, lastsMs) => provides(fleet, 'failing', lastsMs) },
  { name: 'provider lying', share: 6, breaksProvider: true, breaks: (fleet, lastsMs) => provides(fleet, 'lying', lastsMs) },
  {
    name: 'processes killed, one after the other',
    share: 7,
    killsProcesses: true,
    async breaks (fleet, lastsMs) {
      const ended = new Set<number | undefined>()
      // The first two only: memory is compared in those that live from start to end.
      for (const index of [0, 1]) {
        const { pid, signalCode } = await fleet.killServer(index)
        if (signalCode === 'SIGKILL') ended.add(pid)
        await sleep(lastsMs / 6)
        await fleet.restartServer(index)
        await sleep(lastsMs / 6)
      }
      return { proven: ended.size === 2, seen: `${ended.size} of 2 processes ended by SIGKILL` }
    }
  },
  { name: 'nothing broken, at the end', share: 12, sampled: 'end' }
]

async function provides ({ provider, servers }: Fleet, mode: Exclude<ProviderMode, 'right'>, lastsMs: number): Promise<Effect> {
  const before = await provider.ask(mode)
  await sleep(lastsMs * 2 / 3)
  const after = await provider.ask('right')
  const answers = after.answers[mode] - before.answers[mode]
  const fewest = FAILURES_TO_OPEN * servers.length
  return { proven: answers >= fewest, seen: `${answers} answers were ${mode} (at least ${fewest})` }
}

/** The phases last by their share of the requests; after each, whatever was broken is whole again. Undefined where nothing is broken. */
export async function breakDuring ({ name, breaks }: Phase, fleet: Fleet, lastsMs: number): Promise<Effect | undefined> {
  if (breaks === undefined) return undefined
  try {
    const effect = await within(lastsMs + 60_000, breaks(fleet, lastsMs), 'the fault was not over a minute after its time')
    await healed(fleet)
    return effect
  } catch (cause) {
    throw new Error(`soak: "${name}": ${(cause as Error).message}`, { cause })
  }
}
