import type { CompositeStats, Provider, ProviderLimits, Remaining } from '../../types/contract.ts'
import {
  type CalendarBudget, calendarBudget, type CalendarUnit, type Charge, type Quota, withCharges
} from '../rate-limit/index.ts'
import type { ScriptRunner } from '../redis/index.ts'
import { isComposite, membersOf } from '../verdict/index.ts'

interface CalendarLimits {
  /** The quota with the calendar limits inside. */
  around (quota: Quota): Quota
  /** What the service says is left; with a limit of ours, only ever less. */
  reported (left: Remaining): void
}

type Shared = Parameters<typeof calendarBudget>[0]['redis']

/** The limits of a calendar day and month of one account. Without them, what the service reports still counts. */
export function calendarLimits (
  limits: ProviderLimits,
  { reserveForWrites, wallNow, redis }: {
    readonly reserveForWrites: number, readonly wallNow: () => number, readonly redis: Shared | undefined
  }
): CalendarLimits {
  const create = (unit: CalendarUnit, max = Infinity): CalendarBudget => calendarBudget({
    unit,
    max,
    reserveForWrites,
    timeZone: limits.timeZone,
    wallNow,
    redis: redis && { ...redis, key: `${redis.key}:${unit}` }
  })
  const day = create('day', limits.perCalendarDay)
  const month = create('month', limits.perMonth)
  let creditLeft: number | undefined

  return {
    around (quota) {
      const charged = withCharges(quota, [day, month].map(budget => ({ budget, amount: 1 })))
      return {
        ...charged,
        left () {
          const left = quota.left()
          const dayLeft = Math.min(left.dayLeft ?? Infinity, day.left())
          return {
            ...left,
            ...Number.isFinite(dayLeft) && { dayLeft },
            ...Number.isFinite(month.left()) && { monthLeft: month.left() },
            ...creditLeft !== undefined && { creditLeft }
          }
        },
        async close () { await Promise.all([quota, day, month].map(part => part.close())) }
      }
    },
    reported (left) {
      if (left.day !== undefined) day.reported(left.day)
      if (left.month !== undefined) month.reported(left.month)
      if (Number.isFinite(left.credit)) creditLeft = left.credit
    }
  }
}

interface MoneyBudgets {
  /** What one call of a provider costs, in each budget around it. */
  chargesOf (provider: Provider): readonly Charge[]
  /** `costOf`: what the calls of one provider have cost so far. */
  stats (costOf: (provider: Provider) => number): Record<string, CompositeStats>
  close (): Promise<void>
}

interface MoneyBudgetsDeps {
  readonly wallNow: () => number
  readonly redis: ScriptRunner | undefined
  readonly timeoutMs: number
}

/** The budgets in money of all composites below a root, and the counters that composites keep themselves. */
export function moneyBudgets (root: Provider, { wallNow, redis, timeoutMs }: MoneyBudgetsDeps): MoneyBudgets {
  const budgets = new Map<Provider, CalendarBudget>()
  const charges = new Map<Provider, Charge[]>()
  const composites: Provider[] = []

  function visit (provider: Provider, around: readonly CalendarBudget[]): void {
    if (!isComposite(provider)) {
      const { costPerCall: amount } = provider
      if (amount === undefined) return
      const known = charges.get(provider) ?? []
      const added = around.filter(budget => known.every(charge => charge.budget !== budget))
      charges.set(provider, [...known, ...added.map(budget => ({ budget, amount }))])
      return
    }
    if (!composites.includes(provider)) composites.push(provider)
    const { name, maxCostPerDay, reserveForWrites = 0.5, candidate } = provider
    if (maxCostPerDay !== undefined && !budgets.has(provider)) {
      const shared = redis && { runner: redis, key: `ip-risk:quota:{${name}}:cost`, timeoutMs }
      const max = maxCostPerDay
      budgets.set(provider, calendarBudget({ unit: 'day', max, reserveForWrites, wallNow, redis: shared }))
    }
    const own = budgets.get(provider)
    const mine = own === undefined ? [] : [own]
    for (const member of membersOf(provider)) {
      if (candidate === undefined) visit(member, [...around, ...mine])
      else visit(member, member === candidate ? mine : around)
    }
  }
  visit(root, [])

  return {
    chargesOf: provider => charges.get(provider) ?? [],
    stats (costOf) {
      const costBelow = (provider: Provider): number => isComposite(provider)
        ? membersOf(provider).reduce((sum, member) => sum + costBelow(member), 0)
        : costOf(provider)
      const all = composites.filter(isComposite).map((composite): [string, CompositeStats] => {
        const budget = budgets.get(composite)
        const { maxCostPerDay } = composite
        return [composite.name, {
          ...composite.stats?.(costBelow),
          ...budget !== undefined && maxCostPerDay !== undefined && { costToday: budget.used(), maxCostPerDay }
        }]
      })
      return Object.fromEntries(all.filter(([, stats]) => Object.keys(stats).length > 0))
    },
    async close () { await Promise.all([...budgets.values()].map(async budget => await budget.close())) }
  }
}
