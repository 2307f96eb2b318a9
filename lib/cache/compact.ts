import type { IpInfo, KnownAnswer, Signal } from '../../types/contract.ts'
import { categoryNames, verdictNames } from '../verdict/index.ts'

/**
 * A known answer as one short string. A hundred thousand of them are a hundred thousand leaves for the garbage collector, which stops for a
 * tenth of the time that as many parsed answers cost. Left out is what nobody reads again: the request id and the member's name.
 */
export type CompactAnswer = string

const infoNames = [
  'asn', 'org', 'isp', 'country', 'countryCode', 'city', 'lat', 'lon', 'type', 'isProxy', 'vpnProvider', 'vpnProviderSources'
] as const satisfies readonly (keyof IpInfo)[]
/** Those that occur most; a place in this list is shorter than a name. */
const signalTypes: readonly string[] = [
  'known_vpn_exact', 'known_vpn_cidr', 'tor_exit', 'vpn_asn', 'vpn_org_keyword', 'dc_ip', 'residential_proxy_backbone', 'proxy_rdns_pattern',
  'public_proxy_list', 'mtu_anomaly', 'ttl_os_mismatch', 'tcp_window_anomaly', 'ja3_known_vpn', 'rtt_snitch', 'geo_rtt_mismatch',
  'active_probe_openvpn', 'active_probe_wireguard', 'active_probe_ikev2', 'active_probe_reality', 'active_probe_socks5',
  'active_probe_http_connect', 'tz_mismatch', 'lang_mismatch', 'webrtc_leak', 'nonstandard_port'
]
/** Two bytes a character otherwise, for the whole string. */
const wideCharacters = /[^\0-ÿ]/g

type Fields = readonly [
  verdict: number, score: number | null, isVpn: 0 | 1, confidence: number | null, categories: number,
  signals: readonly (string | number)[], info: readonly unknown[]
]

export function toCompact (answer: KnownAnswer): CompactAnswer {
  const signals: (string | number)[] = []
  for (const { type, weight, detail } of answer.signals) {
    const place = signalTypes.indexOf(type)
    signals.push(place < 0 ? type : place, weight, detail)
  }
  let categories = 0
  for (const category of answer.categories) categories |= 1 << categoryNames.indexOf(category)
  const info: unknown[] = infoNames.map(name => answer.info[name] ?? null)
  while (info.length > 0 && info.at(-1) === null) info.pop()
  const fields: Fields = [
    verdictNames.indexOf(answer.verdict), answer.score, answer.isVpn ? 1 : 0, answer.confidence, categories, signals, info
  ]
  return JSON.stringify(fields).replace(wideCharacters, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** 0 for `clean` to 3 for `vpn_detected`. Of a packed answer it costs nothing to speak of. */
export function severity (answer: KnownAnswer | CompactAnswer): number {
  return typeof answer === 'string' ? Number(answer[1]) : verdictNames.indexOf(answer.verdict)
}

/** Frozen through and through: requests share it. */
export function fromCompact (packed: CompactAnswer): KnownAnswer {
  const [verdict, score, isVpn, confidence, categories, signals, info] = JSON.parse(packed) as Fields
  return Object.freeze({
    verdict: verdictNames[verdict]!,
    score,
    isVpn: isVpn === 1,
    confidence,
    signals: unpackSignals(signals),
    info: unpackInfo(info),
    categories: Object.freeze(categoryNames.filter((_, i) => (categories & (1 << i)) !== 0))
  })
}

function unpackSignals (fields: readonly (string | number)[]): readonly Signal[] {
  const signals: Signal[] = []
  for (let i = 0; i < fields.length; i += 3) {
    const type = fields[i]!
    signals.push(Object.freeze({ type: typeof type === 'number' ? signalTypes[type]! : type, weight: fields[i + 1] as number, detail: fields[i + 2] as string }))
  }
  return Object.freeze(signals)
}

function unpackInfo (fields: readonly unknown[]): IpInfo {
  const info: { [name: string]: unknown } = {}
  for (const [i, field] of fields.entries()) {
    if (field !== null) info[infoNames[i]!] = Array.isArray(field) ? Object.freeze(field) : field
  }
  return Object.freeze(info)
}
