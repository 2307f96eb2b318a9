import type { IpInfo, Provider, ProviderAnswer } from '../../../types/contract.ts'
import { canonicalAddress } from '../../ip/index.ts'
import { oneOf } from '../../util/index.ts'
import { isObject, type Json, readNumber, readText, unknownAnswer } from '../../verdict/index.ts'
import { type HttpReplyInfo, namedHttpProvider, type RemoteOptions, type Secret } from '../http/index.ts'
import { type Finding, grade, infoOf, sectionOf, sharedExit, sharedExitName } from './grade.ts'
import { readVendorOptions, requiredKey, type VendorSpecification } from './options.ts'

/** `lite` has no privacy data, so its answers are `unknown`, `no_data`, with `info`. */
export type IpinfoProduct = 'lite' | 'core' | 'plus' | 'max' | 'privacy' | 'privacy_extended'

/** The options of `ipinfo`. */
export interface IpinfoOptions extends RemoteOptions {
  /** The access token. It is sent in a header. */
  readonly token: Secret
  /** The product that the token has. */
  readonly product: IpinfoProduct
}

const specification = {
  token: requiredKey('it is in the dashboard of IPinfo'),
  product: oneOf(['lite', 'core', 'plus', 'max', 'privacy', 'privacy_extended'], 'lite')
} satisfies VendorSpecification<IpinfoOptions>

/** Products of the older host, which also has the batch. */
const legacy: ReadonlySet<IpinfoProduct> = new Set(['privacy', 'privacy_extended'])

/**
 * IPinfo. Its quota is monthly and depends on the plan: set `limits: { perMonth }`. Bulk with the privacy products.
 */
export function ipinfo (options: IpinfoOptions): Provider {
  const { token, product, remote } = readVendorOptions('ipinfo', options, specification)
  const headers = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` })
  const pathOf = (ip: string): string => legacy.has(product)
    ? `/${encodeURIComponent(ip)}/${product}`
    : `/${product === 'core' ? 'lookup' : product}/${encodeURIComponent(ip)}`
  const read = (body: unknown, ip: string, reply: HttpReplyInfo): ProviderAnswer | null =>
    readIpinfo(body, ip, product, reply)
  return namedHttpProvider<unknown>('ipinfo', {
    baseUrl: legacy.has(product) ? 'https://ipinfo.io' : 'https://api.ipinfo.io',
    ...remote,
    name: `ipinfo/${product}`,
    quotaName: 'ipinfo',
    secret: token,
    spentStatuses: [429],
    spentUntil: 'month',
    request: (ip, secret) => ({ path: pathOf(ip), headers: headers(secret) }),
    read,
    ...legacy.has(product) && {
      bulk: {
        max: 1_000,
        request: (ips: readonly string[], secret: string) =>
          ({ path: '/batch', json: ips.map(ip => `${ip}/${product}`), headers: headers(secret) }),
        read: (body: unknown, ip: string, reply: HttpReplyInfo) =>
          isObject(body) ? read(body[`${ip}/${product}`], ip, reply) : null
      }
    }
  })
}

export function readIpinfo (
  body: unknown, ip: string, product: IpinfoProduct, reply: HttpReplyInfo
): ProviderAnswer | null {
  // Errors come in three shapes; none of them is an answer.
  if (!isObject(body) || 'error' in body || 'title' in body) return null
  const about = body['ip']
  // The privacy products leave the address out.
  const isNamed = about !== undefined || !legacy.has(product)
  if (isNamed && (typeof about !== 'string' || canonicalAddress(about) !== ip)) return null
  if (body['bogon'] === true) return unknownAnswer('no_data', 'bogon')
  const info = infoFrom(body)
  if (product === 'lite') return { ...unknownAnswer('no_data', 'IPinfo Lite has no privacy data'), info }
  if (legacy.has(product)) return readPrivacy(body, info, product === 'privacy_extended')
  const flags = body['anonymous']
  if (product === 'core') return readCore(body, info)
  // The plan has such a section and the reply has none: nothing is known.
  if (!isObject(flags)) return { ...unknownAnswer('no_data', 'no "anonymous" section'), info }
  // What the product has must be there: absent is not false.
  if (product === 'max' && typeof flags['is_res_proxy'] !== 'boolean') return null
  return readAnonymous(flags, body, info, reply)
}

function infoFrom (body: Json): IpInfo {
  const network = sectionOf(body['as'])
  const place = sectionOf(body['geo'])
  return infoOf({
    asn: network['asn'] ?? body['asn'],
    org: network['name'] ?? body['as_name'],
    type: network['type'],
    country: place['country'] ?? body['country'],
    country_code: place['country_code'] ?? body['country_code'],
    city: place['city'],
    vpn_provider: sectionOf(body['anonymous'])['name'] ?? body['service']
  })
}

function readCore (body: Json, info: IpInfo): ProviderAnswer | null {
  if (typeof body['is_anonymous'] !== 'boolean' || typeof body['is_hosting'] !== 'boolean') return null
  const findings: Finding[] = body['is_hosting']
    ? [{ type: 'ipinfo_is_hosting', verdict: 'suspicious', category: 'hosting' }]
    : []
  return grade(findings, { atLeast: body['is_anonymous'] ? 'suspicious' : 'clean', info })
}

function readAnonymous (flags: Json, body: Json, info: IpInfo, { isOld }: HttpReplyInfo): ProviderAnswer | null {
  const names = ['is_proxy', 'is_relay', 'is_tor', 'is_vpn'] as const
  if (!names.every(name => typeof flags[name] === 'boolean') || !isOptionalFlag(flags['is_res_proxy'])) return null
  if (typeof body['is_hosting'] !== 'boolean') return null
  if (flags['is_tor'] !== true && (flags['is_relay'] === true || sharedExitName(flags['name']) !== null)) {
    return sharedExit(sharedExitName(flags['name']) ?? 'relay', info)
  }
  const findings: Finding[] = []
  const find = (name: string, found: unknown, verdict: Finding['verdict'], category: Finding['category']): void => {
    if (found === true) findings.push({ type: `ipinfo_${name}`, verdict, category })
  }
  const old = isOld(flags['last_seen'])
  const seldom = (readNumber(flags['percent_days_seen']) ?? 100) < 10
  find('is_tor', flags['is_tor'], 'vpn_detected', 'tor')
  find('is_vpn', flags['is_vpn'], old ? 'suspicious' : 'vpn_detected', 'vpn')
  find('is_proxy', flags['is_proxy'], old ? 'suspicious' : 'vpn_likely', 'proxy')
  find('is_res_proxy', flags['is_res_proxy'], old || seldom ? 'suspicious' : 'vpn_likely', 'proxy')
  find('is_hosting', body['is_hosting'], 'suspicious', 'hosting')
  return grade(findings, { info })
}

function readPrivacy (body: Json, info: IpInfo, extended: boolean): ProviderAnswer | null {
  if (!['vpn', 'proxy', 'tor', 'relay', 'hosting'].every(name => typeof body[name] === 'boolean')) return null
  if (body['tor'] !== true && (body['relay'] === true || sharedExitName(readText(body['service'])) !== null)) {
    return sharedExit(sharedExitName(readText(body['service'])) ?? 'relay', info)
  }
  const sure = readNumber(body['confidence'])
  const weak = sure === 1 || (body['inferred'] === true && (readNumber(body['coverage']) ?? 1) < 0.5)
  const strong = !extended || sure === 3 || body['vpn_config'] === true
  const vpn = strong ? 'vpn_detected' : weak ? 'suspicious' : 'vpn_likely'
  const findings: Finding[] = []
  const find = (name: string, verdict: Finding['verdict'], category: Finding['category']): void => {
    if (body[name] === true) findings.push({ type: `ipinfo_${name}`, verdict, category })
  }
  find('tor', 'vpn_detected', 'tor')
  find('vpn', vpn, 'vpn')
  find('proxy', 'vpn_likely', 'proxy')
  find('hosting', 'suspicious', 'hosting')
  return grade(findings, { info, confidence: sure !== undefined && sure >= 1 && sure <= 3 ? sure / 3 : null })
}

function isOptionalFlag (value: unknown): boolean {
  return value === undefined || typeof value === 'boolean'
}
