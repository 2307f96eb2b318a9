import type {
  AddressSource, ClientIp, IgnoredHeader, IpRiskLogger, RawRequest, ResolveReason
} from '../../types/contract.ts'
import { embeddedIPv4, parseAddress, SCOPE_MASK, scopes } from '../ip/index.ts'
import { isThenable } from '../util/index.ts'

export const nothingIgnored: readonly IgnoredHeader[] = Object.freeze([])

/**
 * The answer where there is an address, and `mark` is what the trust map says of it. One shape for all.
 */
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
    embeddedIPv4: family === 6 && scope !== 'public' ? embeddedText(ip, scope) : undefined
  }
}

/**
 * The answer where there is none: no usable peer, a unix socket whose proxy named nobody, headers that cannot be
 * believed.
 */
export function noAddress (
  infrastructure: boolean, reason: ResolveReason | undefined, ignored: readonly IgnoredHeader[],
  peer: string | null = null
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

function embeddedText (ip: string, scope: (typeof scopes)[number]): string | undefined {
  parseAddress(ip)
  const value = embeddedIPv4(scope)
  return value < 0 ? undefined : `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** Headers in which somebody names an address. True-Client-IP and the like are never read, and so never reported. */
export const forwardingHeaders = ['cf-connecting-ip', 'x-forwarded-for', 'forwarded', 'x-real-ip'] as const

/** What each reason means, for people. */
export const reasonText: { readonly [R in ResolveReason]: string } = {
  peer_untrusted: 'the peer is not listed as a proxy, so forwarding headers are its own claims',
  header_missing: 'a proxy did not send the header that should name its client',
  multiple_values: 'the header is there more than once, and only one can be right',
  invalid_value: 'the header holds no address',
  invalid_hop: 'an entry of the chain is no address, and nothing is skipped',
  hop_limit: 'the chain is longer than any deployment',
  too_few_hops: 'the chain is shorter than clientIp.hops says',
  not_cloudflare: 'the hop that sent it is not Cloudflare',
  private_client_from_public_proxy: 'Cloudflare cannot know a client with a private address',
  conflict: 'CF-Connecting-IP and X-Forwarded-For name different addresses; Cloudflare\'s header wins',
  all_hops_trusted: 'every address of the chain is a listed proxy, so the furthest one is the caller',
  no_peer: 'the connection has no usable address',
  truncated_headers: 'Node may have dropped header lines, the proxy\'s among them, so none is believed'
}

const known = new WeakMap<object, boolean>()

/** Whether the server listens on a path: then `address()` is a string. Asked once a server. */
export function isUnixListener (server: unknown): boolean {
  if (typeof server !== 'object' || server === null) return false
  const before = known.get(server)
  if (before !== undefined) return before
  const address: unknown = 'address' in server && typeof server.address === 'function' ? server.address() : null
  // A server that is closed already says null: not an answer to keep.
  if (address !== null) known.set(server, typeof address === 'string')
  return typeof address === 'string'
}

/** Header lines that Node keeps while `server.maxHeadersCount` is no number (Node counts 2,000 names and values). */
const DEFAULT_MAX_LINES = 1000

/**
 * Whether Node may have dropped header lines. It does so above its limit without a word, and one of them may be the
 * line that the proxy added. HTTP/2 has another limit, and resets the stream instead.
 */
export function isTruncated ({ rawHeaders, socket, httpVersionMajor }: RawRequest): boolean {
  if (rawHeaders === undefined) return false
  const max = (socket?.server as { readonly maxHeadersCount?: unknown } | null | undefined)?.maxHeadersCount
  const limit = typeof max === 'number' ? max << 1 : DEFAULT_MAX_LINES * 2 // as Node counts: names and values
  return limit > 0 && rawHeaders.length >= limit && httpVersionMajor !== 2
}

export const truncatedWarning: string =
  'a proxy sent a request with as many header lines as Node keeps. Node drops the rest, which may include the ' +
    'line that the proxy wrote: no header of such a request is believed, and routes marked as writes answer 431. ' +
  'Set maxHeadersCount = 0 on the http.Server (its limit in bytes remains), or let the proxy refuse so many lines'

/**
 * The application's proof of the edge, made safe to call: only `true` proves, and what does not work is logged once.
 */
export function edgeProof (
  proof: ((request: RawRequest) => unknown) | undefined, log: Pick<IpRiskLogger, 'warn'> | undefined
): (request: RawRequest) => boolean {
  if (proof === undefined) return () => true
  let logged = false
  const say = (fields: object, problem: string): void => {
    if (logged) return
    logged = true
    log?.warn({ code: 'IP_RISK_CLOUDFLARE_PROOF_FAILED', ...fields }, `clientIp.cloudflare.proof ${problem}: no ` +
      'request counts as coming from Cloudflare then')
  }
  return request => {
    try {
      const answer = proof(request)
      if (isThenable(answer)) {
        answer.then(undefined, () => {}) // its failure is reported below
        say({}, 'must answer at once, and returned a promise')
      }
      return answer === true
    } catch (error) {
      say({ err: error }, 'threw')
      return false
    }
  }
}
