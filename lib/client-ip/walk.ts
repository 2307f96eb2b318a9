import type { ClientIp } from '../../types/contract.ts'
import { crossEdge } from './edge.ts'
import { readSingle, singleFamily, singleText } from './single-value.ts'
import { type Rules, type Trail, NONE, UNUSABLE, clientHere, peek, skip, stand, standOn, stopHere } from './trail.ts'
import { CLOUDFLARE, TRUSTED } from './trust.ts'

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
