import type { ClientIp, IpRiskLogger, RawRequest } from '../../types/contract.ts'
import { canonicalAddress } from '../ip/index.ts'
import { joinedLines } from './entry.ts'
import type { ClientIpFinder } from './resolver.ts'
import { forwardingHeaders, isUnixListener } from './result.ts'

/** Requests that must all look wrong before it is logged. */
const HEADER_WINDOW = 20
const INFRASTRUCTURE_WINDOW = 50
const CLOUDFLARE_WINDOW = 1_000

/** Misconfiguration that only traffic shows. Each finding is logged once, with the option to set. */
export interface Watch {
  /** Looks at one result; nothing is left to do once every finding was made or ruled out. */
  readonly see: (client: ClientIp, request: RawRequest) => void
  /**
   * Compares with Fastify's `request.ip`. For the plugin to call while `trustProxy` is on; true: no need to call again.
   */
  readonly compare: (client: Pick<ClientIp, 'ip'>, requestIp: string | undefined) => boolean
}

/** true: the finding was made, or never will be. */
type Check = (client: ClientIp, request: RawRequest) => boolean

export function watchMisconfiguration (
  finder: Pick<ClientIpFinder, 'settings' | 'isCloudflare'>, log: Pick<IpRiskLogger, 'warn'>
): Watch {
  const { settings, isCloudflare } = finder
  const { trusted, unix, hops, header, cloudflareMode, everyHop } = settings
  const on = cloudflareMode === 'on'
  const listsNothing = trusted.length === 0 && unix === undefined
  const say = (code: `IP_RISK_${string}`, message: string): true => {
    log.warn({ code }, message)
    return true
  }
  let wrongHeader = false

  const proxyNotListed: Check = ({ reason, scope }) => reason === 'peer_untrusted' && isInternal(scope) && say(
    'IP_RISK_PROXY_NOT_LISTED',
    'a request with forwarding headers came from an internal address, and no proxy is configured: you are behind ' +
      'a proxy that is not listed. Name it in clientIp.trusted; until then every visitor has its address')

  let ended = 0
  const onlyInfrastructure: Check = ({ infrastructure, reason }) => {
    if (!infrastructure || wrongHeader) return true
    return ++ended === INFRASTRUCTURE_WINDOW && say('IP_RISK_ONLY_INFRASTRUCTURE',
      `the first ${INFRASTRUCTURE_WINDOW} requests all ended at your own infrastructure (${reason}), so no ` +
        'visitor is judged: ' +
      `clientIp.trusted or clientIp.hops does not fit the chain, or a proxy does not send ${header}`)
  }

  let otherHeader = 0
  const headerNeverSeen: Check = ({ reason }, { headers }) => {
    if (headers[header] !== undefined) return true
    const other = (['x-forwarded-for', 'forwarded', 'x-real-ip'] as const).find(name => headers[name] !== undefined)
    if (reason !== 'header_missing' || other === undefined || ++otherHeader < HEADER_WINDOW) return false
    wrongHeader = true
    return say('IP_RISK_HEADER_NEVER_SEEN', `your proxy never sends ${header}, which is read, but ${other}: ` +
      `let it write ${header}, or set clientIp.header: '${other}' where it is your proxy that writes it`)
  }

  const cloudflareNotSet: Check = ({ ip, infrastructure, reason, hops: walked }, { headers }) => {
    const asPeer = infrastructure && walked === 0 && (reason === undefined || reason === 'peer_untrusted')
    const behindProxy = walked > 0 && !infrastructure && headers['cf-connecting-ip'] !== undefined &&
      ip !== null && isCloudflare(ip)
    return (asPeer || behindProxy) && say('IP_RISK_CLOUDFLARE_NOT_SET',
      'a request came from an address of Cloudflare, which many visitors share: set clientIp.cloudflare: ' +
        'true, or false where you are not behind it')
  }

  const unixNotListed: Check = ({ reason }, { socket }) => reason === 'no_peer' && isUnixListener(socket?.server) &&
    say('IP_RISK_UNIX_SOCKET_NOT_TRUSTED', 'a request came over a unix socket, whose peer has no address, and ' +
      'clientIp.trusted does not name "unix": every visitor is unknown, no_ip. Add "unix" to clientIp.trusted if a ' +
      'proxy connects to the socket')

  let withoutEdge = 0
  const cloudflareNeverSeen: Check = ({ source, reason, worker, infrastructure }) => {
    const edge = source === 'cf-connecting-ip' || worker || reason === 'private_client_from_public_proxy' ||
      (source === 'x-forwarded-for' && !infrastructure && reason === 'header_missing')
    if (edge) return true
    return ++withoutEdge === CLOUDFLARE_WINDOW && say('IP_RISK_CLOUDFLARE_NEVER_SEEN',
      `clientIp.cloudflare is on, and ${CLOUDFLARE_WINDOW} requests came without a hop of Cloudflare: name the ` +
        'proxy between Cloudflare and you in clientIp.trusted or clientIp.cloudflare.via, renew the list of ranges, ' +
        'or set clientIp.cloudflare: false')
  }

  const publicPeer: Check = ({ source, scope, infrastructure, hops: walked }) =>
    source === 'remote_address' && walked === 0 && !infrastructure &&
    (scope === 'public' || scope === 'documentation') && say('IP_RISK_PUBLIC_PEER_WITH_HOPS',
      'a request came straight from a public address, and clientIp.hops without clientIp.trusted believes internal ' +
      'proxies only: name the proxy in clientIp.trusted if it is one')

  const connectionHeader: Check = ({ hops: walked, infrastructure }, { headers: { connection } }) => {
    return (walked > 0 || infrastructure) && namesForwardingHeader(joinedLines(connection)) &&
      say('IP_RISK_CONNECTION_NAMES_FORWARDING_HEADER', 'a proxy passed on a Connection header in which the ' +
        'visitor names a forwarding header. It is ' +
        'ignored here, but another proxy behind that one would remove the header, and the visitor would pass for ' +
        'your own infrastructure. Do not pass it on: proxy_set_header Connection "" in nginx; docs/client-address.md ' +
        'says what to set in HAProxy')
  }

  const nothingBelieved = listsNothing && !on && hops === undefined && !everyHop
  const ofEach: Check[] = [
    ...(nothingBelieved ? [] : [headerNeverSeen, onlyInfrastructure]),
    ...(on ? [cloudflareNeverSeen] : []),
    ...(hops !== undefined && listsNothing ? [publicPeer] : [])
  ]
  const ofUnusual: Check[] = [
    nothingBelieved ? proxyNotListed : connectionHeader,
    ...(unix === undefined ? [unixNotListed] : []),
    ...(cloudflareMode === 'unset' ? [cloudflareNotSet] : [])
  ]
  let different = false
  return {
    see (client, request) {
      if (ofEach.length > 0 && request.headers !== undefined) run(ofEach, client, request)
      if (isUnusual(client, request)) run(ofUnusual, client, request)
    },
    compare (client, requestIp) {
      const theirs = requestIp === undefined ? client.ip : canonicalAddress(requestIp) ?? requestIp
      different ||= client.ip !== null && client.ip !== theirs && say('IP_RISK_REQUEST_IP_DIFFERS',
        'Fastify\'s request.ip and request.ipRisk.ip name different addresses: trustProxy and clientIp do not say ' +
          'the same. Leave trustProxy out, or give it the proxies of clientIp.trusted')
      return different
    }
  }
}

function run (checks: Check[], client: ClientIp, request: RawRequest): void {
  for (let i = checks.length - 1; i >= 0; i--) if (checks[i]!(client, request)) checks.splice(i, 1)
}

/** Most requests are not, and most checks need to look at no other. */
function isUnusual ({ reason, infrastructure }: ClientIp, { headers }: RawRequest): boolean {
  if (headers === undefined) return false
  const { connection } = headers
  return reason !== undefined || infrastructure || headers['cf-connecting-ip'] !== undefined ||
    (connection !== undefined && connection !== 'keep-alive' && connection !== 'close')
}

const forwardingNames: ReadonlySet<string> = new Set([...forwardingHeaders, 'cf-connecting-ipv6'])

/** What `Connection` names is for the next hop only, and a proxy that obeys it (RFC 9110, 7.6.1) removes the header. */
function namesForwardingHeader (connection: string): boolean {
  return connection.toLowerCase().split(',').some(name => forwardingNames.has(name.trim()))
}

function isInternal (scope: ClientIp['scope']): boolean {
  return scope === 'loopback' || scope === 'private' || scope === 'shared' || scope === 'link_local'
}
