import type { Provider, ProviderAnswer, Remaining } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { int } from '../../util/index.ts'
import { isObject, readNumber, readText } from '../../verdict/index.ts'
import { type HttpReplyInfo, namedHttpProvider, type RemoteOptions, type Secret } from '../http/index.ts'
import { type Finding, grade, infoOf } from './grade.ts'
import { readVendorOptions, requiredKey, type VendorSpecification } from './options.ts'

/** The options of `abuseipdb`. */
export interface AbuseipdbOptions extends RemoteOptions {
  /** The API key. It is sent in a header. */
  readonly key: Secret
  /** Age of the reports that count, in days: 1 to 365. Default 30. */
  readonly maxAgeDays?: number | undefined
}

const specification = {
  key: requiredKey('it is in the account of AbuseIPDB'),
  maxAgeDays: int(1, 365, 30)
} satisfies VendorSpecification<AbuseipdbOptions>

/**
 * AbuseIPDB: reports of abuse, and never more than `suspicious`, except for Tor. It says nothing about VPNs. Defaults:
 * 1,000 checks a day, which begins at 00:00 UTC.
 */
export function abuseipdb (options: AbuseipdbOptions): Provider {
  const { key, maxAgeDays: days, remote } = readVendorOptions('abuseipdb', options, specification)
  return namedHttpProvider<unknown>('abuseipdb', {
    baseUrl: 'https://api.abuseipdb.com',
    limits: { perCalendarDay: 1_000 },
    ...remote,
    name: days === 30 ? 'abuseipdb' : `abuseipdb@${days}d`,
    quotaName: 'abuseipdb',
    secret: key,
    spentUntil: 'day',
    spentStatuses: [402, 429],
    request: (ip, secret) => ({
      path: '/api/v2/check',
      query: { ipAddress: ip, maxAgeInDays: String(days) },
      // Without it, errors are pages of HTML.
      headers: { key: secret, accept: 'application/json' }
    }),
    read: readAbuseipdb,
    remaining: readRemaining
  })
}

function readRemaining (_body: unknown, { headers }: HttpReplyInfo): Remaining | undefined {
  const day = readNumber(headers['x-ratelimit-remaining'])
  return day === undefined ? undefined : { day }
}

export function readAbuseipdb (body: unknown, ip: string): ProviderAnswer | null {
  const data = isObject(body) ? body['data'] : undefined
  if (!isObject(data)) return null
  const about = data['ipAddress']
  const score = readNumber(data['abuseConfidenceScore'])
  if (typeof about !== 'string' || canonicalAddress(about) !== ip) return null
  if (score === undefined || score < 0 || score > 100) return null
  if (typeof data['isTor'] !== 'boolean') return null
  const usage = readText(data['usageType'])
  const info = infoOf({ isp: data['isp'], type: usage, country_code: data['countryCode'] })
  const tor: Finding = { type: 'abuseipdb_tor', verdict: 'vpn_detected', category: 'tor' }
  if (data['isTor']) return grade([tor], { info })
  if (data['isWhitelisted'] === true) return grade([], { score: 0, info })
  const findings: Finding[] = []
  const reporters = readNumber(data['numDistinctUsers'])
  // Shared addresses of carriers collect reports too: a score of one or two people is a weak one.
  const isStrong = score >= 75 && (reporters ?? 0) >= 3
  if (score >= 25) findings.push({ type: 'abuseipdb_reports', verdict: 'suspicious', category: 'abuse' })
  if (usage?.startsWith('Data Center') === true) {
    findings.push({ type: 'abuseipdb_data_center', verdict: 'suspicious', category: 'hosting' })
  }
  return grade(findings, { score: isStrong ? 0.5 : score >= 25 ? 0.3 : score / 100, info })
}
