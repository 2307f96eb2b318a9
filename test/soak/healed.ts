import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { within } from '../../lib/util/index.ts'
import { type Fleet, isCutOff, onNode, statesOf } from './fleet.ts'

/** Until whatever was broken is whole again; rejects with what is not after the limit. */
export async function healed (fleet: Fleet, limitMs = 60_000): Promise<void> {
  const endsMs = performance.now() + limitMs
  for (;;) {
    const broken = await within(limitMs, brokenPart(fleet), 'Redis, Sentinel or a process does not answer').catch(String)
    if (broken === undefined) return
    if (performance.now() >= endsMs) throw new Error(`the fleet did not heal within ${limitMs / 1000} s: ${broken}`)
    await sleep(250)
  }
}

async function brokenPart (fleet: Fleet): Promise<string | undefined> {
  const master = await fleet.master()
  const info = String(await onNode(master, 'INFO', 'replication'))
  if (!info.includes('role:master')) return `Redis on port ${master.port}, the master for Sentinel, has another role`
  if (!info.includes('connected_slaves:1')) return `the master, Redis on port ${master.port}, has no replica`
  await onNode(master, 'SET', 'soak:healed', 'yes')
  const states = await statesOf(fleet)
  const cutOff = states.filter(isCutOff).length
  if (cutOff > 0) return `${cutOff} processes cannot use Redis`
  const open = fleet.ports.filter((_port, i) => states[i]!.breakers.some(breaker => breaker !== 'closed'))
  await Promise.all(open.map(probe))
  return open.length > 0 ? `the circuit breakers of ${open.length} processes are open` : undefined
}

/** A visitor never seen before: a circuit breaker closes by a call only. */
async function probe (port: number): Promise<void> {
  const ip = `93.${[...randomBytes(3)].join('.')}`
  const { body } = await request(`http://127.0.0.1:${port}/read`, { headers: { 'x-forwarded-for': ip }, reset: true })
  await body.dump()
}
