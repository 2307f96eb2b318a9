import type { Provider, ProviderAnswer, Remaining } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { badOption } from '../../errors.ts'
import { isObject, type Json, readNumber, readText, unknownAnswer } from '../../verdict/index.ts'
import { type HttpReplyInfo, namedHttpProvider, type RemoteOptions, type Secret } from '../http/index.ts'
import { type Finding, grade, infoOf, sectionOf, sharedExit, sharedExitName } from './grade.ts'
import { readVendorOptions, requiredKey, type VendorSpecification } from './options.ts'

/** The options of `maxmindInsights`. */
export interface MaxmindInsightsOptions extends RemoteOptions {
  /** The account's number. */
  readonly accountId: number | string
  /** The licence key. Both are sent in a header. */
  readonly licenseKey: Secret
}

const specification = {
  accountId (path, given) {
    if (/^\d{1,12}$/.test(String(given))) return String(given)
    throw badOption(path, 'must be the number of the account')
  },
  licenseKey: requiredKey('it is in the account of MaxMind')
} satisfies VendorSpecification<MaxmindInsightsOptions>

/**
 * The web service GeoIP Insights of MaxMind. It has no rate, only a credit: set `costPerCall`, and `maxCostPerDay` of
 * a composite. For its sandbox: `baseUrl: 'https://sandbox.maxmind.com'`.
 */
export function maxmindInsights (options: MaxmindInsightsOptions): Provider {
  const { accountId, licenseKey, remote } = readVendorOptions('maxmindInsights', options, specification)
  return namedHttpProvider<unknown>('maxmindInsights', {
    baseUrl: 'https://geoip.maxmind.com',
    timeoutMs: 3_000,
    ...remote,
    name: 'maxmind-insights',
    secret: licenseKey,
    // 402 is a spent credit or a missing permission, 404 an answer.
    alsoRead: [400, 401, 402, 403, 404],
    request: (ip, secret) => ({
      path: `/geoip/v2.1/insights/${encodeURIComponent(ip)}`,
      headers: { authorization: `Basic ${Buffer.from(`${accountId}:${secret}`).toString('base64')}` }
    }),
    read: readInsights,
    remaining: readRemaining
  })
}

/** What is left of the credit, in queries. */
function readRemaining (body: unknown): Remaining | undefined {
  const account = isObject(body) ? body['maxmind'] : undefined
  const credit = isObject(account) ? readNumber(account['queries_remaining']) : undefined
  return credit === undefined ? undefined : { credit }
}

export function readInsights (body: unknown, ip: string, reply: HttpReplyInfo): ProviderAnswer | null {
  if (reply.status >= 400) return refusal(reply.status, isObject(body) ? readText(body['code']) ?? '' : '')
  if (!isObject(body)) return null
  const { traits, anonymizer = {} } = body
  if (!isObject(traits) || !isObject(anonymizer)) return null
  if (typeof traits['ip_address'] !== 'string' || canonicalAddress(traits['ip_address']) !== ip) return null
  if (traits['ip_risk_snapshot'] !== undefined && readNumber(traits['ip_risk_snapshot']) === undefined) return null
  // Flags are present only when true; but details without a flag are what is left of a damaged section.
  const known = ['residential', ...flagNames]
  if (Object.keys(anonymizer).length > 0 && !known.some(name => name in anonymizer)) return null
  if (anonymizer['residential'] !== undefined && !isObject(anonymizer['residential'])) return null
  // The older place of the flags is `traits`.
  const flags = { ...Object.fromEntries(flagNames.map(name => [name, traits[name]])), ...anonymizer }
  if (!flagNames.every(name => flags[name] === undefined || typeof flags[name] === 'boolean')) return null
  return answerOf(body, traits, flags, reply)
}

const flagNames = [
  'is_anonymous', 'is_anonymous_vpn', 'is_hosting_provider', 'is_public_proxy', 'is_residential_proxy',
  'is_tor_exit_node'
] as const

function answerOf (body: Json, traits: Json, flags: Json, { isOld }: HttpReplyInfo): ProviderAnswer | null {
  const country = sectionOf(body['country'])
  const residential = sectionOf(flags['residential'])
  const vpnProvider = readText(flags['provider_name']) ?? readText(residential['provider_name'])
  const info = infoOf({
    asn: traits['autonomous_system_number'],
    org: traits['autonomous_system_organization'],
    isp: traits['isp'],
    type: traits['user_type'],
    country: sectionOf(country['names'])['en'],
    country_code: country['iso_code'],
    city: sectionOf(sectionOf(body['city'])['names'])['en'],
    vpn_provider: vpnProvider
  })
  const isTor = flags['is_tor_exit_node'] === true
  const isRelay = traits['user_type'] === 'consumer_privacy_network'
  const shared = sharedExitName(flags['provider_name']) ?? (isRelay ? 'relay' : null)
  if (!isTor && shared !== null) return sharedExit(shared, info)
  const sure = readNumber(flags['confidence'])
  const old = isOld(flags['network_last_seen'])
  const findings: Finding[] = []
  const find = (name: string, found: boolean, verdict: Finding['verdict'], category: Finding['category']): void => {
    if (found) findings.push({ type: `maxmind_${name}`, verdict, category })
  }
  find('is_tor_exit_node', isTor, 'vpn_detected', 'tor')
  const confidence = sure ?? 100
  const vpn = old || confidence < 30 ? 'suspicious' : confidence < 50 ? 'vpn_likely' : 'vpn_detected'
  find('is_anonymous_vpn', flags['is_anonymous_vpn'] === true, vpn, 'vpn')
  find('is_public_proxy', flags['is_public_proxy'] === true, old ? 'suspicious' : 'vpn_likely', 'proxy')
  const isResidential = flags['is_residential_proxy'] === true || Object.keys(residential).length > 0
  const oldProxy = isOld(residential['network_last_seen'])
  find('is_residential_proxy', isResidential, oldProxy ? 'suspicious' : 'vpn_likely', 'proxy')
  find('is_hosting_provider', flags['is_hosting_provider'] === true, 'suspicious', 'hosting')
  find('crawler', traits['user_type'] === 'search_engine_spider', 'clean', 'crawler')
  const users = readNumber(traits['user_count']) ?? 0
  find('user_count', users >= 50 && !String(traits['ip_address']).includes(':'), 'clean', 'cgnat')
  const risk = readNumber(traits['ip_risk_snapshot'])
  if (risk !== undefined && (risk < 0 || risk > 100)) return null
  const onlyAnonymous = flags['is_anonymous'] === true && findings.length === 0
  return grade(findings, {
    ...risk !== undefined && { score: risk / 100 },
    atLeast: onlyAnonymous || (risk ?? 0) >= 67 ? 'suspicious' : 'clean',
    confidence: sure === undefined || sure < 0 || sure > 100 ? null : sure / 100,
    info
  })
}

function refusal (status: number, code: string): ProviderAnswer {
  const cause = `HTTP ${status} ${/^[A-Z_]{1,60}$/.test(code) ? code : ''}`.trim()
  if (status === 404 && code === 'IP_ADDRESS_NOT_FOUND') return unknownAnswer('no_data', cause)
  if (code === 'IP_ADDRESS_RESERVED') return unknownAnswer('no_data', cause)
  if (code === 'INSUFFICIENT_FUNDS') {
    return {
      ...unknownAnswer('quota_exhausted', cause),
      retryAfterSeconds: 3_600,
      alert: 'The credit at MaxMind is spent, so calls stop for an hour: buy credit, or lower what is asked.'
    }
  }
  if (status === 400 || status === 404) return unknownAnswer('rejected', cause)
  return {
    ...unknownAnswer('rejected', cause),
    retryAfterSeconds: 3_600,
    alert: 'MaxMind refuses our calls, so they stop for an hour: check the account number, the ' +
      'licence key and its permissions.'
  }
}
