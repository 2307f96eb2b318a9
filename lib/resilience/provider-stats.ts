import type { Provider, ProviderLimits, ProviderStats } from '../../types/contract.ts'

type DataStats = Pick<ProviderStats, 'dataAgeSeconds' | 'dataIsLoading' | 'dataIsMissing' | 'dataOldAfterSeconds'>

/** Read each time: a provider that watches its files has other data after a while. */
export function dataStats (
  { dataBuiltAtMs, dataIsLoading, dataIsMissing, dataOldAfterSeconds }: Provider, nowMs: number
): DataStats {
  if (dataIsLoading === true) return { dataIsLoading }
  if (dataIsMissing === true) return { dataIsMissing }
  if (dataBuiltAtMs === undefined || !Number.isFinite(dataBuiltAtMs)) return {}
  return {
    dataAgeSeconds: Math.max(0, Math.floor((nowMs - dataBuiltAtMs) / 1000)),
    ...dataOldAfterSeconds !== undefined && { dataOldAfterSeconds }
  }
}

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
