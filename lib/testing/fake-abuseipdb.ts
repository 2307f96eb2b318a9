import { canonicalAddress } from '../ip/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** A documented refusal of AbuseIPDB. `quota` is a 429 with a Retry-After of hours. */
export type AbuseipdbRefusal = 'key' | 'payment' | 'quota' | 'invalid'
/** Fields of `data` over those of an address that was never reported, or a refusal. */
export type FakeAbuseipdbAnswer = AbuseipdbRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeAbuseipdb`. */
export interface FakeAbuseipdbOptions {
  /** The only key that is accepted. Default: every key. */
  readonly key?: string | undefined
  /** Checks left in the day: counts down, in `X-RateLimit-Remaining`. Default 1 000. */
  readonly perDay?: number | undefined
}

const statuses: Readonly<Record<AbuseipdbRefusal, number>> = { key: 401, payment: 402, invalid: 422, quota: 429 }
const details: Readonly<Record<AbuseipdbRefusal, string>> = {
  key: 'Authentication failed. Your API key is either missing, incorrect, or revoked.',
  payment: 'Payment is required.',
  invalid: 'The ip address must be a valid IPv4 or IPv6 address.',
  quota: 'Daily rate limit of 1000 requests exceeded for this endpoint. See headers for additional details.'
}

/** AbuseIPDB on the loopback: `/api/v2/check`. Without `Accept: application/json` its errors are pages of HTML. */
export async function fakeAbuseipdb (
  answers: Readonly<Record<string, FakeAbuseipdbAnswer>> = {}, { key, perDay = 1_000 }: FakeAbuseipdbOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))
  let left = perDay

  return await fakeServer(({ url, headers }): FakeReply => {
    if (url.pathname !== '/api/v2/check') return { status: 404, text: 'not found', asked: [] }
    const ip = url.searchParams.get('ipAddress') ?? ''
    const refuse = (why: AbuseipdbRefusal): FakeReply => {
      const status = statuses[why]
      const spent = { 'retry-after': '29241', 'x-ratelimit-limit': String(perDay), 'x-ratelimit-remaining': '0' }
      const isJson = headers.accept === 'application/json'
      return {
        status,
        headers: { ...!isJson && { 'content-type': 'text/html' }, ...why === 'quota' && spent },
        text: isJson ? JSON.stringify({ errors: [{ detail: details[why], status }] }) : '<!doctype html><h1>Error</h1>',
        asked: [ip]
      }
    }
    const given = headers['key']
    if (given === undefined || (key !== undefined && given !== key)) return refuse('key')
    if (canonicalAddress(ip) === null) return refuse('invalid')
    const answer = byIp.get(ip)
    if (typeof answer === 'string') return refuse(answer)
    if (left <= 0) return refuse('quota')
    left--
    const data = {
      ipAddress: ip,
      isPublic: true,
      ipVersion: ip.includes(':') ? 6 : 4,
      isWhitelisted: null,
      abuseConfidenceScore: 0,
      countryCode: 'EX',
      usageType: 'Fixed Line ISP',
      isp: 'Example',
      domain: 'example.net',
      hostnames: [],
      isTor: false,
      totalReports: 0,
      numDistinctUsers: 0,
      lastReportedAt: null,
      ...answer
    }
    const limits = { 'x-ratelimit-limit': String(perDay), 'x-ratelimit-remaining': String(left) }
    return { headers: limits, text: JSON.stringify({ data }), asked: [ip] }
  })
}
