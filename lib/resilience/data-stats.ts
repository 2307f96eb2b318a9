import type { Provider, ProviderStats } from '../../types/contract.ts'

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
