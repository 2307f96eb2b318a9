import type { Provider, ProviderAnswer } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { optional } from '../../util/index.ts'
import { isObject, type Json, readText, unknownAnswer } from '../../verdict/index.ts'
import { checkSecret, type HttpReplyInfo, namedHttpProvider, type RemoteOptions, type Secret } from '../http/index.ts'
import { type Finding, grade, infoOf, sectionOf, sharedExit, sharedExitName } from './grade.ts'
import { readVendorOptions, type VendorSpecification } from './options.ts'

/** The options of `ipapiIs`. */
export interface IpapiIsOptions extends RemoteOptions {
  /** The API key, which ipapi.is takes only in the URL or a bulk body. Without one: 1,000 calls a day, too. */
  readonly key?: Secret | undefined
}

const specification = { key: optional(checkSecret) } satisfies VendorSpecification<IpapiIsOptions>

/** Cloudflare's network, from which WARP comes. */
const cloudflareAsn = 13335

/**
 * ipapi.is: good for Tor and hosting; it calls too much a VPN. Defaults: 1,000 calls a day (UTC, a guess), `timeoutMs`
 * 2 000: some of its answers take longer than 20 s.
 */
export function ipapiIs (options: IpapiIsOptions = {}): Provider {
  const { key, remote } = readVendorOptions('ipapiIs', options, specification)
  return namedHttpProvider<unknown>('ipapiIs', {
    baseUrl: 'https://api.ipapi.is',
    limits: { perCalendarDay: 1_000 },
    timeoutMs: 2_000,
    ...remote,
    name: 'ipapi-is',
    ...key !== undefined && { secret: key },
    spentUntil: 'day',
    // Errors come with a code in the body, under 400 and, for older clients, under 200.
    alsoRead: [400, 401, 403, 429],
    request: (ip, secret) => ({ path: '/', query: { q: ip, key: secret === '' ? undefined : secret } }),
    read: readIpapiIs,
    bulk: {
      max: 100,
      request: (ips, secret) => ({ path: '/', json: { ips, ...secret !== '' && { key: secret } } }),
      read: (body, ip, reply) =>
        isObject(body) ? readIpapiIs('error_code' in body ? body : rowOf(body, ip), ip, reply) : null
    }
  })
}

/** The row under any spelling of the address. */
function rowOf (body: Json, ip: string): unknown {
  return body[ip] ?? Object.entries(body).find(([name]) => canonicalAddress(name) === ip)?.[1]
}

export function readIpapiIs (body: unknown, ip: string, reply: HttpReplyInfo): ProviderAnswer | null {
  if (!isObject(body)) return null
  const code = readText(body['error_code'])
  if (code !== undefined || 'error' in body) return refusal(code ?? '')
  if (reply.status >= 300) return null // only errors come with such a status
  if (typeof body['ip'] !== 'string' || canonicalAddress(body['ip']) !== ip) return null
  if (body['is_bogon'] === true) return unknownAnswer('no_data', 'bogon')
  if (!flagNames.every(name => typeof body[name] === 'boolean')) return null
  if (!nameableFlags.every(name => typeof body[name] === 'boolean' || isServiceName(body[name]))) return null
  return answerOf(body)
}

const flagNames = ['is_datacenter', 'is_tor', 'is_proxy', 'is_abuser'] as const
/** These may be the name of the service instead of true. */
const nameableFlags = ['is_vpn', 'is_crawler'] as const
const isServiceName = (value: unknown): boolean =>
  typeof value === 'string' && !/^(true|false|yes|no|null|nil|none|undefined|unknown|n\/?a|nan|\W*|\d*)$/i.test(value)

function answerOf (body: Json): ProviderAnswer {
  const network = sectionOf(body['asn'])
  const place = sectionOf(body['location'])
  const egress = sectionOf(body['egress_service'])
  const service = readText(body['is_vpn']) ?? readText(sectionOf(body['vpn'])['service'])
  const info = infoOf({
    asn: network['asn'],
    org: network['org'] ?? sectionOf(body['company'])['name'],
    type: network['type'],
    country: place['country'],
    country_code: place['country_code'],
    city: place['city'],
    vpn_provider: service ?? egress['provider']
  })
  const isSet = (name: string): boolean => body[name] === true || typeof body[name] === 'string'
  if (!isSet('is_tor')) {
    if (egress['type'] === 'private_relay') return sharedExit('relay', info)
    if (egress['type'] === 'secure_web_gateway') return sharedExit('gateway', info)
    const named = sharedExitName(service, egress['provider'])
    if (named !== null) return sharedExit(named, info)
  }
  const findings: Finding[] = []
  const find = (name: string, verdict: Finding['verdict'], category: Finding['category']): void => {
    if (isSet(name)) findings.push({ type: `ipapi_${name}`, verdict, category })
  }
  // Crawlers run in data centres; with any other flag, the flag counts.
  if (isSet('is_crawler') && !['is_tor', 'is_vpn', 'is_proxy', 'is_abuser'].some(isSet)) {
    return grade([{ type: 'ipapi_is_crawler', verdict: 'clean', category: 'crawler' }], { info })
  }
  const isCloudflare = network['asn'] === cloudflareAsn
  find('is_tor', 'vpn_detected', 'tor')
  // A named service is an enumerated exit; otherwise its VPN flag covers too much.
  if (isCloudflare) find('is_vpn', 'suspicious', 'warp')
  else find('is_vpn', service === undefined ? 'vpn_likely' : 'vpn_detected', 'vpn')
  find('is_proxy', 'vpn_likely', 'proxy')
  find('is_datacenter', 'suspicious', isCloudflare ? 'warp' : 'hosting')
  find('is_abuser', 'suspicious', 'abuse')
  find('is_crawler', 'clean', 'crawler')
  return grade(findings, { info })
}

function refusal (code: string): ProviderAnswer | null {
  if (code === 'ERR_RATE_LIMIT_EXCEEDED') return unknownAnswer('rate_limited', code)
  if (code === 'ERR_QUOTA_EXCEEDED') return unknownAnswer('quota_exhausted', code)
  if (code === 'ERR_INVALID_IP_OR_ASN') return unknownAnswer('rejected', code)
  if (!code.startsWith('ERR_FORBIDDEN')) return null
  return {
    ...unknownAnswer('rejected', /^[A-Z_]{1,60}$/.test(code) ? code : 'ERR_FORBIDDEN'),
    retryAfterSeconds: 3_600,
    alert: 'ipapi.is refuses our calls, so they stop for an hour: check the key, and whether ' +
      'this source address is blocked.'
  }
}
