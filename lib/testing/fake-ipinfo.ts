import { canonicalAddress } from '../ip/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** A documented refusal of IPinfo, each in one of its three shapes of errors. */
export type IpinfoRefusal = 'token' | 'quota' | 'not_found' | 'bad_request' | 'server'
/** Fields over those that the product has for an unremarkable address, or a refusal. */
export type FakeIpinfoAnswer = IpinfoRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeIpinfo`. */
export interface FakeIpinfoOptions {
  /** The only token that is accepted. Default: every token. */
  readonly token?: string | undefined
}

const refusals: Readonly<Record<IpinfoRefusal, FakeReply>> = {
  token: { status: 403, text: '{"title":"Unknown token","message":"The token has no access."}', asked: [] },
  quota: {
    status: 429,
    text: '{"status":429,"error":{"title":"Rate limit exceeded","message":"Upgrade to increase your usage limits."}}',
    asked: []
  },
  not_found: { status: 404, text: '{"error":"Wrong ip"}', asked: [] },
  bad_request: { status: 400, text: '{"error":"Please provide a valid IP address"}', asked: [] },
  server: { status: 500, headers: { 'content-type': 'text/plain' }, text: 'Internal Server Error', asked: [] }
}
const asn = { asn: 'AS64496', as_name: 'Example', as_domain: 'example.net' }
const core = {
  geo: { city: 'Town', country: 'Exampleland', country_code: 'EX' },
  as: { asn: 'AS64496', name: 'Example', domain: 'example.net', type: 'isp' },
  is_anonymous: false,
  is_anycast: false,
  is_hosting: false,
  is_mobile: false,
  is_satellite: false
}
const anonymous = { name: '', is_proxy: false, is_relay: false, is_tor: false, is_vpn: false }
const privacy = { vpn: false, proxy: false, tor: false, relay: false, hosting: false, service: '' }

/** What each product answers about an unremarkable address. */
const products: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  lite: { ...asn, country_code: 'EX', country: 'Exampleland', continent_code: 'EU' },
  lookup: core,
  plus: { ...core, anonymous, mobile: {} },
  max: { ...core, anonymous: { ...anonymous, is_res_proxy: false }, mobile: {} },
  privacy,
  privacy_extended: {
    ...privacy,
    confidence: null,
    coverage: null,
    census: false,
    device_activity: false,
    inferred: false,
    vpn_config: false
  }
}

/**
 * IPinfo on the loopback, both hosts in one: `/lite|lookup|plus|max/{ip}`, `/{ip}/privacy(_extended)` and `POST
 * /batch`.
 */
export async function fakeIpinfo (
  answers: Readonly<Record<string, FakeIpinfoAnswer>> = {}, { token }: FakeIpinfoOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))

  function bodyOf (product: string, ip: string): Record<string, unknown> | IpinfoRefusal {
    const answer = byIp.get(ip)
    if (typeof answer === 'string') return answer
    if (answer?.['bogon'] === true) return { ip, bogon: true }
    return { ...!product.startsWith('privacy') && { ip }, ...products[product], ...answer }
  }

  return await fakeServer(({ method, url, headers, body }): FakeReply => {
    const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
    if (given === undefined || (token !== undefined && given !== token)) return refusals.token
    if (method === 'POST' && url.pathname === '/batch') {
      const paths = JSON.parse(body) as string[]
      if (paths.length > 1_000) return refusals.bad_request
      const rows = paths.map(path => {
        const [ip = '', product = ''] = path.split('/')
        return [path, bodyOf(product, ip)] as const
      })
      const refusal = rows.find(([, row]) => typeof row === 'string')?.[1] as IpinfoRefusal | undefined
      if (refusal !== undefined) return refusals[refusal]
      return { text: JSON.stringify(Object.fromEntries(rows)), asked: paths.map(path => path.split('/')[0]!) }
    }
    const [, first = '', second = ''] = decodeURIComponent(url.pathname).split('/')
    const [product, ip] = second in products ? [second, first] : [first, second]
    if (!(product in products)) return refusals.not_found
    if (canonicalAddress(ip) === null) return refusals.bad_request
    const answer = bodyOf(product, ip)
    if (typeof answer === 'string') return { ...refusals[answer], asked: [ip] }
    return { text: JSON.stringify(answer), asked: [ip] }
  })
}
