import { canonicalAddress } from '../ip/index.ts'
import { isObject } from '../verdict/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** An error of ipapi.is. Its codes are documented, the HTTP statuses of all but `invalid` are guesses. */
export type IpapiIsRefusal = 'rate' | 'quota' | 'key' | 'key_required' | 'blacklisted' | 'quota_under_200'
/** Fields of the body over those of an unremarkable address, or an error. */
export type FakeIpapiIsAnswer = IpapiIsRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeIpapiIs`. */
export interface FakeIpapiIsOptions {
  /** The only key that is accepted. Default: every key, and none. */
  readonly key?: string | undefined
}

const refusals: Readonly<Record<IpapiIsRefusal, readonly [status: number, code: string]>> = {
  rate: [429, 'ERR_RATE_LIMIT_EXCEEDED'],
  quota: [429, 'ERR_QUOTA_EXCEEDED'],
  quota_under_200: [200, 'ERR_QUOTA_EXCEEDED'],
  key: [403, 'ERR_FORBIDDEN_INVALID_API_KEY'],
  key_required: [403, 'ERR_FORBIDDEN_API_KEY_REQUIRED'],
  blacklisted: [403, 'ERR_FORBIDDEN_BLACKLISTED']
}

function refuse (status: number, code: string, asked: string[]): FakeReply {
  return { status, text: JSON.stringify({ error: 'refused', error_code: code }), asked }
}

/** ipapi.is on the loopback: `GET /?q=` and `POST /` with at most 100 `ips`, answered by a map (a guess). */
export async function fakeIpapiIs (
  answers: Readonly<Record<string, FakeIpapiIsAnswer>> = {}, { key }: FakeIpapiIsOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))

  function bodyOf (ip: string): Record<string, unknown> {
    const answer = byIp.get(ip)
    return {
      ip,
      rir: 'RIPE',
      is_bogon: false,
      is_mobile: false,
      is_satellite: false,
      is_crawler: false,
      is_datacenter: false,
      is_tor: false,
      is_proxy: false,
      is_vpn: false,
      is_abuser: false,
      company: { name: 'Example', abuser_score: '0.0045 (Low)', type: 'isp', network: '203.0.113.0/24' },
      asn: { asn: 64496, abuser_score: '0.001 (Low)', route: '203.0.113.0/24', org: 'Example', type: 'isp' },
      location: { country: 'Exampleland', country_code: 'EX', city: 'Town', latitude: 1.5, longitude: 2.5 },
      elapsed_ms: 0.4,
      ...typeof answer === 'object' && answer
    }
  }

  return await fakeServer(({ method, url, body }): FakeReply => {
    if (url.pathname !== '/') return { status: 404, text: 'not found', asked: [] }
    const json: unknown = method === 'POST' ? JSON.parse(body) : undefined
    const list = isObject(json) ? json['ips'] : undefined
    const ips = Array.isArray(list) ? list as string[] : [url.searchParams.get('q') ?? '']
    const given = isObject(json) ? json['key'] : url.searchParams.get('key')
    if (key !== undefined && given !== key) return refuse(...refusals.key, ips)
    if (ips.length > 100 || ips.some(ip => canonicalAddress(ip) === null)) {
      return refuse(400, 'ERR_INVALID_IP_OR_ASN', [])
    }
    const refusal = ips.map(ip => byIp.get(ip)).find(answer => typeof answer === 'string')
    if (refusal !== undefined) return refuse(...refusals[refusal], ips)
    const reply = json === undefined ? bodyOf(ips[0]!) : Object.fromEntries(ips.map(ip => [ip, bodyOf(ip)]))
    return { text: JSON.stringify(reply), asked: ips }
  })
}
