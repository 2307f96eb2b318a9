import type { AddressSource, ClientIp, IgnoredHeader, RawRequest, ResolveReason } from '../../types/contract.ts'
import { parseAddress, type RangeMap } from '../ip/index.ts'
import {
  elementStart, joinedLines, lastElementEnd, type ParsedAddress, parseEntry, parseQuadBefore, textOf
} from './entry.ts'
import { forwardedStart, parseForwarded } from './forwarded.ts'
import type { RecentClients } from './recent.ts'
import { addressResult, noAddress, nothingIgnored } from './result.ts'
import type { ClientIpSettings } from './settings.ts'
import { CLOUDFLARE } from './trust.ts'

/** The settings as the walk uses them. */
export interface Rules extends ClientIpSettings {
  /** Made anew when Cloudflare's ranges are replaced. */
  map: RangeMap
  /** Made anew with the map. */
  recent: RecentClients
  /** The mark that lets a peer speak for somebody else. */
  readonly acceptedMask: number
  /** The mark that makes an address an edge: none while `cloudflare` is not on. */
  readonly edgeMask: number
  /** Never throws. */
  readonly proven: (request: RawRequest) => boolean
}

/** Where a walk begins: at a peer that was accepted. */
export interface Peer {
  /** null: a unix socket, which has no address. */
  readonly ip: string | null
  readonly address: ParsedAddress | undefined
  readonly mark: number
}

/** Where the walk of one request is. */
export interface Trail {
  readonly request: RawRequest
  readonly peer: string | null
  /** The list header, and the end of what was not read of it. */
  readonly list: string
  unread: number
  /** The current address (undefined: a unix socket's), and what the map says of it. */
  address: ParsedAddress | undefined
  mark: number
  source: AddressSource
  /** Verified hops left behind. */
  hops: number
  /** A Cloudflare edge was one of them; there is no second. */
  crossedEdge: boolean
  reason: ResolveReason | undefined
  ignored: readonly IgnoredHeader[]
}

export function startTrail (request: RawRequest, rules: Rules, { ip: peer, address, mark }: Peer): Trail {
  const list = rules.header === 'x-real-ip' ? '' : joinedLines(request.headers[rules.header])
  return {
    request,
    peer,
    list,
    unread: list.length,
    address,
    mark,
    source: 'remote_address',
    hops: 0,
    crossedEdge: false,
    reason: undefined,
    ignored: nothingIgnored
  }
}

/** Reads the next entry of the list without stepping on it; then `words` hold its address. */
export function peek (trail: Trail, { header }: Rules): ParsedAddress | 'missing' | 'invalid' {
  const { list } = trail
  const end = lastElementEnd(list, trail.unread)
  if (end === 0) return 'missing'
  if (header === 'forwarded') {
    trail.unread = forwardedStart(list, end)
    return parseForwarded(list, trail.unread, end) ?? 'invalid'
  }
  const start = parseQuadBefore(list, end)
  trail.unread = start < 0 ? elementStart(list, end, false) : start
  return start < 0 ? parseEntry(list, trail.unread, end) ?? 'invalid' : { text: list, start, end, family: 4 }
}

/** Passes over an entry, whatever it is. */
export function skip (trail: Trail, rules: Rules): boolean {
  const end = lastElementEnd(trail.list, trail.unread)
  if (end > 0) trail.unread = (rules.header === 'forwarded' ? forwardedStart : elementStart)(trail.list, end)
  return end > 0
}

/** Leaves the hop behind and moves to the address, which was parsed last. */
export function moveTo (trail: Trail, rules: Rules, address: ParsedAddress): void {
  trail.address = address
  trail.mark = rules.map.at(address.family)
  trail.source = rules.header
  trail.hops++
}

/** The current address, which was parsed last, is the client. */
export function clientHere (trail: Trail, rules: Rules): ClientIp {
  noteCloudflareHeader(trail, rules)
  return here(trail, false)
}

/**
 * The walk ends where it is, whatever was parsed since: at the operator's own hop or at the edge, unless
 * `infrastructure` is false.
 */
export function stopHere (
  trail: Trail, rules: Rules, reason: ResolveReason | undefined, infrastructure = true
): ClientIp {
  const { address } = trail
  if (address !== undefined) parseAddress(address.text, address.start, address.end)
  trail.reason = reason
  noteCloudflareHeader(trail, rules)
  return here(trail, infrastructure)
}

function here (trail: Trail, infrastructure: boolean): ClientIp {
  const { address, mark, source, peer, hops, reason, ignored } = trail
  if (address === undefined) return noAddress(true, reason, ignored)
  const worker = trail.crossedEdge && !infrastructure && (mark & CLOUDFLARE) !== 0
  const { family } = address
  return addressResult(textOf(address), family, mark, source, peer, hops, infrastructure, worker, reason, ignored)
}

/** Cloudflare's header although the walk met no edge: whoever sent the request wrote it. */
function noteCloudflareHeader (trail: Trail, rules: Rules): void {
  if (trail.crossedEdge || rules.edgeMask === 0 || trail.ignored !== nothingIgnored) return
  if (trail.request.headers['cf-connecting-ip'] === undefined) return
  trail.ignored = [{ header: 'cf-connecting-ip', why: 'not_cloudflare' }]
  trail.reason ??= 'not_cloudflare'
}
