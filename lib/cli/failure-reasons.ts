import type { UnknownReason } from '../../types/contract.ts'

/** Reasons that count as failures: something did not work, rather than no data on the address. */
export const failureReasons: ReadonlySet<UnknownReason | undefined> = new Set([
  'timeout', 'unavailable', 'overloaded', 'rate_limited', 'quota_exhausted', 'rejected', 'bad_response'
])
