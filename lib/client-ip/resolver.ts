import type {
  ClientIp, ClientIpExplanation, ClientIpOptions, ClientIpResolver, IgnoredHeader, IpRiskLogger, RawRequest,
  ResolveReason, SetCloudflareRanges, UnknownReason
} from '../../types/contract.ts'
import { canonicalAddress, type Cidr, lookupAddress, parseAddress, SCOPE_MASK, UNSPECIFIED } from '../ip/index.ts'
import { parsePeer, textOf } from './entry.ts'
import { explainer } from './explain.ts'
import { createRecentClients } from './recent.ts'
import { selector } from './select.ts'
import {
  addressResult, edgeProof, forwardingHeaders, isTruncated, isUnixListener, noAddress, nothingIgnored,
  truncatedWarning
} from './result.ts'
import { type ClientIpSettings, readClientIpOptions, replacementList, warningsOf } from './settings.ts'
import { type Peer, type Rules, startTrail } from './trail.ts'
import { CLOUDFLARE, NON_PUBLIC, TRUSTED, trustMap, VIA } from './trust.ts'
import { countHops, readRealIp, type Walk, walkList, walkOnce } from './walk.ts'

/** What the engine works with; `createClientIpResolver` shows users a part of it. */
export interface ClientIpFinder {
  /**
   * Never throws, and costs what the walk costs: a long header no more than its right end. `peer`: the `remoteAddress`
   * of the request's socket, where the caller has read it.
   */
  readonly resolve: (request: RawRequest, peer?: string) => ClientIp
  readonly explain: (request: RawRequest) => ClientIpExplanation
  readonly setCloudflareRanges: SetCloudflareRanges
  /** Whether the canonical address is in Cloudflare's ranges. */
  readonly isCloudflare: (ip: string) => boolean
  /** What is doubtful about the options, one sentence each. */
  readonly warnings: readonly string[]
  readonly settings: ClientIpSettings
  /** Whether the options let any peer speak for somebody else. */
  readonly readsHeaders: boolean
}

/**
 * `log` gets a warning when `proof` fails, or a list of ranges is refused. `now` in ms, for the age of the bundled
 * list.
 */
export function createClientIp (
  options?: ClientIpOptions, log?: Pick<IpRiskLogger, 'warn'>, now: number = Date.now()
): ClientIpFinder {
  const settings = readClientIpOptions(options)
  const warnings = warningsOf(settings, now)
  const on = settings.cloudflareMode === 'on'
  const edgeMask = on ? CLOUDFLARE | VIA : 0
  const countsOnly = settings.hops !== undefined && settings.trusted.length === 0 && settings.unix === undefined
  const rules: Rules = {
    ...settings,
    map: trustMap(settings),
    recent: createRecentClients(),
    edgeMask,
    // A hop count without a list of proxies believes no public peer: a direct client of the internet always has a
    // public address.
    acceptedMask: TRUSTED | edgeMask | (countsOnly ? NON_PUBLIC : 0),
    proven: edgeProof(settings.proof, log)
  }
  const walkFrom: Walk = rules.hops !== undefined ? countHops : rules.header === 'x-real-ip' ? readRealIp : walkList
  // Without Cloudflare's edge, whose header has the last word, and where not every hop is believed.
  const mayWalkOnce = walkFrom === walkList && rules.header === 'x-forwarded-for' && !on && !settings.everyHop
  let warned = false
  const walk: Walk = (trail, rules) => {
    if (!isTruncated(trail.request)) return walkFrom(trail, rules)
    if (!warned) log?.warn({ code: 'IP_RISK_HEADERS_TRUNCATED' }, truncatedWarning)
    warned = true
    return noAddress(true, 'truncated_headers', ignoredHeaders(trail.request, 'truncated_headers'), trail.peer)
  }
  const unlisted = settings.cloudflareMode === 'unset' ? CLOUDFLARE : 0

  // Proxies are few and send many requests: the one that was accepted last need not be parsed again.
  let proxy: Peer & { readonly ip: string } | undefined

  const resolve = (given: RawRequest, text = given.socket?.remoteAddress): ClientIp => {
    const known = text === proxy?.address?.text ? proxy : undefined
    if (known !== undefined && mayWalkOnce && (known.mark & TRUSTED) !== 0) {
      const client = walkOnce(given, rules, known.ip)
      if (client !== undefined) return client
    }
    const request = given.headers === undefined ? { socket: given.socket, headers: {} } : given
    if (known !== undefined) return walk(startTrail(request, rules, known), rules)
    if (typeof text !== 'string') return withoutPeer(request, rules, walk)
    const address = parsePeer(text)
    const mark = address === undefined ? UNSPECIFIED : rules.map.at(address.family)
    if (address === undefined || (mark & SCOPE_MASK) === UNSPECIFIED) {
      return noAddress(false, 'no_peer', ignoredHeaders(request, 'no_peer'))
    }
    const ip = textOf(address)
    if ((mark & rules.acceptedMask) !== 0) {
      proxy = { ip, address, mark }
      return walk(startTrail(request, rules, proxy), rules)
    }
    const ignored = ignoredHeaders(request, 'peer_untrusted')
    const reason = ignored === nothingIgnored ? undefined : 'peer_untrusted'
    const infrastructure = (mark & unlisted) !== 0
    return addressResult(ip, address.family, mark, 'remote_address', ip, 0, infrastructure, false, reason, ignored)
  }

  const selected = selector(settings.select, log)
  /** What `select` names has been verified by nobody but the operator. Where lines are missing, it is not called. */
  const resolveSelected = (request: RawRequest, connected = request.socket?.remoteAddress): ClientIp => {
    const truncated = request.headers !== undefined && isTruncated(request)
    const text = truncated ? undefined : selected!(request)
    const address = text === undefined ? undefined : parsePeer(text)
    if (address === undefined) return resolve(request, connected)
    const mark = rules.map.at(address.family)
    const ip = textOf(address)
    const peer = canonicalAddress(connected ?? '')
    return addressResult(ip, address.family, mark, 'selected', peer, 0, false, false, undefined, nothingIgnored)
  }
  const find = selected === undefined ? resolve : resolveSelected

  let current: readonly Cidr[] = settings.cloudflare
  const setCloudflareRanges: SetCloudflareRanges = ranges => {
    try {
      current = replacementList(ranges, current)
    } catch (error) {
      const problem = (error as Error).message
      log?.warn({ code: 'IP_RISK_CLOUDFLARE_RANGES_REFUSED' },
        `the new list of Cloudflare's ranges is refused, the old one stays: ${problem}`)
      return { accepted: false, problem }
    }
    rules.map = trustMap({ ...settings, cloudflare: current })
    rules.recent = createRecentClients()
    proxy = undefined
    return { accepted: true }
  }

  const isCloudflare = (ip: string): boolean => {
    const family = parseAddress(ip)
    return family !== 0 && (rules.map.at(family) & CLOUDFLARE) !== 0
  }

  const { trusted, unix, hops, everyHop } = settings
  const readsHeaders = on || everyHop || trusted.length > 0 ||
    [selected, unix, hops].some(option => option !== undefined)
  const explain = explainer(rules, find)
  return { resolve: find, explain, setCloudflareRanges, isCloudflare, warnings, settings, readsHeaders }
}

/**
 * A unix socket has no address. That alone proves nothing: a TCP socket that was closed has none either, so the
 * listener is asked.
 */
function withoutPeer (request: RawRequest, rules: Rules, walk: Walk): ClientIp {
  if (rules.unix === undefined || !isUnixListener(request.socket?.server)) {
    return noAddress(false, 'no_peer', ignoredHeaders(request, 'no_peer'))
  }
  const mark = rules.unix === 'via' ? VIA : TRUSTED
  return walk(startTrail(request, rules, { ip: null, address: undefined, mark }), rules)
}

function ignoredHeaders ({ headers }: RawRequest, why: ResolveReason): readonly IgnoredHeader[] {
  if (headers['cf-connecting-ip'] === undefined && headers['x-forwarded-for'] === undefined &&
    headers.forwarded === undefined && headers['x-real-ip'] === undefined) return nothingIgnored
  return forwardingHeaders.filter(header => headers[header] !== undefined).map(header => ({ header, why }))
}

/** The resolver alone. Throws an `IpRiskError` on a bad option. */
export function createClientIpResolver (options?: ClientIpOptions, log?: Pick<IpRiskLogger, 'warn'>): ClientIpResolver {
  const { resolve, explain, warnings, setCloudflareRanges } = createClientIp(options, log)
  // A second argument would be believed as the peer, and `requests.map(resolve)` gives one.
  return Object.assign((request: RawRequest) => resolve(request), { explain, warnings, setCloudflareRanges })
}

/** Why nobody is asked about the address; undefined: it is looked up, by its `lookupAddress`. */
export function notLookedUp (
  { ip, infrastructure, scope, reason }: ClientIp
): Extract<UnknownReason, 'truncated_headers' | 'no_ip' | 'infrastructure' | 'not_public'> | undefined {
  if (ip === null) return reason === 'truncated_headers' ? 'truncated_headers' : 'no_ip'
  if (infrastructure) return 'infrastructure'
  return lookupAddress(ip, scope) === null ? 'not_public' : undefined
}
