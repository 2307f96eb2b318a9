import type { ClientIp, ResolveReason } from '../../types/contract.ts'
import { addressText, words } from '../ip/index.ts'
import { addressEnd, addressStart } from './entry.ts'
import { addressResult, nothingIgnored } from './result.ts'
import { clientHere, NONE, peek, type Rules, stand, stopHere, type Trail, UNUSABLE } from './trail.ts'
import { CLASS_E, CLOUDFLARE, NON_PUBLIC, TRUSTED, VIA } from './trust.ts'
import { readSingle, singleFamily, singleText } from './walk.ts'

/**
 * The walk stands on a Cloudflare edge, reached through verified hops. Exactly one step is taken from it: anybody can run a Worker
 * on an address of Cloudflare, so an edge never vouches for a second one. undefined: the step led to a trusted hop (a CDN in front
 * of Cloudflare), walk on.
 */
export function crossEdge (trail: Trail, rules: Rules): ClientIp | undefined {
  if (!rules.proven(trail.request)) {
    // Somebody's Worker that connects to us itself: a client like any other, unless the operator named the address.
    return stopHere(trail, rules, 'not-cloudflare', (trail.mark & (VIA | TRUSTED)) !== 0)
  }
  trail.crossedEdge = true
  const why = readHeader(trail, rules)
  return why === undefined ? byHeader(trail, rules) : byList(trail, rules, why)
}

const address = new Uint32Array(4)
const pseudoAddress = new Uint32Array(4)
let ip = ''
let family: 4 | 6 = 4
let mark = 0
/** Cloudflare made up a class E address for an IPv6 client; it wrote that into the list as well. */
let pseudo = false

/** CF-Connecting-IP, into the variables above; otherwise why it does not count. */
function readHeader ({ request: { headers } }: Trail, rules: Rules): ResolveReason | undefined {
  const why = readSingle(headers['cf-connecting-ip'], true)
  if (why !== undefined) return why
  keep(rules, address)
  if ((mark & NON_PUBLIC) !== 0) return 'private-client-from-public-proxy'
  pseudo = (mark & CLASS_E) !== 0 && readSingle(headers['cf-connecting-ipv6'], true) === undefined && singleFamily === 6 &&
    (rules.map.at(6) & NON_PUBLIC) === 0
  if (pseudo) {
    pseudoAddress.set(address)
    keep(rules, address)
  }
  return undefined
}

function keep (rules: Rules, into: Uint32Array): void {
  family = singleFamily
  mark = rules.map.at(family)
  ip = addressText(family, singleText, addressStart, addressEnd)
  for (let i = 0; i < 4; i++) into[i] = words[i]!
}

function byHeader (trail: Trail, rules: Rules): ClientIp | undefined {
  const listed = rules.header === 'x-forwarded-for' && trail.list !== ip ? peek(trail, rules) : NONE
  const own = (mark & TRUSTED) !== 0 && (mark & CLOUDFLARE) === 0 && !rules.everyHop
  let conflict = false
  if (listed > 0) {
    const same = (listed === family && isHeld(address)) || (pseudo && listed === 4 && isHeld(pseudoAddress))
    if (same && own && rules.hops === undefined) {
      stand(trail, rules, listed as 4 | 6)
      return undefined
    }
    conflict = !same && (rules.map.at(listed as 4 | 6) & NON_PUBLIC) === 0
  }
  for (let i = 0; i < 4; i++) words[i] = address[i]!
  const ignored = conflict ? [{ header: rules.header, why: 'conflict' as const }] : nothingIgnored
  const reason = conflict ? 'conflict' : own ? 'all-hops-trusted' : undefined
  return addressResult(ip, family, mark, 'cf-connecting-ip', trail.peer, trail.hops + 1, own, (mark & CLOUDFLARE) !== 0, reason, ignored)
}

/** Without a usable CF-Connecting-IP: Cloudflare appends to X-Forwarded-For, and to no other list. Those hold what the visitor wrote. */
function byList (trail: Trail, rules: Rules, why: ResolveReason): ClientIp | undefined {
  if (why !== 'header-missing') trail.ignored = [{ header: 'cf-connecting-ip', why }]
  const listed = rules.header === 'x-forwarded-for' ? peek(trail, rules) : NONE
  if (listed === NONE) return stopHere(trail, rules, why)
  if (listed === UNUSABLE) return stopHere(trail, rules, 'invalid-hop')
  if ((rules.map.at(listed) & NON_PUBLIC) !== 0) return stopHere(trail, rules, 'private-client-from-public-proxy')
  stand(trail, rules, listed)
  trail.reason = why
  const own = (trail.mark & TRUSTED) !== 0 && (trail.mark & CLOUDFLARE) === 0 && !rules.everyHop
  if (!own) return clientHere(trail, rules)
  return rules.hops === undefined ? undefined : stopHere(trail, rules, 'all-hops-trusted')
}

function isHeld (held: Uint32Array): boolean {
  return held[0] === words[0] && held[1] === words[1] && held[2] === words[2] && held[3] === words[3]
}
