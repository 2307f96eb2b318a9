import type { ClientIp, ResolveReason } from '../../types/contract.ts'
import type { RejectedAddresses } from '../../types/telemetry.ts'

export interface RejectedAddressCounts {
  see (address: ClientIp): void
  counts (): RejectedAddresses
}

/** No trusted proxy wrote this header, so its sender may have put anything there. */
const forged: ReadonlySet<ResolveReason> = new Set(['peer_untrusted', 'not_cloudflare', 'no_peer'])
/** A trusted proxy sent what names no client. */
const unreadable: ReadonlySet<ResolveReason | undefined> = new Set([
  'multiple_values', 'invalid_value', 'invalid_hop', 'hop_limit', 'too_few_hops', 'conflict', 'truncated_headers',
  'private_client_from_public_proxy'
])

/** Counts a request at most once for each cause. */
export function countRejectedAddresses (): RejectedAddressCounts {
  const counts = { forged_header: 0, bad_entry: 0, no_address: 0 }
  return {
    see ({ ip, reason, ignored }) {
      if (ip === null) counts.no_address++
      if (ignored.length > 0 && ignored.some(({ why }) => forged.has(why))) counts.forged_header++
      if (reason !== undefined && unreadable.has(reason)) counts.bad_entry++
    },
    counts: () => ({ ...counts })
  }
}
