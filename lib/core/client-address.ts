import type {
  ClientIp, ClientIpExplanation, ClientIpOptions, IpRiskLogger, RawRequest, ResolveReason, SetCloudflareRanges, Stats
} from '../../types/contract.ts'
import { type ClientIpFinder, createClientIp, type Watch, watchMisconfiguration } from '../client-ip/index.ts'
import { cloudflareDate } from '../ip/index.ts'

/** How the address of a client is found. */
export interface ClientAddress {
  /** As `ClientIpFinder.resolve`. Also notices what only traffic shows to be misconfigured. */
  readonly resolve: ClientIpFinder['resolve']
  readonly explain: (request: RawRequest) => ClientIpExplanation
  readonly setCloudflareRanges: SetCloudflareRanges
  /** Whether any forwarding header may be read. */
  readonly readsHeaders: boolean
  /** Compares our address with the framework's own, for applications with a second trust setting. */
  readonly compareAddress: Watch['compare']
}

/** Throws an `IpRiskError` that names the option. */
export function createClientAddress (
  options: ClientIpOptions | undefined, log: IpRiskLogger, now: () => number
): { readonly clientAddress: ClientAddress, stats (): Stats['clientIp'] } {
  const clientIp = createClientIp(options, log, now())
  for (const warning of clientIp.warnings) log.warn({ code: 'IP_RISK_CLIENT_IP_DOUBTFUL' }, warning)
  const watch = watchMisconfiguration(clientIp, log)
  const cloudflareRanges = rangesAge(options, clientIp.setCloudflareRanges, now)
  const rejected = countRejectedAddresses()
  return {
    clientAddress: {
      resolve (request, peer) {
        const address = clientIp.resolve(request, peer)
        watch.see(address, request)
        rejected.see(address)
        return address
      },
      explain: clientIp.explain,
      setCloudflareRanges: cloudflareRanges.set,
      readsHeaders: clientIp.readsHeaders,
      compareAddress: watch.compare
    },
    stats: () => ({ rejected: rejected.counts(), ...cloudflareRanges.age() })
  }
}

/** The age of the list of Cloudflare's ranges: since its date where it is the bundled one, else since it was set. */
function rangesAge (
  options: ClientIpOptions | undefined, set: SetCloudflareRanges, now: () => number
) {
  const { cloudflare } = options ?? {}
  const bundled = cloudflare === true || (typeof cloudflare === 'object' && cloudflare.ranges === undefined)
  let sinceMs = bundled ? Date.parse(cloudflareDate) : undefined
  return {
    set (ranges: Parameters<SetCloudflareRanges>[0]) {
      const result = set(ranges)
      if (result.accepted) sinceMs = now()
      return result
    },
    /** Empty where no list is used, or its age is not known. */
    age: (): Pick<Stats['clientIp'], 'cloudflareRangesAgeSeconds'> => sinceMs === undefined
      ? {}
      : { cloudflareRangesAgeSeconds: Math.max(0, Math.floor((now() - sinceMs) / 1000)) }
  }
}

/** No trusted proxy wrote this header, so its sender may have put anything there. */
const forged: ReadonlySet<ResolveReason> = new Set(['peer_untrusted', 'not_cloudflare', 'no_peer'])
/** The header of a trusted proxy holds no usable address of a client. */
const unreadable: ReadonlySet<ResolveReason | undefined> = new Set([
  'multiple_values', 'invalid_value', 'invalid_hop', 'hop_limit', 'too_few_hops', 'conflict', 'truncated_headers',
  'private_client_from_public_proxy'
])

/** Counts a request at most once for each cause. */
function countRejectedAddresses () {
  const counts = { forged_header: 0, bad_entry: 0, no_address: 0 }
  return {
    see ({ ip, reason, ignored }: ClientIp): void {
      if (ip === null) counts.no_address++
      if (ignored.length > 0 && ignored.some(({ why }) => forged.has(why))) counts.forged_header++
      if (reason !== undefined && unreadable.has(reason)) counts.bad_entry++
    },
    counts: (): Stats['clientIp']['rejected'] => ({ ...counts })
  }
}
