import type {
  AddressSource, ClientIp, ClientIpExplanation, ExplainedHop, HopVerdict, RawRequest
} from '../../types/contract.ts'
import { canonicalAddress, parseAddress, rangeMap, SCOPE_MASK, scopes } from '../ip/index.ts'
import {
  elementStart, joinedLines, lastElementEnd, type ParsedAddress, parseEntry, parsePeer, textOf
} from './entry.ts'
import { forwardedStart, parseForwarded } from './forwarded.ts'
import { reasonText } from './result.ts'
import type { Rules } from './trail.ts'
import { CLOUDFLARE, type Named, TRUSTED } from './trust.ts'

const MAX_SHOWN = 40
const MAX_TEXT_LENGTH = 60

interface Found {
  readonly from: AddressSource
  readonly text: string
  readonly address: string | null
  readonly mark: number
}

/**
 * The result with every address that was there. It explains what the resolver decided, and decides nothing itself.
 */
export function explainer (
  rules: Rules, resolve: (request: RawRequest) => ClientIp
): (request: RawRequest) => ClientIpExplanation {
  return request => {
    const result = resolve(request)
    const { found, unshown } = everyAddress(request, rules)
    const chain = found.map((entry, position) =>
      hop(entry, position, verdictOf(entry, position, result, rules), rules, result))
    const header = request.headers['cf-connecting-ip']
    if (header !== undefined && rules.cloudflareMode === 'on') {
      const text = joinedLines(header)
      const used = result.source === 'cf-connecting-ip'
      chain.splice(used ? result.hops : chain.length, 0, {
        position: null,
        from: 'cf-connecting-ip',
        text: cut(text),
        address: used ? result.ip : canonicalAddress(text),
        scope: used ? result.scope : scopeText(text, rules),
        verdict: used ? 'client' : 'not_read',
        why: used ? 'Cloudflare says so, at an edge that verified hops lead to' : cloudflareIgnored(result)
      })
    }
    return { result, chain, unshown, summary: summaryOf(result) }
  }
}

function everyAddress (request: RawRequest, rules: Rules): { found: Found[], unshown: number } {
  const peerText = request.socket?.remoteAddress
  const peer = typeof peerText === 'string' ? parsePeer(peerText) : undefined
  const found: Found[] = [{ from: 'remote_address', text: peerText ?? '(no address)', ...described(peer, rules) }]
  const list = joinedLines(request.headers[rules.header])
  const [startOf, parse] = rules.header === 'forwarded' ? [forwardedStart, parseForwarded] : [elementStart, parseEntry]
  let unshown = 0
  let start = list.length
  for (let end = lastElementEnd(list, start); end > 0; end = lastElementEnd(list, start)) {
    start = startOf(list, end)
    if (found.length > MAX_SHOWN) unshown++
    else {
      const address = described(parse(list, start, end), rules)
      found.push({ from: rules.header, text: list.slice(start, end).trim(), ...address })
    }
  }
  return { found, unshown }
}

/** Of an address that was parsed last. */
function described (address: ParsedAddress | undefined, rules: Rules): Pick<Found, 'address' | 'mark'> {
  return address === undefined
    ? { address: null, mark: 0 }
    : { mark: rules.map.at(address.family), address: textOf(address) }
}

function verdictOf ({ address, mark }: Found, position: number, result: ClientIp, rules: Rules): HopVerdict {
  const byCloudflare = result.source === 'cf-connecting-ip'
  if (position < result.hops) {
    if ((mark & rules.edgeMask) !== 0) return 'cloudflare'
    return rules.hops !== undefined && (mark & TRUSTED) === 0 ? 'counted' : 'trusted'
  }
  if (position === result.hops && !byCloudflare) {
    if (!result.infrastructure) return address === null ? 'unusable' : 'client'
    if ((mark & rules.edgeMask) !== 0) return 'cloudflare'
    if ((mark & TRUSTED) !== 0 || address === null) return 'trusted'
    return rules.hops === undefined ? 'cloudflare' : 'counted'
  }
  if (result.reason === 'invalid_hop' && position === result.hops + 1 && rules.hops === undefined) return 'unusable'
  return 'not_read'
}

function hop (
  { from, text, address, mark }: Found, position: number, verdict: HopVerdict, rules: Rules, result: ClientIp
): ExplainedHop {
  return {
    position,
    from,
    text: cut(text),
    address,
    scope: address === null
      ? null
      : scopes[mark & SCOPE_MASK]!,
    verdict,
    why: why()
  }

  function why (): string {
    switch (verdict) {
      case 'trusted': return rules.everyHop
        ? 'clientIp.dangerouslyTrustEveryHop'
        : named('clientIp.trusted', rules.trusted, address)
      case 'cloudflare': return cloudflareWhy()
      case 'counted': return `one of the ${rules.hops} hops that are counted`
      case 'client': return position === 0
        ? peerWhy(result)
        : `the first address that no option names; ${from} ` +
        'was written by the hop before it'
      case 'unusable': return position === 0
        ? 'the connection has no usable address'
        : 'no address: nothing is skipped, so the walk ends before it'
      case 'not_read':
        if (result.reason === 'truncated_headers') return `not read: ${reasonText[result.reason]}`
        return result.source === 'remote_address' && result.hops === 0
          ? 'not read: the peer may not speak for others'
          : 'not read: anybody may have written what is left of the client'
    }
  }

  function cloudflareWhy (): string {
    if (rules.cloudflareMode === 'unset') return 'an address of Cloudflare, and clientIp.cloudflare is not set'
    return (mark & CLOUDFLARE) !== 0
      ? 'an edge of Cloudflare, by the list of its ranges'
      : named('clientIp.cloudflare.via', rules.via, address)
  }
}

/** Which entry of the option holds the address. */
function named (option: string, entries: readonly Named[], address: string | null): string {
  if (address === null) return 'a unix listener, and "unix" is among the proxies'
  const family = parseAddress(address) as 4 | 6
  const entry = entries.find(({ cidr }) => rangeMap([{ cidr, value: 1 }], 0, (_outer, inner) => inner).at(family) === 1)
  return `"${entry?.text}" of ${option} names it`
}

function peerWhy ({ reason }: ClientIp): string {
  return reason === 'not_cloudflare'
    ? 'an address of Cloudflare without the proof of the edge'
    : 'the connection comes from it, and no option names it as a proxy'
}

function cloudflareIgnored (result: ClientIp): string {
  const ignored = result.ignored.find(entry => entry.header === 'cf-connecting-ip')
  return `ignored: ${reasonText[ignored?.why ?? 'not_cloudflare']}`
}

function summaryOf ({ ip, hops, infrastructure, reason, source }: ClientIp): string {
  const found = ip === null
    ? 'no address'
    : `${ip}, by ${source}, after ${hops} verified ` +
    `${hops === 1 ? 'hop' : 'hops'}`
  const whose = infrastructure ? ', your own infrastructure or Cloudflare\'s: not a client' : ''
  return `${found}${whose}${reason === undefined ? '' : ` (${reason}: ${reasonText[reason]})`}`
}

function scopeText (text: string, rules: Rules) {
  const family = parseAddress(text)
  return family === 0 ? null : scopes[rules.map.at(family) & SCOPE_MASK]!
}

function cut (text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text
}
