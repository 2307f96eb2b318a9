import type { ClientIpOptions, SetCloudflareRanges, Stats } from '../../types/contract.ts'
import { cloudflareDate } from '../ip/index.ts'

export interface RangesAge {
  readonly set: SetCloudflareRanges
  /** Empty where no list is used, or its age is not known. */
  age (): Pick<Stats['clientIp'], 'cloudflareRangesAgeSeconds'>
}

/** The age of the list of Cloudflare's ranges: since its date where it is the bundled one, else since it was set. */
export function rangesAge (
  options: ClientIpOptions | undefined, set: SetCloudflareRanges, now: () => number
): RangesAge {
  const { cloudflare } = options ?? {}
  const bundled = cloudflare === true || (typeof cloudflare === 'object' && cloudflare.ranges === undefined)
  let sinceMs = bundled ? Date.parse(cloudflareDate) : undefined
  return {
    set (ranges) {
      const result = set(ranges)
      if (result.accepted) sinceMs = now()
      return result
    },
    age: () => sinceMs === undefined
      ? {}
      : { cloudflareRangesAgeSeconds: Math.max(0, Math.floor((now() - sinceMs) / 1000)) }
  }
}
