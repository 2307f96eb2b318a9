import type { UnknownAnswer } from '../../types/contract.ts'
import type { ScriptRunner } from '../redis/index.ts'
import type { RedisBudget } from '../util/index.ts'
import { exhausted, type Quota, readsOf } from './quota.ts'

export type CalendarUnit = 'day' | 'month'

const longestMs: Readonly<Record<CalendarUnit, number>> = { day: 26 * 3_600_000, month: 32 * 86_400_000 }

function calendarIds (unit: CalendarUnit, timeZone: string): (atMs: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return atMs => format.format(atMs).slice(0, unit === 'day' ? 10 : 7)
}

/** The calendar day (`2026-11-28`) or month (`2026-11`) of a time, in an IANA time zone, and when it ends. */
export function calendarWindow (
  unit: CalendarUnit, timeZone: string, atMs: number
): { readonly id: string, readonly endsMs: number } {
  const idAt = calendarIds(unit, timeZone)
  const id = idAt(atMs)
  let [inside, after] = [atMs, atMs + longestMs[unit]]
  while (after - inside > 1) {
    const middle = Math.floor((inside + after) / 2)
    if (idAt(middle) === id) inside = middle
    else after = middle
  }
  return { id, endsMs: after }
}

/** Clocks differ, and a reply may be about the window before: for so long nothing is believed of a new one. */
const settlingMs = 300_000

/** Whether the window at that time is younger than `settlingMs`. */
export function hasJustBegun (unit: CalendarUnit, timeZone: string, atMs: number): boolean {
  const idAt = calendarIds(unit, timeZone)
  return idAt(atMs - settlingMs) !== idAt(atMs)
}

/** An amount (calls, or money) that may be used in a calendar day or month, of which a part is kept for writes. */
export interface CalendarBudget {
  readonly unit: CalendarUnit
  /** What is known in this process: a refusal that costs nothing, or null. */
  refusal (write: boolean, amount: number): UnknownAnswer | null
  /** Uses the amount: null, or `quota_exhausted` until the window ends. Never rejects. */
  take (write: boolean, amount: number, redisBudget?: RedisBudget): Promise<UnknownAnswer | null>
  /**
   * The service says that so much is left, by its own count. It only lowers what is left, of the part of writes too.
   * Not believed in the first minutes of a window.
   */
  reported (left: number): void
  used (): number
  /** Infinity without a limit. */
  left (): number
}

interface CalendarBudgetOptions {
  readonly unit: CalendarUnit
  /** Infinity: no limit but what the service reports. */
  readonly max: number
  readonly reserveForWrites: number
  /** Default `UTC`. */
  readonly timeZone?: string | undefined
  /** Milliseconds since 1970. */
  readonly wallNow: () => number
  /** With a key: all processes share the count. */
  readonly redis?: { readonly runner: ScriptRunner, readonly key: string, readonly timeoutMs: number } | undefined
}

/**
 * Counts in one hash per window. A process sends what it knows as a floor, so that a count that Redis lost comes back,
 * and what it used while Redis was away.
 */
const calendarScript = `
local stored = redis.call('HMGET', KEYS[1], 'all', 'reads')
local max, maxReads, isRead, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == 'read', tonumber(ARGV[4])
local all = math.max(tonumber(stored[1] or '0'), tonumber(ARGV[5])) + tonumber(ARGV[7])
local reads = math.max(tonumber(stored[2] or '0'), tonumber(ARGV[6])) + tonumber(ARGV[8])
local granted = 0
if all + amount <= max + 1e-6 and (not isRead or reads + amount <= maxReads + 1e-6) then
  granted = 1
  all = all + amount
  if isRead then reads = reads + amount end
end
redis.call('HSET', KEYS[1], 'all', string.format('%.6f', all), 'reads', string.format('%.6f', reads))
redis.call('PEXPIRE', KEYS[1], ARGV[9])
return { granted, string.format('%.6f', all), string.format('%.6f', reads) }
`

/** While Redis is away, each process may use a quarter of what it knows to be left. */
const offlinePart = 0.25
const margin = 1e-6
const hourMs = 3_600_000

interface Amounts { readonly all: number, readonly reads: number }
const none: Amounts = { all: 0, reads: 0 }

export function calendarBudget (options: CalendarBudgetOptions): CalendarBudget {
  const { unit, reserveForWrites, timeZone = 'UTC', wallNow, redis } = options
  let max = options.max
  let window = { id: '', fromMs: Infinity, settledMs: Infinity, endsMs: -Infinity }
  /** Counted where the limit is counted. */
  let known = none
  /** Used here and not yet sent to Redis. */
  let pending = none

  function roll (): void {
    const now = wallNow()
    // A clock that was far ahead and was set right must not keep a window of the future.
    if (now < window.endsMs && now > window.fromMs - hourMs) return
    const { id, endsMs } = calendarWindow(unit, timeZone, now)
    const isSame = id === window.id
    const settledMs = hasJustBegun(unit, timeZone, now) ? now + settlingMs : -Infinity
    window = { id, fromMs: now, settledMs, endsMs }
    if (isSame) return
    max = options.max
    known = pending = none
  }

  const spent = (): UnknownAnswer => exhausted(Math.max(1, window.endsMs - wallNow()))
  /** As of calls: whole ones stay with the reads, and of money the exact part. */
  const readsMax = (): number =>
    !Number.isFinite(max) ? max : Number.isInteger(max) ? readsOf(max, reserveForWrites) : max * (1 - reserveForWrites)
  const add = (to: Amounts, write: boolean, amount: number): Amounts =>
    ({ all: to.all + amount, reads: to.reads + (write ? 0 : amount) })

  function refusal (write: boolean, amount: number): UnknownAnswer | null {
    if (max === Infinity) return null // nothing is counted, and no time zone is computed
    roll()
    const fits = known.all + pending.all + amount <= max + margin &&
      (write || known.reads + pending.reads + amount <= readsMax() + margin)
    return fits ? null : spent()
  }

  function offline (write: boolean, amount: number): UnknownAnswer | null {
    const fits = pending.all + amount <= (max - known.all) * offlinePart + margin &&
      (write || pending.reads + amount <= (readsMax() - known.reads) * offlinePart + margin)
    if (!fits) return spent()
    pending = add(pending, write, amount)
    return null
  }

  return {
    unit,
    refusal,
    async take (write, amount, redisBudget) {
      const refused = refusal(write, amount)
      if (refused !== null) return refused
      if (max === Infinity) return null
      if (redis === undefined || options.max === Infinity) {
        known = add(known, write, amount)
        return null
      }
      if (redisBudget?.leftMs() === 0) return offline(write, amount)
      const { id, endsMs } = window
      const sent = pending
      pending = none
      try {
        const args = [
          max, readsMax(), write ? 'write' : 'read', amount, known.all, known.reads, sent.all, sent.reads,
          Math.ceil(endsMs - wallNow()) + 60_000
        ]
        const running = redis.runner.run(
          calendarScript, [`${redis.key}:${id}`], args, redisBudget?.leftMs() ?? redis.timeoutMs)
        const [granted, all, reads] = await (redisBudget?.wait(running) ?? running) as [number, string, string]
        if (!Number.isFinite(Number(all))) throw new TypeError('the calendar script answered something else')
        if (window.id === id) known = { all: Math.max(known.all, Number(all)), reads: Number(reads) }
        return granted === 1 ? null : spent()
      } catch {
        roll()
        // Perhaps Redis counted it: rather twice than not at all.
        if (window.id === id) pending = { all: pending.all + sent.all, reads: pending.reads + sent.reads }
        return offline(write, amount)
      }
    },
    reported (left) {
      // A count such as NaN, of a header that is absent, would refuse everything until the window ends.
      if (!Number.isFinite(left)) return
      roll()
      if (wallNow() < window.settledMs) return
      const own = known.all + pending.all
      const leftAtLeast = Math.max(0, left)
      if (options.max === Infinity) max = own + leftAtLeast
      const others = Math.max(0, max - leftAtLeast - own)
      known = { all: known.all + others, reads: known.reads + others * (1 - reserveForWrites) }
    },
    used () {
      roll()
      return known.all + pending.all
    },
    left () {
      if (max === Infinity) return Infinity
      roll()
      return Math.max(0, max - known.all - pending.all)
    }
  }
}

/** What one call uses of a calendar budget: 1, or its price. */
export interface Charge { readonly budget: CalendarBudget, readonly amount: number }

/** A quota that also charges calendar budgets. They are charged last: a refused call is not charged. */
export function withCharges (quota: Quota, charges: readonly Charge[]): Quota {
  if (charges.length === 0) return quota

  function refusal (write: boolean): UnknownAnswer | null {
    for (const { budget, amount } of charges) {
      const refused = budget.refusal(write, amount)
      if (refused !== null) return refused
    }
    return quota.refusal(write)
  }

  return {
    ...quota,
    refusal,
    async take (write, redisBudget) {
      const refused = refusal(write) ?? await quota.take(write, redisBudget)
      if (refused !== null) return refused
      for (const { budget, amount } of charges) {
        const spent = await budget.take(write, amount, redisBudget)
        if (spent !== null) return spent
      }
      return null
    }
  }
}
