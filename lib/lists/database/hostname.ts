import type { Evidence } from './score.ts'
import type { MarkKind } from './snapshot.ts'

/** What a name by reverse DNS is evidence of. The operator of an address chooses it, so no name lowers a score. */
export type HostnameKind = 'vpn' | 'hosting'

/** RFC 1035, section 2.3.4. */
const MAX_LENGTH = 253
/** Whole labels or parts of labels between hyphens. Companies name their own gateways so, too. */
const VPN_WORDS = /(?:^|[.-])(?:vpn|openvpn|wireguard|tor-?exit|exit-?node|tor-?relay|proxy|socks5?)\d*(?:[.-]|$)/
/** Domains under which VPN providers name their servers. */
const VPN_DOMAINS = domains(
  'airservers.org azirevpn.net expressvpn.com ipvanish.com ivpn.net mullvad.net nordvpn.com ovpn.com privacy.network ' +
  'perfect-privacy.com privatevpn.com protonvpn.com protonvpn.net purevpn.net surfshark.com torservers.net ' +
  'windscribe.com'
)
const HOSTING_WORDS =
  /(?:^|[.-])(?:vps|vds|srv|server|dedicated|dedi|colo|cloud|hosted-by|hosting|kvm|compute)\d*(?:[.-]|$)/
/** Domains under which clouds and hosters name what they rent out. */
const HOSTING_DOMAINS = domains(
  'amazonaws.com contaboserver.net googleusercontent.com leaseweb.com linodeusercontent.com m247.com oraclecloud.com ' +
  'ovh.net ovh.ca ovh.us poneytelecom.eu vultrusercontent.com your-server.de'
)

function domains (names: string): RegExp {
  return new RegExp(`(?:^|\\.)(?:${names.replaceAll('.', '\\.').replaceAll(' ', '|')})$`)
}

/** Undefined: the name says nothing. Any text may be asked about. */
export function hostnameKind (name: string): HostnameKind | undefined {
  if (name.length > MAX_LENGTH) return undefined
  const plain = name.toLowerCase().replace(/\.$/, '')
  if (VPN_DOMAINS.test(plain) || VPN_WORDS.test(plain)) return 'vpn'
  return HOSTING_DOMAINS.test(plain) || HOSTING_WORDS.test(plain) ? 'hosting' : undefined
}

/** The name as one more list: a hosting name is one word among those of other lists of hosters. */
export const hostnameMarks: Readonly<Record<HostnameKind, Evidence['marks'][number]>> = {
  vpn: markOf('vpn-name'),
  hosting: markOf('hosting-asn')
}

function markOf (kind: MarkKind): Evidence['marks'][number] {
  const none = { dateSeconds: 0, prefixes4: 0, prefixes6: 0, asns: 0, builtIn: true } as const
  return { list: { id: 'reverse-dns', kind, halfLifeDays: null, trust: 1, ...none }, day: 0 }
}
