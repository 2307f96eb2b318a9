import { canonicalAddress } from '../ip/index.ts'
import { type FakeReply, type FakeServer, fakeServer } from './fake-server.ts'

/** A documented error of MaxMind's web services, by its `code`. `unavailable` is a 503 that is not JSON. */
export type MaxmindRefusal =
  | 'IP_ADDRESS_RESERVED' | 'AUTHORIZATION_INVALID' | 'INSUFFICIENT_FUNDS' | 'PERMISSION_REQUIRED'
  | 'IP_ADDRESS_NOT_FOUND' | 'too_many_errors' | 'unavailable'
/** Sections of the body over those of an unremarkable address, or an error. */
export type FakeMaxmindAnswer = MaxmindRefusal | Readonly<Record<string, unknown>>
/** The options of `fakeMaxmind`. */
export interface FakeMaxmindOptions {
  /** The only account and licence key that are accepted, as `id:key`. Default: every one. */
  readonly account?: string | undefined
  /** `maxmind.queries_remaining`, which counts down. Default 10 000. */
  readonly queriesRemaining?: number | undefined
}

const statuses: Readonly<Record<MaxmindRefusal, number>> = {
  IP_ADDRESS_RESERVED: 400,
  AUTHORIZATION_INVALID: 401,
  INSUFFICIENT_FUNDS: 402,
  PERMISSION_REQUIRED: 402,
  IP_ADDRESS_NOT_FOUND: 404,
  too_many_errors: 429,
  unavailable: 503
}

function refuse (why: MaxmindRefusal, asked: string[]): FakeReply {
  const status = statuses[why]
  if (why === 'unavailable') return { status, headers: { 'content-type': 'text/html' }, text: '<h1>503</h1>', asked }
  return { status, text: JSON.stringify({ code: why, error: 'see the documentation' }), asked }
}

/** GeoIP Insights on the loopback: `/geoip/v2.1/insights/{ip}` with HTTP Basic. Flags are present only when true. */
export async function fakeMaxmind (
  answers: Readonly<Record<string, FakeMaxmindAnswer>> = {},
  { account, queriesRemaining = 10_000 }: FakeMaxmindOptions = {}
): Promise<FakeServer> {
  const byIp = new Map(Object.entries(answers))
  let left = queriesRemaining

  return await fakeServer(({ url, headers }): FakeReply => {
    const prefix = '/geoip/v2.1/insights/'
    if (!url.pathname.startsWith(prefix)) return { status: 404, text: 'not found', asked: [] }
    const ip = decodeURIComponent(url.pathname.slice(prefix.length))
    const [, basic] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
    const given = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString()
    if (given === undefined || given !== (account ?? given)) return refuse('AUTHORIZATION_INVALID', [ip])
    if (canonicalAddress(ip) === null) {
      return { ...refuse('IP_ADDRESS_RESERVED', []), text: '{"code":"IP_ADDRESS_INVALID"}' }
    }
    const answer = byIp.get(ip)
    if (typeof answer === 'string') return refuse(answer, [ip])
    if (left <= 0) return refuse('INSUFFICIENT_FUNDS', [ip])
    left--
    const body = {
      country: { iso_code: 'EX', names: { en: 'Exampleland' } },
      city: { names: { en: 'Town' } },
      traits: {
        ip_address: ip,
        autonomous_system_number: 64496,
        autonomous_system_organization: 'Example',
        isp: 'Example',
        user_count: 1,
        user_type: 'residential'
      },
      maxmind: { queries_remaining: left },
      ...answer
    }
    return { text: JSON.stringify(body), asked: [ip] }
  })
}
