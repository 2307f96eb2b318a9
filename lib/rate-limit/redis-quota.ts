import { randomUUID } from 'node:crypto'
import type { UnknownAnswer, UnknownReason } from '../../types/contract.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { heldCause } from '../verdict/index.ts'
import type { Reservation } from './contact.ts'
import { type CallCounts, offlineShare } from './offline-share.ts'
import { type QuotaReply, readReply } from './quota-reply.ts'
import { holdScript, quotaScript } from './quota-script.ts'
import { burstFull, exhausted, type Quota, type QuotaLimits, type Windows } from './quota.ts'

interface RedisQuotaOptions {
  readonly redis: ScriptRunner
  /** `<prefix>ip-risk:quota:{<provider>}`; the braces keep all keys on one node of a Cluster. */
  readonly key: string
  readonly limits: QuotaLimits
  readonly reserveForWrites: number
  readonly windows: Windows
  readonly timeoutMs: number
  readonly now: () => number
  /** Another process began a pause. */
  readonly onHold: (reason: UnknownReason, forMs: number) => void
  /**
   * This process uses only its own share of the limits (why), or again the fleet's count (null): once for each change.
   */
  readonly onShare: (cause: OfflineCause | null) => void
}

/**
 * `redis_unreachable`: it does not answer. `redis_count_lost`: it answers, but was restarted or emptied, and its count
 * is not complete.
 */
export type OfflineCause = 'redis_unreachable' | 'redis_count_lost'

/** For the first contact, which is not awaited. */
const connectMs = 1_000
/** Calls reported to one script. */
const reportedAtOnce = 1_000

/** `made`: the calls made without Redis, when the script was sent. */
interface Answered extends QuotaReply { readonly made: CallCounts }

/**
 * The quota that all processes on one Redis share; while Redis is away or its count is not complete, each uses its own
 * share.
 */
export function redisQuota (options: RedisQuotaOptions): Quota {
  const { redis, key, limits, windows, now } = options
  const keys = ['calls', 'reads', 'members', 'state', 'hold'].map(name => `${key}:${name}`)
  const me = randomUUID()
  // Often, so that what an idle member reserves is soon free for the others.
  const beatMs = windows.minuteMs / 30
  const absenceMs = windows.minuteMs * 5 / 12
  const offline = offlineShare({ ...options, absenceMs, beatMs })
  const settings = [
    limits.minute?.windowMs ?? windows.minuteMs, limits.minute?.max ?? -1, limits.minute?.maxReads ?? -1,
    limits.day?.windowMs ?? windows.dayMs, limits.day?.max ?? -1, limits.day?.maxReads ?? -1,
    limits.burst?.windowMs ?? windows.burstMs, limits.burst?.max ?? -1,
    absenceMs, limits.keepMs, beatMs
  ]
  const keptMs = Math.max(limits.keepMs, 20 * settings[0]!)
  let epoch = ''
  let sent = 0
  /** Calls made without Redis, in reports that were not answered yet. */
  let reporting = 0
  const inFlight = new Set<Promise<unknown>>() // scripts with such reports
  let last: QuotaReply | null = null
  let failing = false
  let answeredAt = now()
  let cause: OfflineCause | null = null
  /** Until then a refusal is local: no call is allowed before. */
  const closedUntil = { read: 0, write: 0 }

  async function run (op: 'read' | 'write' | 'beat', leftMs: () => number): Promise<Answered> {
    // All calls made without Redis are reported before more is asked for, in parts that do not hold Redis up.
    while (offline.unreported() > reportedAtOnce) await runOnce('beat', leftMs())
    return await runOnce(op, leftMs())
  }

  async function runOnce (op: 'read' | 'write' | 'beat', timeoutMs: number): Promise<Answered> {
    const begun = now()
    const believed = offline.reservation()
    const made = offline.made()
    const unreported = offline.takeUnreported(reportedAtOnce)
    const report = unreported.flatMap(({ at, number, write }) => [Math.max(0, begun - at), number, write ? 0 : 1])
    const run = ++sent
    const seen = last === null ? [0, 0] : [last.redisNow, Math.max(0, begun - answeredAt)]
    const numbers = [...settings, believed.part, believed.readPart, reporting, ...seen, ...report].map(Math.round)
    // Redis keeps the epoch for as long (`ttl` of the script): when it is gone then, nothing was lost.
    const known = begun - answeredAt < keptMs ? epoch : ''
    const args = [op, me, known, randomUUID(), `${me}:${run}`, ...numbers]
    const sending = redis.run(quotaScript, keys, args, timeoutMs)
    if (unreported.length > 0) inFlight.add(sending)
    reporting += unreported.length
    let reply: QuotaReply
    try {
      reply = readReply(await sending)
    } catch (error) {
      offline.giveBack(unreported)
      failed()
      throw error
    } finally {
      reporting -= unreported.length
      inFlight.delete(sending)
    }
    failing = false
    answeredAt = now()
    change(reply.quietMs > 0 ? 'redis_count_lost' : null)
    epoch = reply.epoch
    last = reply
    if (reply.answer === 'held') options.onHold(reply.reason, reply.waitMs)
    if (reply.quietMs > 0) {
      closedUntil.read = closedUntil.write = 0
      offline.quiet(begun, reply.quietMs, believed)
    } else {
      // A newer run reported less to Redis than an older reply may grant.
      const reserved = run < sent ? lesser(reply, offline.reservation()) : reply
      offline.contact({ at: begun, reporting: reporting + offline.unreported(), ...reply, ...reserved })
    }
    return { ...reply, made }
  }

  function failed (): void {
    failing = true
    // One slow answer is no change of state.
    if (now() - answeredAt >= 2 * beatMs) change('redis_unreachable')
  }

  function change (next: OfflineCause | null): void {
    if (next === cause) return
    cause = next
    options.onShare(next)
  }

  const timeout = (): number => options.timeoutMs
  // The first contact is not awaited: lookups that come before it ask Redis themselves.
  run('beat', () => connectMs).catch(() => {})

  // Shows the others that this process lives, and keeps its knowledge of the quota fresh. The next beat makes up for a
  // failed one. Without a limit per minute there is nothing to keep fresh, but calls made without Redis are reported.
  const sendBeat = (): void => {
    if (limits.minute !== null || offline.unreported() > 0) run('beat', timeout).catch(() => {})
  }
  const beat = limits.all.length === 0 ? undefined : setInterval(sendBeat, beatMs).unref()

  function refusal (write: boolean): UnknownAnswer | null {
    const waitMs = (write ? closedUntil.write : closedUntil.read) - now()
    return waitMs > 0 ? exhausted(waitMs) : null
  }

  return {
    refusal,
    async take (write, redisBudget) {
      const refused = refusal(write)
      if (refused !== null) return refused
      if (offline.isQuiet() || redisBudget?.leftMs() === 0) return offline.take(write)
      if (redis.answers?.(keys[0]) === false) {
        failed()
        return offline.take(write)
      }
      const begun = now()
      let reply: Answered
      try {
        const running = run(write ? 'write' : 'read', redisBudget?.leftMs ?? timeout)
        reply = await (redisBudget?.wait(running) ?? running)
      } catch {
        return offline.take(write)
      }
      switch (reply.answer) {
        case 'quiet': return offline.take(write)
        case 'held': {
          const retryAfterSeconds = reply.waitMs / 1000
          return { verdict: 'unknown', reason: reply.reason, retryAfterSeconds, cause: heldCause }
        }
        case 'full':
          closedUntil.read = now() + reply.waitMs
          if (write) closedUntil.write = closedUntil.read
          return exhausted(reply.waitMs)
        case 'burst': return burstFull(reply.waitMs)
        // A permit that took so long to arrive may belong to a window that is over.
        case 'ok':
          if (now() - begun > windows.slackMs) return exhausted(0)
          return offline.granted(write, reply.made, reply) ? null : exhausted(beatMs)
      }
    },
    hold (reason, forMs) {
      // While Redis is away, each process gets the provider's own refusal.
      redis.run(holdScript, [keys[4]!], [reason, Math.ceil(forMs)], options.timeoutMs).catch(() => {})
    },
    left () {
      if (limits.all.length === 0) return {}
      const isOffline = failing || offline.isQuiet()
      const { usedMinute, usedDay } = last ?? { usedMinute: 0, usedDay: 0 }
      const minuteLeft = isOffline ? offline.minuteLeft() : Math.max(0, (limits.minute?.max ?? 0) - usedMinute)
      return {
        quota: isOffline ? 'offline_share' : 'shared',
        ...limits.minute !== null && { minuteLeft },
        ...limits.day !== null && { dayLeft: Math.max(0, limits.day.max - usedDay) }
      }
    },
    async close () {
      clearInterval(beat)
      await Promise.allSettled(inFlight)
      try {
        if (offline.unreported() > 0) await run('beat', timeout)
        // What is reserved for a process makes up for calls that it could not report, unless it was away for too long.
        if (offline.unreported() + reporting > 0) return
        await redis.run(quotaScript, keys, ['leave', me], options.timeoutMs)
      } catch {
        // The script forgets this process after a while.
      }
    }
  }
}

function lesser (one: Reservation, other: Reservation): Reservation {
  return { part: Math.min(one.part, other.part), readPart: Math.min(one.readPart, other.readPart) }
}
