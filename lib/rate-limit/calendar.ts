import { randomUUID } from 'node:crypto'
import type { UnknownAnswer } from '../../types/contract.ts'
import type { ScriptRunner } from '../redis/index.ts'
import type { RedisBudget } from '../util/index.ts'
import { calendarScript } from './calendar-script.ts'
import { type CalendarUnit, calendarWindow, hasJustBegun, settlingMs } from './calendar-window.ts'
import { exhausted, type Quota, readsOf } from './quota.ts'

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
  /** Reports to Redis what was used while it was away. Never rejects. */
  close (): Promise<void>
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

/** While Redis is away, each process may use a quarter of what it knows to be left. */
const offlinePart = 0.25
const margin = 1e-6
const hourMs = 3_600_000
/** How soon what was used while Redis was away is reported, if no other call does it. */
const reportMs = 2_000

interface Amounts { readonly all: number, readonly reads: number }
const none: Amounts = { all: 0, reads: 0 }

export function calendarBudget (options: CalendarBudgetOptions): CalendarBudget {
  const { unit, reserveForWrites, timeZone = 'UTC', wallNow, redis } = options
  let max = options.max
  let window = { id: '', fromMs: Infinity, settledMs: Infinity, endsMs: -Infinity }
  /** Counted where the limit is counted. */
  let known = none
  /** Used in this window without Redis, and what Redis is known to have of it. */
  let offlineUsed = none
  let reported = none
  let me = randomUUID()
  let timer: NodeJS.Timeout | undefined
  let closed = false

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
    known = offlineUsed = reported = none
    me = randomUUID() // what it has reported before is none of this
  }

  const spent = (): UnknownAnswer => exhausted(Math.max(1, window.endsMs - wallNow()))
  /** As of calls: whole ones stay with the reads, and of money the exact part. */
  const readsMax = (): number =>
    !Number.isFinite(max) ? max : Number.isInteger(max) ? readsOf(max, reserveForWrites) : max * (1 - reserveForWrites)
  const add = (to: Amounts, write: boolean, amount: number): Amounts =>
    ({ all: to.all + amount, reads: to.reads + (write ? 0 : amount) })
  const sum = (a: Amounts, b: Amounts): Amounts => ({ all: a.all + b.all, reads: a.reads + b.reads })
  const unreported = (): Amounts =>
    ({ all: Math.max(0, offlineUsed.all - reported.all), reads: Math.max(0, offlineUsed.reads - reported.reads) })

  function refusal (write: boolean, amount: number): UnknownAnswer | null {
    if (max === Infinity) return null // nothing is counted, and no time zone is computed
    roll()
    const used = sum(known, unreported())
    const fits = used.all + amount <= max + margin && (write || used.reads + amount <= readsMax() + margin)
    return fits ? null : spent()
  }

  function offline (write: boolean, amount: number): UnknownAnswer | null {
    const { all, reads } = unreported()
    const fits = all + amount <= (max - known.all) * offlinePart + margin &&
      (write || reads + amount <= (readsMax() - known.reads) * offlinePart + margin)
    if (!fits) return spent()
    offlineUsed = add(offlineUsed, write, amount)
    reportLater()
    return null
  }

  /** Whether Redis grants the amount, after it has counted what was used without it. */
  async function granted (
    { runner, key, timeoutMs }: NonNullable<typeof redis>, write: boolean, amount: number, redisBudget?: RedisBudget
  ): Promise<boolean> {
    const { id, endsMs } = window
    const [sent, sender] = [offlineUsed, me]
    try {
      const args = [
        max, readsMax(), write ? 'write' : 'read', amount, known.all, known.reads, sent.all, sent.reads, reported.all,
        reported.reads, Math.ceil(endsMs - wallNow()) + 60_000, me
      ]
      const running = runner.run(calendarScript, [`${key}:${id}`], args, redisBudget?.leftMs() ?? timeoutMs)
      const [answer, all, reads] = await (redisBudget?.wait(running) ?? running) as [unknown, string, string]
      if (!Number.isFinite(Number(all))) throw new TypeError('the calendar script answered something else')
      if (sender === me) {
        known = { all: Math.max(known.all, Number(all)), reads: Math.max(known.reads, Number(reads)) }
        reported = { all: Math.max(reported.all, sent.all), reads: Math.max(reported.reads, sent.reads) }
      }
      return Number(answer) === 1 // text from a client with `stringNumbers`
    } catch (err) {
      roll()
      reportLater()
      throw err
    }
  }

  async function report (): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    roll()
    if (redis !== undefined && unreported().all > 0) await granted(redis, true, 0).catch(() => {})
  }

  function reportLater (): void {
    if (!closed) timer ??= setTimeout(report, reportMs).unref()
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
      try {
        return await granted(redis, write, amount, redisBudget) ? null : spent()
      } catch {
        return offline(write, amount)
      }
    },
    reported (left) {
      // A count such as NaN, of a header that is absent, would refuse everything until the window ends.
      if (!Number.isFinite(left)) return
      roll()
      if (wallNow() < window.settledMs) return
      const own = known.all + unreported().all
      const leftAtLeast = Math.max(0, left)
      if (options.max === Infinity) max = own + leftAtLeast
      const others = Math.max(0, max - leftAtLeast - own)
      known = { all: known.all + others, reads: known.reads + others * (1 - reserveForWrites) }
    },
    used () {
      roll()
      return known.all + unreported().all
    },
    left () {
      if (max === Infinity) return Infinity
      roll()
      return Math.max(0, max - known.all - unreported().all)
    },
    async close () {
      closed = true
      await report()
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
        redisBudget?.renewIfLeft()
        const spent = await budget.take(write, amount, redisBudget)
        if (spent !== null) return spent
      }
      return null
    }
  }
}
