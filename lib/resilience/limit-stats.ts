import type { ProviderLimits, ProviderStats } from '../../types/contract.ts'

type LimitStats = Pick<ProviderStats, 'minuteLimit' | 'dayLimit' | 'monthLimit'>

/** The limits as `stats()` shows them; of two limits on a day, the lower one. */
export function limitStats ({ perMinute, perDay, perCalendarDay, perMonth }: ProviderLimits = {}): LimitStats {
  const day = Math.min(perDay ?? Infinity, perCalendarDay ?? Infinity)
  return {
    ...perMinute !== undefined && { minuteLimit: perMinute },
    ...day !== Infinity && { dayLimit: day },
    ...perMonth !== undefined && { monthLimit: perMonth }
  }
}
