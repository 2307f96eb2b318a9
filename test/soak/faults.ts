import { setTimeout as sleep } from 'node:timers/promises'
import { type Fleet, healed, onNode, pidOf } from './fleet.ts'

/** A part of the soak: a share of the requests, while something is broken. */
export interface Phase {
  readonly name: string
  readonly share: number
  /** Breaks it; the promise of `breaks` is awaited while requests go on. `lastsMs` is how long the phase will last. */
  readonly breaks?: (fleet: Fleet, lastsMs: number) => Promise<void>
  /** Visitors from IPv6 networks never seen before, beside the usual ones. */
  readonly subnets?: number
  /** Memory and handles are compared from one of these to the next. */
  readonly sampled?: 'warm' | 'middle' | 'end'
}

export const phases: readonly Phase[] = [
  // Each of four processes fills its maps of 10,000 verdicts and 10,000 IPv6 networks: they are memory that is meant to be used.
  { name: 'warm-up', share: 15, subnets: 45_000, sampled: 'warm' },
  { name: 'nothing broken', share: 10 },
  {
    name: 'Redis killed, comes back empty',
    share: 8,
    async breaks ({ nodes }, lastsMs) {
      await Promise.all(nodes.map(node => node.kill()))
      await sleep(lastsMs / 3)
      await Promise.all(nodes.map(node => node.start()))
    }
  },
  {
    name: 'Redis frozen',
    share: 8,
    async breaks ({ nodes }, lastsMs) {
      const pids = await Promise.all(nodes.map(pidOf))
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      await sleep(lastsMs / 3)
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }
  },
  {
    name: 'Redis failed over',
    share: 8,
    async breaks (fleet, lastsMs) {
      const master = await fleet.master()
      await master.kill()
      await sleep(lastsMs / 2)
      await master.start()
    }
  },
  {
    name: 'Redis filled',
    share: 8,
    async breaks (fleet, lastsMs) {
      const master = await fleet.master()
      await onNode(master, 'CONFIG', 'SET', 'maxmemory', '1mb')
      await sleep(lastsMs / 2)
      await onNode(master, 'CONFIG', 'SET', 'maxmemory', '0')
    }
  },
  { name: 'nothing broken, again', share: 8, sampled: 'middle' },
  { name: 'provider slow', share: 6, breaks: ({ provider }, lastsMs) => provides(provider, 'slow', lastsMs) },
  { name: 'provider failing', share: 6, breaks: ({ provider }, lastsMs) => provides(provider, 'failing', lastsMs) },
  { name: 'provider lying', share: 6, breaks: ({ provider }, lastsMs) => provides(provider, 'lying', lastsMs) },
  {
    name: 'processes killed, one after the other',
    share: 7,
    async breaks (fleet, lastsMs) {
      // The first two only: memory is compared in those that live from start to end.
      for (const index of [0, 1]) {
        await fleet.killServer(index)
        await sleep(lastsMs / 6)
        await fleet.restartServer(index)
        await sleep(lastsMs / 6)
      }
    }
  },
  { name: 'nothing broken, at the end', share: 10, sampled: 'end' }
]

async function provides (provider: Fleet['provider'], mode: 'slow' | 'failing' | 'lying', lastsMs: number): Promise<void> {
  await provider.ask(mode)
  await sleep(lastsMs * 2 / 3)
  await provider.ask('right')
}

/** The phases last by their share of the requests; after each, whatever was broken is whole again. */
export async function breakDuring (phase: Phase, fleet: Fleet, lastsMs: number): Promise<void> {
  await phase.breaks?.(fleet, lastsMs)
  await healed(fleet)
}
