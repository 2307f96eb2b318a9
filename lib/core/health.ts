import type { ProviderStats, Stats } from '../../types/contract.ts'
import { ageText } from '../util/index.ts'
import type { Health, HealthReason } from '../../types/telemetry.ts'

type Reason = Health['reasons'][number]

const rangesOldSeconds = 180 * 86_400

/** What an operator should know of, though requests continue. A pure function of the counters. */
export function healthOf ({ redis, providers, clientIp }: Stats): Health {
  const reasons: Reason[] = [
    ...redis === 'down' ? [reason('redis_down', 'Redis does not answer, so each process keeps its own verdicts')] : [],
    ...redis === 'degraded' ? [reason('redis_degraded', 'some nodes of the Redis Cluster do not answer')] : [],
    ...Object.entries(providers).flatMap(([name, stats]) => reasonsOf(name, stats)),
    ...(clientIp.cloudflareRangesAgeSeconds ?? 0) > rangesOldSeconds
      ? [reason('cloudflare_ranges_old', 'the list of Cloudflare\'s ranges is older than 180 days')]
      : []
  ]
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
}

function reasonsOf (provider: string, stats: ProviderStats): Reason[] {
  const { breaker, pausedSeconds, quota, minuteLeft, dayLeft, monthLeft } = stats
  const { dataAgeSeconds: age, dataOldAfterSeconds: oldAfter = Infinity } = stats
  const found: Reason[] = []
  if (breaker !== 'closed') {
    found.push(reason('provider_circuit_open', 'the provider keeps failing and is not called', provider))
  }
  if (pausedSeconds > 0) {
    found.push(reason('provider_paused', `the provider refused us and is not called for ${pausedSeconds} s`, provider))
  }
  if (minuteLeft === 0 || dayLeft === 0 || monthLeft === 0) {
    const window = monthLeft === 0 ? 'month' : dayLeft === 0 ? 'day' : 'minute'
    found.push(reason('quota_exhausted', `no call is left in this ${window}`, provider))
  }
  if (quota === 'offline_share') {
    found.push(reason('quota_offline_share', 'this process uses only its own share of the limits', provider))
  }
  if (stats.dataIsLoading === true) {
    found.push(reason('data_loading', 'its data are being loaded, and its answers are "unknown" until then', provider))
  }
  if (stats.dataIsMissing === true) {
    const fix = 'get them, with "ip-risk lists pull" for public lists'
    found.push(reason('data_missing', `it has no data, so its answers are "unknown": ${fix}`, provider))
  }
  if (age !== undefined && age >= oldAfter) {
    const fix = 'renew them, with "ip-risk lists pull" for public lists'
    found.push(reason('data_old', `its data are ${ageText(age)} old: ${fix}`, provider))
  }
  return found
}

function reason (code: HealthReason, message: string, provider?: string): Reason {
  return { code, ...provider !== undefined && { provider }, message }
}
