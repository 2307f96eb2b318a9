import type { AddressSource, ClientIp, IgnoredHeader, RawRequest, ResolveReason } from '../../types/contract.ts'
import { addressText, parseAddress, type RangeMap } from '../ip/index.ts'
import {
  addressEnd, addressStart, elementEnd, elementStart, joinedLines, lastElementEnd, parseEntry, parseQuadBefore,
  previousElement
} from './entry.ts'
import { forwardedEnd, forwardedStart, nodeText, parseForwardedElement, previousForwarded } from './forwarded.ts'
import { addressResult, noAddress, nothingIgnored } from './result.ts'
import type { ClientIpSettings } from './settings.ts'
import { CLOUDFLARE } from './trust.ts'

/** The settings as the walk uses them. */
export interface Rules extends ClientIpSettings {
  /** Made anew when Cloudflare's ranges are replaced. */
  map: RangeMap
  /** The mark that lets a peer speak for somebody else. */
  readonly acceptedMask: number
  /** The mark that makes an address an edge: none while `cloudflare` is not on. */
  readonly edgeMask: number
  /** Never throws. */
  readonly proven: (request: RawRequest) => boolean
}

/** Where the walk of one request is. */
export interface Trail {
  readonly request: RawRequest
  readonly peer: string | null
  /** The list header, and the end of what was not read of it. */
  readonly list: string
  unread: number
  /** The current address: its text and bounds (an empty text is a unix socket's), and what the map says of it. */
  text: string
  start: number
  end: number
  family: 4 | 6
  mark: number
  source: AddressSource
  /** Verified hops left behind. */
  hops: number
  /** A Cloudflare edge was one of them; there is no second. */
  crossedEdge: boolean
  reason: ResolveReason | undefined
  ignored: readonly IgnoredHeader[]
}

/** What `peek` says instead of a family. */
export const NONE = -1
export const UNUSABLE = 0

export function startTrail (
  request: RawRequest, rules: Rules, peer: string | null, text: string, end: number, family: 4 | 6, mark: number
): Trail {
  const list = rules.header === 'x-real-ip' ? '' : joinedLines(request.headers[rules.header])
  return {
    request,
    peer,
    list,
    unread: list.length,
    text,
    start: 0,
    end,
    family,
    mark,
    source: 'remote_address',
    hops: 0,
    crossedEdge: false,
    reason: undefined,
    ignored: nothingIgnored
  }
}

let peekedText = ''

/** Reads the next entry of the list without stepping on it; then `words` hold its address. */
export function peek (trail: Trail, rules: Rules): 4 | 6 | 0 | -1 {
  if (rules.header === 'forwarded') {
    const next = previousForwarded(trail.list, trail.unread)
    if (next < 0) return NONE
    trail.unread = next
    const family = parseForwardedElement(trail.list, forwardedStart, forwardedEnd)
    peekedText = nodeText
    return family
  }
  const end = lastElementEnd(trail.list, trail.unread)
  if (end === 0) return NONE
  peekedText = trail.list
  const start = parseQuadBefore(trail.list, end)
  if (start >= 0) {
    trail.unread = start
    return 4
  }
  trail.unread = previousElement(trail.list, end, false)
  return parseEntry(trail.list, elementStart, elementEnd)
}

/** Passes over an entry, whatever it is. */
export function skip (trail: Trail, rules: Rules): boolean {
  const next = rules.header === 'forwarded'
    ? previousForwarded(trail.list, trail.unread)
    : previousElement(trail.list, trail.unread)
  if (next >= 0) trail.unread = next
  return next >= 0
}

/** Leaves the hop behind and moves to the entry that was peeked at last. */
export function stand (trail: Trail, rules: Rules, family: 4 | 6): void {
  standOn(trail, peekedText, family, rules.map.at(family), rules.header)
}

/** Moves to the address that was parsed last, from `text`. */
export function standOn (trail: Trail, text: string, family: 4 | 6, mark: number, source: AddressSource): void {
  trail.text = text
  trail.start = addressStart
  trail.end = addressEnd
  trail.family = family
  trail.mark = mark
  trail.source = source
  trail.hops++
}

/** The address stood on is the client; it was parsed last. */
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
  trail.reason = reason
  noteCloudflareHeader(trail, rules)
  if (trail.text === '') return noAddress(true, reason, trail.ignored)
  parseAddress(trail.text, trail.start, trail.end)
  return here(trail, infrastructure)
}

function here (trail: Trail, infrastructure: boolean): ClientIp {
  const { family, mark } = trail
  const ip = addressText(family, trail.text, trail.start, trail.end)
  const worker = trail.crossedEdge && !infrastructure && (mark & CLOUDFLARE) !== 0
  const { source, peer, hops, reason, ignored } = trail
  return addressResult(ip, family, mark, source, peer, hops, infrastructure, worker, reason, ignored)
}

/** Cloudflare's header although the walk met no edge: whoever sent the request wrote it. */
function noteCloudflareHeader (trail: Trail, rules: Rules): void {
  if (trail.crossedEdge || rules.edgeMask === 0 || trail.ignored !== nothingIgnored) return
  if (trail.request.headers['cf-connecting-ip'] === undefined) return
  trail.ignored = [{ header: 'cf-connecting-ip', why: 'not_cloudflare' }]
  trail.reason ??= 'not_cloudflare'
}
