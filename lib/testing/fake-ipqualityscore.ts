import { canonicalAddress } from '../ip/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** A documented refusal of IPQualityScore: all but `rate` come under HTTP 200 with `success: false`. */
export type IpqualityscoreRefusal = 'invalid_key' | 'credits' | 'quota' | 'rate'
/** Fields of the body over those of an unremarkable address, or a refusal. */
export type FakeIpqualityscoreAnswer = IpqualityscoreRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeIpqualityscore`. */
export interface FakeIpqualityscoreOptions {
  /** The only key that is accepted. Default: every key. */
  readonly key?: string | undefined
}

const messages: Readonly<Record<IpqualityscoreRefusal, string>> = {
  invalid_key: 'Invalid or unauthorized key. Please check the API key and try again.',
  credits: 'You have insufficient credits to make this query. Please contact IPQualityScore support.',
  quota: 'You have exceeded your request quota of 35 per day. Please upgrade to increase your request quota.',
  rate: ''
}
const flags = {
  proxy: false,
  vpn: false,
  tor: false,
  active_vpn: false,
  active_tor: false,
  recent_abuse: false,
  bot_status: false,
  is_crawler: false,
  mobile: false,
  shared_connection: false,
  dynamic_connection: false,
  frequent_abuser: false,
  high_risk_attacks: false,
  security_scanner: false,
  trusted_network: false
}

/**
 * IPQualityScore on the loopback: the short route with the header `IPQS-KEY`, and the long route with the key in the
 * path.
 */
export async function fakeIpqualityscore (
  answers: Readonly<Record<string, FakeIpqualityscoreAnswer>> = {}, { key }: FakeIpqualityscoreOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))
  let requests = 0

  return await fakeServer(({ url, headers }): FakeReply => {
    const [, long, longIp] = /^\/api\/json\/ip\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? []
    const isShort = url.pathname === '/api/json/ip'
    if (!isShort && long === undefined) return { status: 404, text: 'not found', asked: [] }
    const given = isShort ? headers['ipqs-key'] ?? url.searchParams.get('key') : long
    const ip = decodeURIComponent((isShort ? url.searchParams.get('ip') : longIp) ?? '')
    const failed = (message: string, asked: string[] = [ip]): FakeReply =>
      // A failed reply carries the flags, all false.
      ({ text: JSON.stringify({ success: false, message, fraud_score: 0, ...flags }), asked })
    if ((given ?? undefined) === undefined || (key !== undefined && given !== key)) return failed(messages.invalid_key)
    if (canonicalAddress(ip) === null) return failed('Invalid IPv4 address, IPv6 address or hostname.', [])
    const answer = byIp.get(ip)
    if (answer === 'rate') return { status: 429, text: '', asked: [ip] }
    if (typeof answer === 'string') return failed(messages[answer])
    const body = {
      success: true,
      message: 'Success',
      fraud_score: 0,
      country_code: 'EX',
      region: 'N/A',
      city: 'Town',
      ISP: 'Example',
      ASN: 64496,
      organization: 'Example',
      host: 'N/A',
      connection_type: 'Residential',
      abuse_velocity: 'none',
      ...flags,
      request_id: `r${++requests}`,
      ...answer
    }
    return { text: JSON.stringify(body), asked: [ip] }
  })
}
