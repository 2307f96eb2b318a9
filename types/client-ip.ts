/** How the client's address is found. Nothing given: forwarding headers are never read. */
export interface ClientIpOptions {
  /**
   * Addresses and CIDRs of your proxies, and the words `unix loopback private uniquelocal linklocal cgnat`. A string
   * is split at its commas, so that the value of Express's `trust proxy` can be used as it is. Default: none.
   */
  readonly trusted?: string | readonly string[] | undefined
  /** 1..32: the n-th entry from the right. Second best; prefer `trusted`. */
  readonly hops?: number | undefined
  /** `true`: the bundled list of Cloudflare's ranges. `false`: not behind Cloudflare, its addresses are clients. */
  readonly cloudflare?: boolean | CloudflareOptions | undefined
  /** Default `x-forwarded-for`. */
  readonly header?: 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | undefined
  /** Believes every hop, so every visitor can forge an address. For tests behind nothing. */
  readonly dangerouslyTrustEveryHop?: boolean | undefined
  /**
   * Names the client itself, for setups that no other option covers: an address, or undefined for the other options to
   * decide. Called once per request, synchronously, and believed: a header that it reads without looking at the peer
   * can be forged by anybody, which is your risk. If it throws or returns anything else, the other options decide, and
   * that is logged, code `IP_RISK_SELECT_FAILED`. The result has the source `selected`.
   */
  readonly select?: ((request: RawRequest) => string | null | undefined) | undefined
}

/** Behind Cloudflare: which addresses are its edge, and what else proves it. */
export interface CloudflareOptions {
  /** Replaces the bundled list; `setCloudflareRanges` replaces it again while the process runs. */
  readonly ranges?: readonly string[] | undefined
  /**
   * Other addresses that may carry CF-Connecting-IP: cloudflared, a proxy that only Cloudflare can reach. Words as in
   * `trusted`.
   */
  readonly via?: string | readonly string[] | undefined
  /**
   * Strong proof of the edge (a client certificate, a secret header). When given, a Cloudflare hop counts only if it
   * returns `true`, at once: a promise is no proof, and a throw is none either; both are logged once.
   */
  readonly proof?: ((request: RawRequest) => boolean) | undefined
}

/** The part of a Node request that is read to find the client's address and to see that the client is gone. */
export interface RawRequest {
  /**
   * `authorized` is for a proof: whether a TLS client certificate was accepted. The client is gone when its socket is
   * `destroyed`, or has a `localAddress` and no `remoteAddress`: a reset leaves only the first, and a unix socket
   * never has either.
   */
  readonly socket: {
    /** The peer's address. Absent on a unix socket, and after the connection ended. */
    readonly remoteAddress?: string | undefined
    /** The address that the client connected to. Absent on a unix socket. */
    readonly localAddress?: string | undefined
    /** True once the connection has ended. */
    readonly destroyed?: boolean | undefined
    /** The server that Node sets here. Only its `maxHeadersCount` is read. */
    readonly server?: unknown
    /** Whether a TLS client certificate was accepted. */
    readonly authorized?: boolean | undefined
  }
  /** HTTP/2 only. A stream that is closed or destroyed has no client, even while its connection is open. */
  readonly stream?: {
    /** Whether the stream has ended, or was reset. */
    readonly closed?: boolean | undefined
    /** Whether the stream can no longer be used. */
    readonly destroyed?: boolean | undefined
  } | undefined
  /** Names in lower case, as Node gives them. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
  /** Names and values in turn. As many as Node keeps at most: then some may be missing, and no header is believed. */
  readonly rawHeaders?: readonly string[] | undefined
  /** 2: header lines are never dropped, however many there are. */
  readonly httpVersionMajor?: number | undefined
}

/**
 * Where an address came from: a header, `remote_address` (the TCP connection) or `selected` (the option
 * `clientIp.select`). `none`: there is no address.
 */
export type AddressSource =
  | 'cf-connecting-ip' | 'x-forwarded-for' | 'forwarded' | 'x-real-ip' | 'remote_address' | 'selected' | 'none'

/**
 * What kind of address it is, by IANA's registries of special-purpose addresses (RFC 6890). Only `public` ones are
 * looked up. `shared` is the address space of carrier NAT (RFC 6598).
 */
export type AddressScope =
  | 'public' | 'unspecified' | 'this_network' | 'loopback' | 'private' | 'shared' | 'link_local'
  | 'documentation' | 'benchmarking'
  | 'protocol' | 'translation' | '6to4' | 'teredo' | 'discard' | 'dummy' | 'srv6' | 'site_local'
  | 'multicast' | 'reserved' | 'broadcast'

/**
 * Why an address was not found, why the walk over the proxies ended, or why a header was not believed.
 * docs/client-address.md explains the walk.
 * - `peer_untrusted`: the header came from a peer that is no trusted proxy.
 * - `header_missing`: a trusted proxy sent no header.
 * - `multiple_values`: a header that may occur once has several values.
 * - `invalid_value`, `invalid_hop`: the value, or an entry of the chain, is no address.
 * - `hop_limit`: the chain is longer than any deployment.
 * - `too_few_hops`: the chain is shorter than `clientIp.hops`.
 * - `not_cloudflare`: CF-Connecting-IP came from elsewhere than Cloudflare.
 * - `private_client_from_public_proxy`: Cloudflare cannot know a client with a private address.
 * - `conflict`: CF-Connecting-IP and X-Forwarded-For name different addresses; Cloudflare's header wins.
 * - `all_hops_trusted`: every address is a listed proxy, so the furthest one is the caller.
 * - `no_peer`: the connection has no usable address.
 * - `truncated_headers`: Node may have dropped header lines, so none is believed.
 */
export type ResolveReason =
  | 'peer_untrusted' | 'header_missing' | 'multiple_values' | 'invalid_value' | 'invalid_hop'
  | 'hop_limit' | 'too_few_hops'
  | 'not_cloudflare' | 'private_client_from_public_proxy' | 'conflict'
  | 'all_hops_trusted' | 'no_peer' | 'truncated_headers'

/** A header that named an address and was not believed. Its value is not repeated: it is the visitor's. */
export interface IgnoredHeader {
  /** Its name, in lower case. */
  readonly header: string
  /** Why it was not believed. */
  readonly why: ResolveReason
}

/** Every key is always there; `undefined` where it does not apply. */
export interface ClientIp {
  /**
   * Canonical: RFC 5952, mapped IPv4 unwrapped. null where nothing can be said: without a usable peer, or with
   * `truncated_headers`.
   */
  readonly ip: string | null
  /** Where the address came from; `none` without one. */
  readonly source: AddressSource
  /** The address of the TCP connection; null on a unix socket. */
  readonly peer: string | null
  /** Verified hops walked over: 0 is the peer itself. */
  readonly hops: number
  /** null where there is no address. */
  readonly scope: AddressScope | null
  /** The operator's own hop, or a Cloudflare peer while `cloudflare` is not set: not a client. */
  readonly infrastructure: boolean
  /**
   * A client in Cloudflare's ranges that was reached from a Cloudflare edge: a Worker, or an egress of WARP or Private
   * Relay.
   */
  readonly worker: boolean
  /** Why the walk ended here, or why no header was read. `undefined` where nothing is remarkable. */
  readonly reason?: ResolveReason | undefined
  /** Headers that named an address and were not believed. Empty where there are none. */
  readonly ignored: readonly IgnoredHeader[]
  /** IP version of `ip`. `undefined` without an address. */
  readonly version?: 4 | 6 | undefined
  /** Inside 6to4, Teredo, NAT64 and IPv4-compatible text. For lookups and deny lists; never trusted. */
  readonly embeddedIPv4?: string | undefined
}

/** Never throws. */
export interface ClientIpResolver {
  (request: RawRequest): ClientIp
  /** The whole chain with the verdict on every hop. For people: slow. */
  readonly explain: (request: RawRequest) => ClientIpExplanation
  /** What is doubtful about the options. */
  readonly warnings: readonly string[]
  /** Replaces the list of Cloudflare's ranges of this resolver. */
  readonly setCloudflareRanges: SetCloudflareRanges
}

/**
 * Takes a new list of Cloudflare's ranges (lines, or the text of https://www.cloudflare.com/ips-v4 and ips-v6 put
 * together). Accepted only when it is plausible; otherwise the old one stays, a warning is logged, and the answer says
 * why.
 */
export type SetCloudflareRanges = (
  ranges: string | readonly string[]
) => {
  /** Whether the new list is in use. */
  readonly accepted: boolean
  /** Why the list was refused. Absent where it was accepted. */
  readonly problem?: string
}

/**
 * What was made of one address on the way. `trusted`: one of `clientIp.trusted`. `cloudflare`: Cloudflare's edge.
 * `counted`: skipped by `clientIp.hops`. `client`: the result. `unusable`: no address. `not_read`: beyond the result,
 * where the visitor writes what they like.
 */
export type HopVerdict = 'trusted' | 'cloudflare' | 'counted' | 'client' | 'unusable' | 'not_read'

/** One address on the way of a request. */
export interface ExplainedHop {
  /**
   * 0 is the peer, then the entries of the header from right to left; null for CF-Connecting-IP, which is in no
   * list.
   */
  readonly position: number | null
  /** Where the entry stood. */
  readonly from: AddressSource
  /** As it was written, cut to 60 characters: for a terminal, show it quoted. */
  readonly text: string
  /** Canonical, or null where it is no address. */
  readonly address: string | null
  /** What kind of address it is; null where it is no address. */
  readonly scope: AddressScope | null
  /** What the walk made of it. */
  readonly verdict: HopVerdict
  /** One sentence. */
  readonly why: string
}

/** How the address of a request was found, for people: the result of `explain()`. */
export interface ClientIpExplanation {
  /** The result, as a request would get it. */
  readonly result: ClientIp
  /** The peer first, then the entries of the header from right to left. */
  readonly chain: readonly ExplainedHop[]
  /** Entries further left that are not shown. */
  readonly unshown: number
  /** One sentence on the result. */
  readonly summary: string
}
