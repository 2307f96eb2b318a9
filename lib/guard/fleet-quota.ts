import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import { heldCause } from './hold.ts'
import { burstFull, exhausted, type Quota, type QuotaLimits, type Windows } from './quota.ts'
import { holdScript, quotaScript } from './quota-script.ts'
import type { RedisPort } from './redis-port.ts'
import { unseenBudget } from './unseen-budget.ts'

export interface FleetQuotaOptions {
  readonly redis: RedisPort
  /** `<prefix>ip-risk:quota:{<provider>}`; the braces keep all keys on one node of a Cluster. */
  readonly key: string
  readonly limits: QuotaLimits
  readonly reserveForWrites: number
  readonly windows: Windows
  readonly timeoutMs: number
  readonly now: () => number
  /** Another process was told to pause. */
  readonly onHold: (reason: UnknownReason, forMs: number) => void
  /** The fleet's count came out of sight (why), or back into it (null): once a change. */
  readonly onSight: (lost: unknown) => void
}

const firstContactPausesMs = [0, 50, 150, 300]
const connectMs = 1_000
/** Calls that one script is told of. */
const toldAtOnce = 1_000

/** What the script answered. */
interface Reply {
  readonly answer: 'ok' | 'full' | 'burst' | 'quiet' | 'held'
  readonly waitMs: number
  readonly epoch: string
  readonly members: number
  readonly part: number
  readonly usedMinute: number
  readonly usedDay: number
  readonly reason: UnknownReason
}

const answers: ReadonlySet<unknown> = new Set<Reply['answer']>(['ok', 'full', 'burst', 'quiet', 'held'])

/** The budget that all processes on one Redis share; while Redis is away or its count cannot be believed, each spends its own part. */
export function fleetQuota (options: FleetQuotaOptions): Quota {
  const { redis, key, limits, windows, now } = options
  const keys = ['calls', 'reads', 'members', 'state', 'hold'].map(name => `${key}:${name}`)
  const me = randomUUID()
  const beatMs = windows.minuteMs / 6
  const absenceMs = beatMs * 2.5
  const unseen = unseenBudget({ ...options, absenceMs, retryMs: beatMs })
  const settings = [
    limits.minute?.windowMs ?? windows.minuteMs, limits.minute?.max ?? -1, limits.minute?.maxReads ?? -1,
    limits.day?.windowMs ?? windows.dayMs, limits.day?.max ?? -1, limits.day?.maxReads ?? -1,
    limits.burst?.windowMs ?? windows.burstMs, limits.burst?.max ?? -1,
    absenceMs, limits.keepMs, beatMs
  ]
  let epoch = ''
  let sent = 0
  let inSight = true
  let meeting = true
  let last: Reply | null = null
  /** Until then a refusal is local: no room before. */
  const closedUntil = { read: 0, write: 0 }

  async function run (op: 'read' | 'write' | 'beat', timeoutMs?: number): Promise<Reply> {
    // The whole of a long absence is told before more is asked for, in parts that hold nobody up.
    while (unseen.hasUnreported(toldAtOnce)) await runOnce('beat', timeoutMs)
    return await runOnce(op, timeoutMs)
  }

  async function runOnce (op: 'read' | 'write' | 'beat', timeoutMs = options.timeoutMs): Promise<Reply> {
    const begun = now()
    const unreported = unseen.takeUnreported(toldAtOnce)
    const ages = unreported.map(at => Math.max(0, begun - at))
    let reply: Reply
    try {
      const numbers = [...settings, ...ages].map(Math.round)
      reply = readReply(await redis.run(quotaScript, keys, [op, me, epoch, randomUUID(), `${me}:${++sent}`, ...numbers], timeoutMs))
    } catch (error) {
      unseen.giveBack(unreported)
      lose(error)
      throw error
    }
    if (!inSight) options.onSight(null)
    inSight = true
    meeting = false
    epoch = reply.epoch
    last = reply
    if (reply.answer === 'held') options.onHold(reply.reason, reply.waitMs)
    if (reply.answer === 'quiet') unseen.quiet(reply.waitMs)
    else unseen.contact({ at: begun, ...reply })
    return reply
  }

  function lose (error: unknown): void {
    if (!inSight || meeting) return
    inSight = false
    options.onSight(error)
  }

  /** A connection that is being made is no Redis that is away: before anything is spent unseen, it has a moment. */
  async function firstContact (): Promise<void> {
    let failure: unknown
    for (const pauseMs of firstContactPausesMs) {
      if (pauseMs > 0) await sleep(pauseMs)
      try {
        await run('beat', pauseMs === 0 ? connectMs : undefined)
        return
      } catch (error) {
        failure = error
      }
    }
    meeting = false
    lose(failure)
  }
  const met = firstContact()

  // Tells the others that this process lives, and keeps what it knows of the budget fresh. A failed one is made good by the next.
  const beat = limits.minute === null ? null : setInterval(() => { run('beat').catch(() => {}) }, beatMs).unref()

  function refusal (write: boolean): UnknownAnswer | null {
    const waitMs = (write ? closedUntil.write : closedUntil.read) - now()
    return waitMs > 0 ? exhausted(waitMs) : null
  }

  return {
    refusal,
    async take (write) {
      const kind = write ? 'write' : 'read'
      const refused = refusal(write)
      if (refused !== null) return refused
      if (unseen.isQuiet()) return unseen.take(write)
      if (last === null) await met
      const begun = now()
      let reply: Reply
      try {
        reply = await run(kind)
      } catch {
        return unseen.take(write)
      }
      switch (reply.answer) {
        case 'quiet': return unseen.take(write)
        case 'held': return { verdict: 'unknown', reason: reply.reason, retryAfterSeconds: reply.waitMs / 1000, cause: heldCause }
        case 'full':
          closedUntil.read = now() + reply.waitMs
          if (write) closedUntil.write = closedUntil.read
          return exhausted(reply.waitMs)
        case 'burst': return burstFull(reply.waitMs)
        // A permit that took so long to arrive may belong to a window that is over.
        case 'ok': return now() - begun > windows.slackMs ? exhausted(0) : null
      }
    },
    hold (reason, forMs) {
      // When Redis is away, every process hears the provider's own refusal.
      redis.run(holdScript, [keys[4]!], [reason, Math.ceil(forMs)], options.timeoutMs).catch(() => {})
    },
    left () {
      const open = last ?? { usedMinute: 0, usedDay: 0 }
      return {
        ...limits.minute !== null && { minuteLeft: Math.max(0, limits.minute.max - open.usedMinute) },
        ...limits.day !== null && { dayLeft: Math.max(0, limits.day.max - open.usedDay) }
      }
    },
    async close () {
      clearInterval(beat ?? undefined)
      // Who cannot say good-bye is forgotten by the script after a while.
      await redis.run(quotaScript, keys, ['leave', me], options.timeoutMs).catch(() => {})
    }
  }
}

function readReply (reply: unknown): Reply {
  if (!Array.isArray(reply) || reply.length < 8) throw new TypeError('the quota script answered something else')
  const [answer, waitMs, epoch, members, part, usedMinute, usedDay, reason] = reply
  const numbers = [waitMs, members, part, usedMinute, usedDay].map(Number)
  if (!answers.has(answer) || !numbers.every(Number.isFinite)) throw new TypeError('the quota script answered something else')
  return {
    answer,
    waitMs: Number(waitMs),
    epoch: String(epoch),
    members: Number(members),
    part: Number(part),
    usedMinute: Number(usedMinute),
    usedDay: Number(usedDay),
    reason: reason === 'rejected' ? 'rejected' : 'rate_limited'
  }
}
