import { quotaLimits, realWindows } from '../../lib/rate-limit/quota.ts'
import type { Quota } from '../../lib/rate-limit/index.ts'
import { redisQuota } from '../../lib/rate-limit/redis-quota.ts'
import type { ScriptRunner } from '../../lib/redis/index.ts'
import type { ProviderLimits } from '../../types/contract.ts'

/** A quota under the key `k` in Redis. A pause by another process fails the test unless `options` expect it. */
export function quotaOver (
  t: { fail (): unknown }, redis: ScriptRunner, limits: ProviderLimits, options: Partial<Parameters<typeof redisQuota>[0]> = {}
): Quota {
  const windows = options.windows ?? realWindows
  return redisQuota({
    redis,
    key: 'k',
    limits: quotaLimits(limits, options.reserveForWrites ?? 0, windows),
    reserveForWrites: 0,
    windows,
    timeoutMs: 100,
    now: Date.now,
    onHold: () => t.fail(),
    onShare () {},
    ...options
  })
}
