import type { Category, IpInfo, ProviderAnswer, Signal } from '../../../types/contract.ts'
import { BANDS, verdictOf } from '../../lists/index.ts'
import { readText, relayOrWarp } from '../../verdict/index.ts'

export const MMDB_KINDS = ['anonymous-ip', 'anonymous-plus', 'residential-proxy', 'ip-risk', 'asn'] as const
/** What a file of MaxMind's format is about. `asn` says who runs a network, and nothing about risk. */
export type MmdbKind = typeof MMDB_KINDS[number]

/**
 * What each flag of Anonymous IP, Anonymous Plus and IP Risk means. Flags are tested one by one, and only `true`
 * counts: a record without flags is `{}`. They come from one publisher, so the strongest decides and they do not add
 * up. Bands of the score are those of `lists()`: 0.25 suspicious, 0.6 vpn_likely, 0.9 vpn_detected.
 *
 * is_tor_exit_node      vpn_detected                                              tor is_anonymous_vpn
 * vpn_detected; with `anonymizer_confidence` below 90: vpn_likely                                                vpn
 * is_public_proxy       vpn_likely                                                proxy is_residential_proxy
 * vpn_likely (people share the address)                     proxy is_anonymous_proxy    vpn_likely (older files)
 * proxy is_hosting_provider   suspicious, never more                                    hosting is_anonymous alone
 * suspicious ip_risk (0.01..99)    a hundredth is the score: from 25 suspicious, from 60 vpn_likely, from 90
 * vpn_detected                          abuse from 60 Residential Proxy     a record is the finding:
 * `anonymizer_confidence` below 60 suspicious, else vpn_likely                               proxy ASN, ISP
 * says who runs the network and nothing about its risk: always `unknown`, reason `no_data`, with `info` no record, or
 * `{}`    clean, score 0: these files name every network that their publisher flags a record of another shape
 * `unknown`, reason `no_data`: the file is not of the kind that was given
 */
const FLAGS: readonly {
  readonly flag: string, readonly type: string, readonly weight: number, readonly category?: Category
}[] = [
  { flag: 'is_tor_exit_node', type: 'tor_exit', weight: 1, category: 'tor' },
  { flag: 'is_anonymous_vpn', type: 'known_vpn_cidr', weight: 0.95, category: 'vpn' },
  { flag: 'is_public_proxy', type: 'public_proxy_list', weight: 0.75, category: 'proxy' },
  { flag: 'is_residential_proxy', type: 'residential_proxy_backbone', weight: 0.75, category: 'proxy' },
  { flag: 'is_anonymous_proxy', type: 'public_proxy_list', weight: 0.75, category: 'proxy' },
  { flag: 'is_hosting_provider', type: 'dc_ip', weight: 0.45, category: 'hosting' }
]
const ANONYMOUS_ALONE = 0.3
const FIELDS = new Set([...FLAGS.map(({ flag }) =>
  flag), 'is_anonymous', 'ip_risk', 'anonymizer_confidence', 'provider_name', 'network_last_seen'])

type Json = Readonly<Record<string, unknown>>

const noData = { verdict: 'unknown', reason: 'no_data' } as const

/**
 * The answer that a record means; `null` is the record of an address that the file does not name. Never throws.
 */
export function answerOf (kind: MmdbKind, record: unknown): ProviderAnswer {
  if (record !== null && (typeof record !== 'object' || Array.isArray(record))) return noData
  const json: Json = record as Json ?? {}
  if (kind === 'asn') return networkAnswer(json)
  if (Object.keys(json).length > 0 && !Object.keys(json).some(name => FIELDS.has(name))) return noData
  const signals = kind === 'residential-proxy' ? residentialSignals(record, json) : flagSignals(json)
  const score = Math.max(0, ...signals.map(({ weight }) => weight))
  const categories = categoriesOf(signals, relayOrWarp(json['provider_name']))
  return {
    verdict: verdictOf(score),
    score,
    isVpn: score >= BANDS.vpnLikely && categories.some(category => category === 'vpn' || category === 'proxy' ||
      category === 'tor'),
    confidence: percent(json['anonymizer_confidence']) ?? null,
    signals,
    info: anonymousInfo(json, categories),
    categories
  }
}

function flagSignals (json: Json): Signal[] {
  const detail = detailOf(json)
  const signals: Signal[] = FLAGS.filter(({ flag }) => json[flag] === true).map(({ flag, type, weight }) => {
    const confidence = flag === 'is_anonymous_vpn' ? percent(json['anonymizer_confidence']) : undefined
    return {
      type,
      weight: confidence === undefined
        ? weight
        : Math.max(BANDS.vpnLikely, confidence),
      detail: `${flag}${detail}`
    }
  })
  if (signals.length === 0 && json['is_anonymous'] === true) {
    signals.push({ type: 'anonymous_network', weight: ANONYMOUS_ALONE, detail: `is_anonymous${detail}` })
  }
  const risk = percent(json['ip_risk'])
  if (risk !== undefined) signals.push({ type: 'ip_risk', weight: risk, detail: `ip_risk ${String(json['ip_risk'])}` })
  return signals
}

function residentialSignals (record: unknown, json: Json): Signal[] {
  if (record === null) return []
  const confidence = percent(json['anonymizer_confidence']) ?? BANDS.vpnLikely
  // Never "detected": the address belongs to somebody's home, and others are behind it.
  const weight = Math.min(0.89, Math.max(BANDS.suspicious, confidence))
  return [{ type: 'residential_proxy_backbone', weight, detail: `residential proxy${detailOf(json)}` }]
}

function categoriesOf (signals: readonly Signal[], named: Category | null): Category[] {
  const found = new Set<Category>()
  for (const { type, weight } of signals) {
    const category = FLAGS.find(flag => flag.type === type)?.category
    // Ordinary customers use a private relay or WARP.
    if (category !== undefined) found.add(category === 'vpn' && named !== null ? named : category)
    if (type === 'ip_risk' && weight >= BANDS.vpnLikely) found.add('abuse')
  }
  return [...found]
}

function detailOf (json: Json): string {
  const seen = readText(json['network_last_seen'])
  const provider = readText(json['provider_name'])
  return [provider, seen === undefined
    ? undefined
    : `seen ${seen}`].filter(part => part !== undefined).map(part => `, ${part}`).join('')
}

function anonymousInfo (json: Json, categories: readonly Category[]): IpInfo {
  const vpnProvider = readText(json['provider_name'])
  return { ...vpnProvider !== undefined && { vpnProvider }, ...categories.includes('proxy') && { isProxy: true } }
}

function networkAnswer (json: Json): ProviderAnswer {
  const number = json['autonomous_system_number']
  const org = readText(json['organization']) ?? readText(json['autonomous_system_organization'])
  const isp = readText(json['isp'])
  const asn = typeof number === 'number' && number > 0 ? `AS${number}` : undefined
  if (asn === undefined && org === undefined && isp === undefined) return noData
  return {
    ...noData,
    info: {
      ...asn !== undefined && { asn },
      ...org !== undefined && { org },
      ...isp !== undefined && { isp }
    }
  }
}

/** A hundredth of a number from 0 to 100. */
function percent (value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 100 ? Math.round(value * 100) / 10_000 : undefined
}
