import type { ClientIp, ResolveReason } from '../../types/contract.ts'
import type { Family } from '../ip/index.ts'
import { crossEdge } from './edge.ts'
import { parseEntry, parsePlain } from './entry.ts'
import { clientHere, NONE, peek, type Rules, skip, stand, standOn, stopHere, type Trail, UNUSABLE } from './trail.ts'
import { CLOUDFLARE, TRUSTED } from './trust.ts'

/** The header's text where `readSingle` found an address in it. */
export let singleText = ''
export let singleFamily: 4 | 6 = 4

/**
 * The one address of a header that must hold exactly one; `words` hold it then. Otherwise why it cannot be used. Repeated lines come from
 * Node joined with commas. `plain`: no port, no brackets.
 */
export function readSingle (value: string | readonly string[] | undefined, plain: boolean): ResolveReason | undefined {
  const text = typeof value === 'string' ? value : onlyLine(value)
  if (text === undefined) return value === undefined || value.length === 0 ? 'header-missing' : 'multiple-values'
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  const family: Family = plain ? parsePlain(text, start, end) : parseEntry(text, start, end)
  if (family === 0) return text.includes(',') ? 'multiple-values' : 'invalid-value'
  singleText = text
  singleFamily = family
  return undefined
}

function onlyLine (value: readonly string[] | undefined): string | undefined {
  const lines = Array.isArray(value) ? value.filter(line => typeof line === 'string') : []
  return lines.length === 1 ? lines[0] : undefined
}

function isSpace (code: number): boolean {
  return code === 32 || code === 9
}

/** Far more than any deployment has. Bounds what a header can cost. */
const MAX_HOPS = 32

/** From a peer that was accepted to the client; the peer's address was parsed last. */
export type Walk = (trail: Trail, rules: Rules) => ClientIp

/** From right to left, as long as the address stood on is trusted. Nothing is skipped: an entry that cannot be read ends the walk. */
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
    if (trail.hops === MAX_HOPS) return stopHere(trail, rules, 'hop-limit')
    const family = peek(trail, rules)
    if (family > 0) stand(trail, rules, family as 4 | 6)
    else if (family === UNUSABLE) return stopHere(trail, rules, 'invalid-hop')
    else if (rules.everyHop) return stopHere(trail, rules, undefined, false)
    else return stopHere(trail, rules, trail.hops === 0 ? 'header-missing' : 'all-hops-trusted')
  }
}

/** The n-th entry from the right. With Cloudflare on, the outermost hop must be an edge, which has the last word. */
export function countHops (trail: Trail, rules: Rules): ClientIp {
  const edge = rules.edgeMask !== 0
  // An edge that is nearer than counted is an edge all the same: what stands left of its one step, a Worker may have written.
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  const entries = rules.hops! - (edge ? 1 : 0)
  for (let i = 1; i < entries; i++) if (!skip(trail, rules)) return stopHere(trail, rules, 'too-few-hops')
  if (entries > 0) {
    const family = peek(trail, rules)
    if (family === NONE) return stopHere(trail, rules, 'too-few-hops')
    if (family === UNUSABLE) return stopHere(trail, rules, 'invalid-hop')
    stand(trail, rules, family as 4 | 6)
    trail.hops = entries
  }
  if (edge && (trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  if (entries === 0) return stopHere(trail, rules, 'not-cloudflare')
  if (edge) trail.reason = 'not-cloudflare'
  return (trail.mark & TRUSTED) === 0 ? clientHere(trail, rules) : stopHere(trail, rules, 'all-hops-trusted')
}

/** X-Real-IP, which the peer wrote: one value, and no way to tell a second hop. */
export function readRealIp (trail: Trail, rules: Rules): ClientIp {
  // At a Cloudflare hop X-Real-IP is the visitor's own.
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  const why = readSingle(trail.request.headers['x-real-ip'], false)
  if (why === 'header-missing' && rules.everyHop) return stopHere(trail, rules, undefined, false)
  if (why !== undefined) return stopHere(trail, rules, why)
  standOn(trail, singleText, singleFamily, rules.map.at(singleFamily), 'x-real-ip')
  if ((trail.mark & rules.edgeMask) !== 0) return crossEdge(trail, rules)!
  return (trail.mark & TRUSTED) === 0 || rules.everyHop ? clientHere(trail, rules) : stopHere(trail, rules, 'all-hops-trusted')
}
