import type {
  ClientIp, ClientIpExplanation, ClientIpOptions, IpRiskLogger, RawRequest, SetCloudflareRanges, Stats
} from '../../types/contract.ts'
import { createClientIp, type Watch, watchMisconfiguration } from '../client-ip/index.ts'
import { rangesAge } from './cloudflare-ranges-age.ts'
import { countRejectedAddresses } from './rejected-addresses.ts'

/** How the address of a client is found. */
export interface ClientAddress {
  /** Also notices what only traffic shows to be misconfigured. */
  readonly resolve: (request: RawRequest) => ClientIp
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
      resolve (request) {
        const address = clientIp.resolve(request)
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
