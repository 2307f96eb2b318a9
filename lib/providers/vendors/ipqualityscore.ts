import type { Provider, ProviderAnswer } from '../../../types/contract.ts'
import { checkBoolean, checkNumber, oneOf, optional } from '../../util/index.ts'
import { isObject, type Json, readNumber, readText, unknownAnswer } from '../../verdict/index.ts'
import { namedHttpProvider, type RemoteOptions, type Secret } from '../http/index.ts'
import { type Finding, grade, infoOf, sharedExit, sharedExitName } from './grade.ts'
import { readVendorOptions, requiredKey, type VendorSpecification } from './options.ts'

/** The options of `ipqualityscore`. */
export interface IpqualityscoreOptions extends RemoteOptions {
  /** The API key. */
  readonly key: Secret
  /** `header`: `IPQS-KEY`, so that no URL holds the key. `path`: the documented long route. Default `header`. */
  readonly keyIn?: 'header' | 'path' | undefined
  /** 0 to 3; the vendor advises 0 or 1. Default: the vendor's. */
  readonly strictness?: number | undefined
  /** Fewer penalties for shared exits, such as those of companies and universities. Default: the vendor's. */
  readonly allowPublicAccessPoints?: boolean | undefined
  /** Fewer penalties for mixed quality exits. Default: the vendor's. */
  readonly lighterPenalties?: boolean | undefined
  /** Faster answers with fewer checks. Default: the vendor's. */
  readonly fast?: boolean | undefined
}

/** As its query takes it. */
const flagText = optional((path, given) => String(checkBoolean(path, given, false)))

const specification = {
  key: requiredKey('it is in the dashboard of IPQualityScore'),
  keyIn: oneOf(['header', 'path'], 'header'),
  strictness: optional((path, given) => String(checkNumber(path, given, 0, { min: 0, max: 3 }))),
  allowPublicAccessPoints: flagText,
  lighterPenalties: flagText,
  fast: flagText
} satisfies VendorSpecification<IpqualityscoreOptions>

/**
 * IPQualityScore: fraud score and active VPN. Defaults of its free plan: 35 calls a day and 1,000 a month (UTC, a
 * guess).
 */
export function ipqualityscore (options: IpqualityscoreOptions): Provider {
  const { key, keyIn, remote, ...given } = readVendorOptions('ipqualityscore', options, specification)
  const query = {
    strictness: given.strictness,
    allow_public_access_points: given.allowPublicAccessPoints,
    lighter_penalties: given.lighterPenalties,
    fast: given.fast
  }
  const changed = Object.entries(query).flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`])
  return namedHttpProvider<unknown>('ipqualityscore', {
    baseUrl: 'https://www.ipqualityscore.com',
    limits: { perCalendarDay: 35, perMonth: 1_000 },
    ...remote,
    name: `ipqualityscore${changed.length === 0 ? '' : `/${changed.join('+')}`}`.slice(0, 80),
    quotaName: 'ipqualityscore',
    secret: key,
    spentUntil: 'day',
    request: (ip, secret) => keyIn === 'header'
      ? { path: '/api/json/ip', query: { ip, ...query }, headers: { 'ipqs-key': secret } }
      : { path: `/api/json/ip/${encodeURIComponent(secret)}/${encodeURIComponent(ip)}`, query },
    read: readIpqualityscore
  })
}

export function readIpqualityscore (body: unknown): ProviderAnswer | null {
  if (!isObject(body)) return null
  // A refusal comes under 200 with all flags false.
  if (body['success'] === false) return refusal(readText(body['message']) ?? '')
  const score = readNumber(body['fraud_score'])
  const isSound = flagNames.every(name => body[name] === undefined || typeof body[name] === 'boolean')
  if (body['success'] !== true || score === undefined || score < 0 || score > 100 || !isSound) return null
  if (['vpn', 'proxy', 'tor'].some(name => typeof body[name] !== 'boolean')) return null
  const info = infoOf({
    asn: body['ASN'],
    isp: body['ISP'],
    org: body['organization'],
    country_code: body['country_code'],
    city: body['city'],
    type: body['connection_type']
  })
  const isTor = body['tor'] === true || body['active_tor'] === true
  const shared = isTor ? null : sharedExitName(body['organization'], body['ISP'])
  if (shared !== null && score < 75) return sharedExit(shared, info, score / 100)
  return answerOf(body, score, info)
}

const flagNames = [
  'proxy', 'vpn', 'tor', 'active_vpn', 'active_tor', 'recent_abuse', 'bot_status', 'is_crawler', 'frequent_abuser',
  'high_risk_attacks', 'trusted_network'
] as const

const abuseNames = ['recent_abuse', 'frequent_abuser', 'high_risk_attacks', 'bot_status'] as const

function answerOf (body: Json, score: number, info: ReturnType<typeof infoOf>): ProviderAnswer {
  const findings: Finding[] = []
  const find = (name: string, verdict: Finding['verdict'], category: Finding['category']): void => {
    if (body[name] === true) findings.push({ type: `ipqs_${name}`, verdict, category })
  }
  find('active_tor', 'vpn_detected', 'tor')
  find('tor', 'vpn_likely', 'tor')
  find('active_vpn', 'vpn_detected', 'vpn')
  // `vpn` may mean a data-centre range that could become one.
  const isRange = body['connection_type'] === 'Data Center' && score < 75 && body['active_vpn'] !== true
  if (isRange) find('vpn', 'suspicious', 'hosting')
  else find('vpn', 'vpn_likely', 'vpn')
  // `proxy` is true whenever vpn or tor is.
  if (body['vpn'] !== true && body['tor'] !== true) find('proxy', 'vpn_likely', 'proxy')
  for (const name of abuseNames) find(name, 'suspicious', 'abuse')
  find('is_crawler', 'clean', 'crawler')
  if (body['trusted_network'] === true) {
    const capped = findings.map((finding): Finding =>
      finding.verdict === 'clean' ? finding : { ...finding, verdict: 'suspicious' })
    return grade(capped, { score: Math.min(score, 59) / 100, atLeast: score >= 75 ? 'suspicious' : 'clean', info })
  }
  const crawler = findings.filter(({ category }) => category === 'crawler')
  if (crawler.length > 0 && findings.every(({ category }) => category === 'crawler' || category === 'hosting')) {
    return grade(crawler, { score: score / 100, info })
  }
  const atLeast = score >= 88 ? 'vpn_likely' : score >= 75 ? 'suspicious' : 'clean'
  return grade(findings, { score: score / 100, atLeast, info })
}

function refusal (message: string): ProviderAnswer {
  if (/insufficient credits/i.test(message)) return unknownAnswer('quota_exhausted', 'IPQualityScore: credits')
  if (/quota/i.test(message)) return unknownAnswer('quota_exhausted', 'IPQualityScore: quota')
  if (/^invalid ipv4/i.test(message)) return unknownAnswer('rejected', 'IPQualityScore: invalid address')
  return {
    ...unknownAnswer('rejected', 'IPQualityScore: success false'),
    retryAfterSeconds: 3_600,
    alert: 'IPQualityScore refuses our calls, so they stop for an hour: check the key in its dashboard.'
  }
}
