import type { RawRequest } from '../../types/contract.ts'
import type { RoutePolicy } from '../options/index.ts'

/**
 * Whether nobody waits for the answer to this request any more. A client that only stopped sending (a half-close) is not gone.
 * After a reset the peer's address cannot be read, so a policy would judge nobody: an attacker needs no answer to a withdrawal.
 */
export function isGone ({ socket, stream }: RawRequest): boolean {
  if (stream?.destroyed === true || stream?.closed === true || socket?.destroyed === true) return true
  return socket?.remoteAddress === undefined && socket?.localAddress !== undefined
}

/**
 * Whether the request ends here because its client is gone. Monitor mode never acts: a sender that does not wait for answers would lose
 * its requests on the day it is switched on.
 */
export function endsAsGone (request: RawRequest, { marked, mode }: Pick<RoutePolicy, 'marked' | 'mode'>): boolean {
  return marked && mode === 'enforce' && isGone(request)
}
