import type { IpInfo, KnownAnswer, Signal } from '../../types/contract.ts'
import { categoryNames, type KnownResult, rankOf, verdictNames } from '../verdict/index.ts'

/**
 * A known answer as one short string. A string has no references for the garbage collector to follow: it pauses for a
 * tenth of the time that as many parsed answers cost. Left out is what nothing reads
 * again: the request id and the name of the provider.
 */
export type CompactAnswer = string

const infoNames = [
  'asn', 'org', 'isp', 'country', 'countryCode', 'city', 'lat', 'lon', 'type', 'isProxy', 'vpnProvider',
  'vpnProviderSources'
] as const satisfies readonly (keyof IpInfo)[]
/** The most frequent types: an index in this list is shorter than a name. */
const signalTypes: readonly string[] = [
  'known_vpn_exact', 'known_vpn_cidr', 'tor_exit', 'vpn_asn', 'vpn_org_keyword', 'dc_ip', 'residential_proxy_backbone',
  'proxy_rdns_pattern', 'public_proxy_list', 'mtu_anomaly', 'ttl_os_mismatch', 'tcp_window_anomaly', 'ja3_known_vpn',
  'rtt_snitch', 'geo_rtt_mismatch', 'active_probe_openvpn', 'active_probe_wireguard', 'active_probe_ikev2',
  'active_probe_reality', 'active_probe_socks5', 'active_probe_http_connect', 'tz_mismatch', 'lang_mismatch',
  'webrtc_leak', 'nonstandard_port'
]
/** One such character makes V8 store the whole string with two bytes per character. */
const wideCharacters = /[^\0-ÿ]/g

type Fields = readonly [
  verdict: number, score: number | null, isVpn: 0 | 1, confidence: number | null, categories: number,
  signals: readonly (string | number)[], info: readonly unknown[]
]

export function toCompact (answer: KnownAnswer): CompactAnswer {
  const signals: (string | number)[] = []
  for (const { type, weight, detail } of answer.signals) {
    const index = signalTypes.indexOf(type)
    signals.push(index < 0 ? type : index, weight, detail)
  }
  let categories = 0
  for (const category of answer.categories) categories |= 1 << categoryNames.indexOf(category)
  const info: unknown[] = infoNames.map(name => answer.info[name] ?? null)
  while (info.length > 0 && info.at(-1) === null) info.pop()
  const fields: Fields = [
    rankOf(answer.verdict), answer.score, answer.isVpn ? 1 : 0, answer.confidence, categories, signals,
    info
  ]
  return JSON.stringify(fields)
    .replace(wideCharacters, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** 0 for `clean` to 3 for `vpn_detected`, without parsing a compact answer. */
export function severity (answer: KnownAnswer | CompactAnswer): number {
  return typeof answer === 'string' ? Number(answer[1]) : verdictNames.indexOf(answer.verdict)
}

/** Deeply frozen: requests share it. */
export function fromCompact (compact: CompactAnswer): KnownAnswer {
  const [verdict, score, isVpn, confidence, categories, signals, info] = JSON.parse(compact) as Fields
  return Object.freeze({
    verdict: verdictNames[verdict]!,
    score,
    isVpn: isVpn === 1,
    confidence,
    signals: readSignals(signals),
    info: frozenInfo(i => info[i]),
    categories: Object.freeze(categoryNames.filter((_, i) => (categories & (1 << i)) !== 0))
  })
}

function readSignals (fields: readonly (string | number)[]): readonly Signal[] {
  const signals: Signal[] = []
  for (let i = 0; i < fields.length; i += 3) {
    const [type, weight, detail] = fields.slice(i, i + 3) as [string | number, number, string]
    signals.push(Object.freeze({ type: typeof type === 'number' ? signalTypes[type]! : type, weight, detail }))
  }
  return Object.freeze(signals)
}

function frozenInfo (field: (index: number, name: keyof IpInfo) => unknown): IpInfo {
  const info: { [name: string]: unknown } = {}
  for (const [i, name] of infoNames.entries()) {
    const value = field(i, name) ?? undefined
    if (value !== undefined) info[name] = Array.isArray(value) ? Object.freeze([...value]) : value
  }
  return Object.freeze(info)
}

/** A deeply frozen copy of the shape that the caches return. The provider may go on changing its own object. */
export function frozenCopy (answer: KnownAnswer): KnownAnswer {
  const { verdict, score, isVpn, confidence, signals, info, categories, provider, requestId } = answer
  return Object.freeze({
    verdict,
    score,
    isVpn,
    confidence,
    signals: Object.freeze(signals.map(({ type, weight, detail }) => Object.freeze({ type, weight, detail }))),
    info: frozenInfo((_, name) => info[name]),
    categories: Object.freeze(categoryNames.filter(name => categories.includes(name))),
    ...provider !== undefined && { provider },
    ...requestId !== undefined && { requestId }
  })
}

/** Keeps the newest entries parsed, and makes the one that falls out compact. To be called when an entry is parsed. */
export function createCompaction (keptParsed: number): (entry: { value: KnownResult | CompactAnswer }) => void {
  const parsed: ({ value: KnownResult | CompactAnswer } | undefined)[] = []
  let next = 0
  return entry => {
    const oldest = parsed[next]
    if (oldest !== undefined && typeof oldest.value !== 'string') oldest.value = toCompact(oldest.value.answer)
    parsed[next] = entry
    next = (next + 1) % keptParsed
  }
}
