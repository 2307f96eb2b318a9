import type { KnownAnswer, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { int, optional, text } from '../../util/index.ts'
import { isObject, type Json, readNumber, readText, unknownAnswer } from '../../verdict/index.ts'
import {
  checkSecret, type HttpReplyInfo, type HttpRequest, namedHttpProvider, type RemoteOptions, type Secret
} from '../http/index.ts'
import { type Finding, grade, infoOf, sectionOf, sharedExit, sharedExitName } from './grade.ts'
import { readVendorOptions, type VendorSpecification } from './options.ts'

/** The options of `proxycheck`. */
export interface ProxycheckOptions extends RemoteOptions {
  /** The API key. proxycheck.io takes it only in the URL. Without a key: 100 queries a day. */
  readonly key?: Secret | undefined
  /** The version of the answers (`ver`), such as `10-October-2025`. Default: the newest. */
  readonly version?: string | undefined
  /** Days for which evidence counts (`days`), 1 to 60. Default: the service's. */
  readonly days?: number | undefined
}

const specification = {
  key: optional(checkSecret),
  version: text(undefined),
  days: int(1, 60, undefined)
} satisfies VendorSpecification<ProxycheckOptions>

/** Keys of the body that are no address. */
const metaKeys: ReadonlySet<string> = new Set(['status', 'message', 'node', 'query_time', 'ip'])

/**
 * proxycheck.io, API v3: VPN, proxy, Tor, operator and risk. Defaults: 1,000 queries a day, 100 without a key, by the
 * day of UTC (a guess).
 */
export function proxycheck (options: ProxycheckOptions = {}): Provider {
  const { key, version, days: window, remote } = readVendorOptions('proxycheck', options, specification)
  const query = (secret: string): NonNullable<HttpRequest['query']> =>
    ({ key: secret === '' ? undefined : secret, ver: version, days: window === undefined ? undefined : String(window) })
  return namedHttpProvider<unknown>('proxycheck', {
    baseUrl: 'https://proxycheck.io',
    limits: { perCalendarDay: key === undefined ? 100 : 1_000 },
    ...remote,
    name: `proxycheck${version === undefined ? '' : `/${version}`}${window === undefined ? '' : `@${window}d`}`,
    quotaName: 'proxycheck',
    ...key !== undefined && { secret: key },
    spentUntil: 'day',
    // The statuses of v3 are not published: the body counts, whatever comes with it.
    alsoRead: [400, 401, 403, 429],
    request: (ip, secret) => ({ path: `/v3/${encodeURIComponent(ip)}`, query: query(secret) }),
    read: readProxycheck,
    bulk: {
      max: key === undefined ? 100 : 1_000,
      request: (ips, secret) => ({ path: '/v3/', query: query(secret), form: { ips: ips.join(',') } }),
      read: readProxycheck
    }
  })
}

export function readProxycheck (body: unknown, ip: string, reply: HttpReplyInfo): ProviderAnswer | null {
  if (!isObject(body)) return null
  const status = body['status']
  if (status === 'denied' || status === 'error') return refusal(status, readText(body['message']) ?? '')
  if (status !== 'ok' && status !== 'warning') return null
  // Under any spelling of the address, but two objects about it contradict each other.
  const rows = Object.entries(body).filter(([name]) => !metaKeys.has(name) && canonicalAddress(name) === ip)
  const found = rows.length === 1 ? rows[0]![1] : undefined
  return isObject(found) ? answerOf(found, reply) : null
}

function refusal (status: string, message: string): ProviderAnswer {
  if (/exhausted|queries/i.test(message)) return unknownAnswer('quota_exhausted', 'proxycheck denied: limit')
  if (/per second|slow down/i.test(message)) {
    return { ...unknownAnswer('rate_limited', 'proxycheck denied: rate'), retryAfterSeconds: 5 }
  }
  if (status === 'error') return unknownAnswer('rejected', 'proxycheck error')
  return {
    ...unknownAnswer('rejected', 'proxycheck denied'),
    retryAfterSeconds: 3_600,
    alert: 'proxycheck.io refuses our calls, so they stop for an hour. Check the key in its dashboard, and that ' +
      'calls do not go through a proxy.'
  }
}

function answerOf (sections: Json, { isOld }: HttpReplyInfo): KnownAnswer | null {
  const flags = sections['detections']
  const risk = isObject(flags) ? readNumber(flags['risk']) : undefined
  // A flag that is absent, null or no boolean is damage, which must not read as clean.
  if (!isObject(flags) || risk === undefined || risk < 0 || risk > 100) return null
  if (!flagNames.every(name => typeof flags[name] === 'boolean')) return null
  const { operator } = sections
  const net = sectionOf(sections['network'])
  const place = sectionOf(sections['location'])
  const operatorName = isObject(operator) ? readText(operator['name']) : undefined
  const info = infoOf({
    asn: net['asn'],
    org: net['organisation'],
    isp: net['provider'],
    type: net['type'],
    country: place['country_name'],
    country_code: place['country_code'],
    city: place['city_name'],
    vpn_provider: operatorName
  })
  const shared = flags['tor'] === true ? null : sharedExitName(operatorName)
  if (shared !== null) return sharedExit(shared, info, 0)
  const sure = readNumber(flags['confidence'])
  const old = isOld(flags['last_seen'])
  const findings: Finding[] = []
  const find = (name: string, verdict: Finding['verdict'], category: Finding['category']): void => {
    const type = `proxycheck_${name}`
    if (flags[name] === true) findings.push({ type, verdict: old ? 'suspicious' : verdict, category })
  }
  find('tor', 'vpn_detected', 'tor')
  find('vpn', sure !== undefined && sure < 60 ? 'vpn_likely' : 'vpn_detected', 'vpn')
  find('proxy', sure !== undefined && sure >= 90 ? 'vpn_detected' : 'vpn_likely', 'proxy')
  find('compromised', 'suspicious', 'abuse')
  find('scraper', 'suspicious', 'abuse')
  find('hosting', 'suspicious', 'hosting')
  const anonymous = flags['anonymous'] === true && findings.length === 0
  const confidence = sure === undefined || sure < 0 || sure > 100 ? null : sure / 100
  const atLeast = anonymous || risk >= 67 ? 'suspicious' : 'clean'
  return grade(findings, { score: risk / 100, atLeast, confidence, info })
}

const flagNames = ['proxy', 'vpn', 'compromised', 'scraper', 'tor', 'hosting', 'anonymous'] as const
