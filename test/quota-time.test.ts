// The time of the quota's script, whatever the clock of Redis does: random steps back and right again, by the model of the script.
import fc from 'fast-check'
import t from 'tap'
import { quota } from './simulation/quota-model.ts'
import { createRedisModel } from './simulation/redis-model.ts'

const MAX = 6
const BEAT_MS = 2067
/** As redis-quota.ts has them, with a limit for a minute and no other. */
const settings = [62_000, MAX, MAX, 86_402_000, -1, -1, 1250, -1, 25_833, 62_000, BEAT_MS]
const keys = ['calls', 'reads', 'members', 'state', 'hold']

interface Member { readonly seen: number, readonly atMs: number, readonly part: number }

/** Processes on one Redis, of which "steady" is always there. Throws where an invariant does not hold. */
class Fleet {
  realMs = 10_000_000
  behindMs = 0
  #lastMs = 0
  #runs = 0
  readonly #members = new Map<string, Member>()
  readonly #calls: number[] = []
  // By the clock of Redis, keys would end too early after a step: that is a loss of data, and not tested here.
  readonly #redis = Object.assign(createRedisModel(() => this.realMs - this.behindMs), { pexpire: () => 1, runId: 'run' })

  run (op: string, name: string): string {
    const member = this.#members.get(name)
    const { seen = 0, atMs = this.realMs, part = 0 } = member ?? {}
    const known = [part, part, 0, seen, this.realMs - atMs]
    const epoch = member === undefined ? '' : 'epoch'
    const args = op === 'leave' ? [op, name] : [op, name, epoch, 'epoch', `call ${++this.#runs}`, ...settings, ...known]
    const reply = quota(this.#redis, keys, args.map(String)) as readonly (string | number)[]
    if (op === 'leave') {
      this.#members.delete(name)
      return 'left'
    }
    const nowMs = Number(reply.at(-1))
    if (nowMs < this.#lastMs) throw new Error('time went back')
    this.#lastMs = nowMs
    this.#members.set(name, { seen: nowMs, atMs: this.realMs, part: Number(reply[6]) })
    if (op === 'write' && reply[0] === 'ok') this.#calls.push(this.realMs)
    const count = this.#calls.filter(atMs => atMs > this.realMs - 60_000).length
    if (count > MAX) throw new Error(`${count} calls in a minute`)
    return String(reply[0])
  }
}

const passes = fc.oneof(fc.integer({ min: 1, max: 2500 }), fc.integer({ min: 1, max: 100 })).map(ms => ({ does: 'pass', who: '', ms }))
const clockSteps = fc.record({ does: fc.constant('step'), who: fc.constantFrom('steady', 'new'), ms: fc.oneof(fc.nat(5000), fc.nat(4_000_000)) })
const asks = fc.record({ does: fc.constantFrom('beat', 'write', 'write', 'leave'), who: fc.constantFrom('a', 'b', 'c'), ms: fc.constant(0) })
const newAsks = fc.record({ does: fc.constantFrom('beat', 'write'), who: fc.constant('new'), ms: fc.constant(0) })

t.test('whatever the clock of Redis does, no minute has more calls, and time goes on', async () => {
  const steps = fc.array(fc.oneof(
    { weight: 6, arbitrary: passes },
    { weight: 1, arbitrary: clockSteps },
    { weight: 4, arbitrary: asks },
    { weight: 1, arbitrary: newAsks }
  ), { minLength: 30, maxLength: 200 })
  fc.assert(fc.property(steps, fc.boolean(), (steps, beats) => {
    const fleet = new Fleet()
    fleet.run('beat', 'steady')
    for (const { does, who, ms } of steps) {
      if (does === 'pass') {
        fleet.realMs += ms
        if (beats) fleet.run('beat', 'steady')
      } else if (does === 'step') {
        fleet.behindMs = fleet.behindMs === 0 ? ms : 0
        if (fleet.behindMs === 0) fleet.run('write', who) // it shows before the next step
      } else {
        fleet.run(does, who)
      }
      if (who === 'new') fleet.run('leave', who)
    }
    for (let beat = 0; beat < 100; beat++) {
      fleet.realMs += BEAT_MS - 100
      fleet.run('beat', 'steady')
    }
    if (fleet.run('write', 'steady') !== 'ok') throw new Error('calls did not leave the window')
  }), { numRuns: 400 })
})
