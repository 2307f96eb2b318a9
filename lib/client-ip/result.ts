import { SCOPE_MASK, embeddedIPv4, scopes } from '../ip/scopes.ts'
import type { AddressSource, ClientIp, IgnoredHeader, ResolveReason } from '../../types/contract.ts'

export const nothingIgnored: readonly IgnoredHeader[] = Object.freeze([])

/** The answer where there is an address: it stands in `words`, and `mark` is what the trust map says of it. One shape for all. */
export function addressResult (
  ip: string, family: 4 | 6, mark: number, source: AddressSource, peer: string | null, hops: number,
  infrastructure: boolean, worker: boolean, reason: ResolveReason | undefined, ignored: readonly IgnoredHeader[]
): ClientIp {
  const scope = scopes[mark & SCOPE_MASK]!
  return {
    ip,
    source,
    peer,
    hops,
    scope,
    infrastructure,
    worker,
    reason,
    ignored,
    version: family,
    embeddedIPv4: family === 6 && scope !== 'public' ? embeddedText(scope) : undefined
  }
}

/** The answer where there is none: no usable peer, a unix socket whose proxy named nobody, headers that cannot be believed. */
export function noAddress (
  infrastructure: boolean, reason: ResolveReason | undefined, ignored: readonly IgnoredHeader[], peer: string | null = null
): ClientIp {
  return {
    ip: null,
    source: 'none',
    peer,
    hops: 0,
    scope: null,
    infrastructure,
    worker: false,
    reason,
    ignored,
    version: undefined,
    embeddedIPv4: undefined
  }
}

function embeddedText (scope: (typeof scopes)[number]): string | undefined {
  const value = embeddedIPv4(scope)
  return value < 0 ? undefined : `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** Headers in which somebody names an address. True-Client-IP and the like are never read, and so never reported. */
export const forwardingHeaders = ['cf-connecting-ip', 'x-forwarded-for', 'forwarded', 'x-real-ip'] as const
