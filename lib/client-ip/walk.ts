import type { ClientIp, RawRequest, ResolveReason } from '../../types/contract.ts'
import { addressText } from '../ip/index.ts'
import { isSpace, type ParsedAddress, parseEntry, parsePlain, parseQuadBefore, textOf } from './entry.ts'
import { addressResult, isTruncated, nothingIgnored } from './result.ts'
import { clientHere, moveTo, peek, type Rules, skip, stopHere, type Trail } from './trail.ts'
import { CLASS_E, CLOUDFLARE, NON_PUBLIC, TRUSTED, VIA } from './trust.ts'

/**
 * The walk is at a Cloudflare edge, reached through verified hops. Exactly one step is taken from it: anybody can
 * run a Worker on an address of Cloudflare, so an edge never vouches for a second one. undefined: the step led to a
 * trusted hop (a CDN in front of Cloudflare), walk on.
 */
function crossEdge (trail: Trail, rules: Rules): ClientIp | undefined {
  if (!rules.proven(trail.request)) {
    // Somebody's Worker that connects to us itself: a client like any other, unless the operator named the address.
    return stopHere(trail, rules, 'not_cloudflare', (trail.mark & (VIA | TRUSTED)) !== 0)
  }
  trail.crossedEdge = true
  const visitor = readVisitor(trail, rules)
  return typeof visitor === 'string' ? byList(trail, rules, visitor) : byHeader(trail, rules, visitor)
}

/** Whom Cloudflare names as its client. */
interface Visitor {
  readonly ip: string
  readonly family: 4 | 6
  readonly mark: number
  /** The class E address that Cloudflare made up for an IPv6 client; it wrote that into the list as well. */
  readonly pseudo?: string
}

/** CF-Connecting-IP, or why it does not count. */
function readVisitor ({ request: { headers } }: Trail, rules: Rules): Visitor | ResolveReason {
  const address = readSingle(headers['cf-connecting-ip'], parsePlain)
  if (typeof address === 'string') return address
  const mark = rules.map.at(address.family)
  if ((mark & NON_PUBLIC) !== 0) return 'private_client_from_public_proxy'
  const visitor = { ip: textOf(address), family: address.family, mark }
  if ((mark & CLASS_E) === 0) return visitor
  const real = readSingle(headers['cf-connecting-ipv6'], parsePlain)
  if (typeof real === 'string' || real.family !== 6) return visitor
  const realMark = rules.map.at(6)
  return (realMark & NON_PUBLIC) !== 0 ? visitor : { ip: textOf(real), family: 6, mark: realMark, pseudo: visitor.ip }
}

function byHeader (trail: Trail, rules: Rules, { ip, family, mark, pseudo }: Visitor): ClientIp | undefined {
  const listed = rules.header === 'x-forwarded-for' && trail.list !== ip ? peek(trail, rules) : 'missing'
  const own = (mark & TRUSTED) !== 0 && (mark & CLOUDFLARE) === 0 && !rules.everyHop
  let conflict = false
  if (typeof listed === 'object') {
    const listedIp = textOf(listed)
    const same = listedIp === ip || listedIp === pseudo
    if (same && own && rules.hops === undefined) {
      moveTo(trail, rules, listed)
      return undefined
    }
    conflict = !same && (rules.map.at(listed.family) & NON_PUBLIC) === 0
  }
  const ignored = conflict ? [{ header: rules.header, why: 'conflict' as const }] : nothingIgnored
  const reason = conflict ? 'conflict' : own ? 'all_hops_trusted' : undefined
  const worker = (mark & CLOUDFLARE) !== 0
  return addressResult(ip, family, mark, 'cf-connecting-ip', trail.peer, trail.hops + 1, own, worker, reason, ignored)
}

/**
 * Without a usable CF-Connecting-IP: Cloudflare appends to X-Forwarded-For, and to no other list. Those hold what the
 * visitor wrote.
 */
function byList (trail: Trail, rules: Rules, why: ResolveReason): ClientIp | undefined {
  if (why !== 'header_missing') trail.ignored = [{ header: 'cf-connecting-ip', why }]
  const listed = rules.header === 'x-forwarded-for' ? peek(trail, rules) : 'missing'
  if (listed === 'missing') return stopHere(trail, rules, why)
  if (listed === 'invalid') return stopHere(trail, rules, 'invalid_hop')
  if ((rules.map.at(listed.family) & NON_PUBLIC) !== 0) {
    return stopHere(trail, rules, 'private_client_from_public_proxy')
  }
  moveTo(trail, rules, listed)
  trail.reason = why
  const own = (trail.mark & TRUSTED) !== 0 && (trail.mark & CLOUDFLARE) === 0 && !rules.everyHop
  if (!own) return clientHere(trail, rules)
  return rules.hops === undefined ? undefined : stopHere(trail, rules, 'all_hops_trusted')
}

/**
 * The one address of a header that must hold exactly one, or why it cannot be used. Repeated lines come from Node
 * joined with commas.
 */
function readSingle (
  value: string | readonly string[] | undefined, parse: typeof parsePlain
): ParsedAddress | ResolveReason {
  const text = typeof value === 'string' ? value : onlyLine(value)
  if (text === undefined) return value === undefined || value.length === 0 ? 'header_missing' : 'multiple_values'
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return parse(text, start, end) ?? (text.includes(',') ? 'multiple_values' : 'invalid_value')
}

function onlyLine (value: readonly string[] | undefined): string | undefined {
  const lines = Array.isArray(value) ? value.filter(line => typeof line === 'string') : []
  return lines.length === 1 ? lines[0] : undefined
}

/** Far more than any deployment has. Bounds what a header can cost. */
const MAX_HOPS = 32

/** From a peer that was accepted to the client; the peer's address was parsed last. */
export type Walk = (trail: Trail, rules: Rules) => ClientIp

/**
 * From right to left, as long as the current address is trusted. Nothing is skipped: an entry that cannot be read ends
 * the walk.
 */
export function walkList (trail: Trail, rules: Rules): ClientIp {
  for (;;) {
    if ((trail.mark & rules.edgeMask) !== 0) {
      if (!trail.crossedEdge) {
        const client = crossEdge(trail, rules)
        if (client !== undefined) return client
        continue
      }
      if ((trail.mark & CLOUDFLARE) !== 0) return clientHere(trail, rules)
    }
    if ((trail.mark & TRUSTED) === 0) return clientHere(trail, rules)
    if (trail.hops === MAX_HOPS) return stopHere(trail, rules, 'hop_limit')
    const next = peek(trail, rules)
    if (typeof next === 'object') moveTo(trail, rules, next)
    else if (next === 'invalid') return stopHere(trail, rules, 'invalid_hop')
    else if (rules.everyHop) return stopHere(trail, rules, undefined, false)
    else return stopHere(trail, rules, trail.hops === 0 ? 'header_missing' : 'all_hops_trusted')
  }
}

/**
 * The most frequent walk, without a trail: the only proxy is the peer, and the last entry of X-Forwarded-For is an IPv4
 * address in plain text that is no proxy's. undefined: anything else, for `walkList` to judge.
 */
export function walkOnce (request: RawRequest, rules: Rules, peer: string): ClientIp | undefined {
  const list = request.headers?.['x-forwarded-for']
  if (typeof list !== 'string' || isTruncated(request)) return undefined
  return rules.recent.of(list, peer) ?? lastClient(list, rules, peer)
}

function lastClient (list: string, { map, recent }: Rules, peer: string): ClientIp | undefined {
  const start = parseQuadBefore(list, list.length)
  if (start < 0) return undefined
  const mark = map.at(4)
  if ((mark & TRUSTED) !== 0) return undefined
  const ip = addressText(4, list, start)
  const client = addressResult(ip, 4, mark, 'x-forwarded-for', peer, 1, false, false, undefined, nothingIgnored)
  if (start === 0) recent.add(ip, Object.freeze(client))
  return client
}

/** The n-th entry from the right. With Cloudflare on, the outermost hop must be an edge, which has the last word. */
export function countHops (trail: Trail, rules: Rules): ClientIp {
  const edge = rules.edgeMask !== 0
  // An edge ends the count even where it comes early: a Worker may have written what is more than one step to its
  // left.
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  const entries = rules.hops! - (edge ? 1 : 0)
  for (let i = 1; i < entries; i++) if (!skip(trail, rules)) return stopHere(trail, rules, 'too_few_hops')
  if (entries > 0) {
    const client = peek(trail, rules)
    if (client === 'missing') return stopHere(trail, rules, 'too_few_hops')
    if (client === 'invalid') return stopHere(trail, rules, 'invalid_hop')
    moveTo(trail, rules, client)
    trail.hops = entries
  }
  if (edge && (trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  if (entries === 0) return stopHere(trail, rules, 'not_cloudflare')
  if (edge) trail.reason = 'not_cloudflare'
  return (trail.mark & TRUSTED) === 0 ? clientHere(trail, rules) : stopHere(trail, rules, 'all_hops_trusted')
}

/** X-Real-IP, which the peer wrote: one value, and no way to tell a second hop. */
export function readRealIp (trail: Trail, rules: Rules): ClientIp {
  // At a Cloudflare hop X-Real-IP is the visitor's own.
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  const address = readSingle(trail.request.headers['x-real-ip'], parseEntry)
  if (address === 'header_missing' && rules.everyHop) return stopHere(trail, rules, undefined, false)
  if (typeof address === 'string') return stopHere(trail, rules, address)
  moveTo(trail, rules, address)
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  return (trail.mark & TRUSTED) === 0 || rules.everyHop
    ? clientHere(trail, rules)
    : stopHere(trail, rules, 'all_hops_trusted')
}
