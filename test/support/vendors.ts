import type { Provider, ProviderLimits } from '../../types/contract.ts'
import { abuseipdb, ipapiIs, ipinfo, ipqualityscore, maxmindInsights, proxycheck } from '../../lib/providers/vendors/index.ts'
import {
  fakeAbuseipdb, fakeIpapiIs, fakeIpinfo, fakeIpqualityscore, fakeMaxmind, fakeProxycheck, type FakeServer
} from '../../lib/testing/index.ts'

/** Addresses that every emulator of the tests knows: a VPN, an unremarkable one, and an IPv6 one. */
export const vpnIp = '203.0.113.9'
export const plainIp = '203.0.113.1'
export const vpnIp6 = '2001:db8::9'
export const secret = 'hush-hush-1234'

/** One vendor as the tests use it. `refusals` are answers of its emulator, with the reason and pause that they must have. */
export interface VendorUnderTest {
  readonly name: string
  /** What the flag of `vpnIp` must come out as. */
  readonly flagged: 'vpn_detected'
  serve (answers?: Readonly<Record<string, unknown>>): Promise<FakeServer>
  provider (baseUrl: string, more?: { readonly timeoutMs?: number, readonly limits?: ProviderLimits }): Provider
  readonly refusals: Readonly<Record<string, readonly [reason: string, pauses: boolean]>>
  readonly hasBulk: boolean
}

const short = { timeoutMs: 600, limits: {} }
type Answers = Readonly<Record<string, never>>

function vendor (
  name: string, flag: unknown,
  serve: (answers: Answers) => Promise<FakeServer>,
  provider: VendorUnderTest['provider'],
  refusals: VendorUnderTest['refusals'],
  hasBulk = false
): VendorUnderTest {
  const flagged = { [vpnIp]: flag, [vpnIp6]: flag }
  return { name, flagged: 'vpn_detected', provider, refusals, hasBulk, serve: answers => serve({ ...flagged, ...answers } as unknown as Answers) }
}

export const vendors: readonly VendorUnderTest[] = [
  vendor('proxycheck', { detections: { vpn: true, anonymous: true, risk: 90 } },
    answers => fakeProxycheck(answers, { key: secret }),
    (baseUrl, more) => proxycheck({ baseUrl, key: secret, ...short, ...more }),
    { quota: ['quota_exhausted', true], rate: ['rate_limited', true], blocked: ['rejected', true], disabled: ['rejected', true] },
    true),
  vendor('ipqualityscore', { proxy: true, vpn: true, active_vpn: true, fraud_score: 90 },
    answers => fakeIpqualityscore(answers, { key: secret }),
    (baseUrl, more) => ipqualityscore({ baseUrl, key: secret, ...short, ...more }),
    {
      invalid_key: ['rejected', true], credits: ['quota_exhausted', true], quota: ['quota_exhausted', true], rate: ['rate_limited', true]
    }),
  vendor('ipinfo', { anonymous: { name: 'NordVPN', is_proxy: false, is_relay: false, is_tor: false, is_vpn: true } },
    answers => fakeIpinfo(answers, { token: secret }),
    (baseUrl, more) => ipinfo({ baseUrl, token: secret, product: 'plus', ...short, ...more }),
    {
      token: ['rejected', true], quota: ['quota_exhausted', true], not_found: ['rejected', false], bad_request: ['rejected', false], server: ['unavailable', false]
    }),
  vendor('abuseipdb', { isTor: true },
    answers => fakeAbuseipdb(answers, { key: secret }),
    (baseUrl, more) => abuseipdb({ baseUrl, key: secret, ...short, ...more }),
    { key: ['rejected', true], payment: ['quota_exhausted', true], quota: ['quota_exhausted', true], invalid: ['rejected', false] }),
  vendor('ipapi-is', { is_vpn: 'NordVPN' },
    answers => fakeIpapiIs(answers, { key: secret }),
    (baseUrl, more) => ipapiIs({ baseUrl, key: secret, ...short, ...more }),
    {
      rate: ['rate_limited', true], quota: ['quota_exhausted', true], quota_under_200: ['quota_exhausted', true], key: ['rejected', true], blacklisted: ['rejected', true]
    },
    true),
  vendor('maxmind-insights', { anonymizer: { is_anonymous: true, is_anonymous_vpn: true, confidence: 99 } },
    answers => fakeMaxmind(answers, { account: `42:${secret}` }),
    (baseUrl, more) => maxmindInsights({ baseUrl, accountId: 42, licenseKey: secret, ...short, ...more }),
    {
      IP_ADDRESS_RESERVED: ['no_data', false], IP_ADDRESS_NOT_FOUND: ['no_data', false], AUTHORIZATION_INVALID: ['rejected', true], INSUFFICIENT_FUNDS: ['quota_exhausted', true], PERMISSION_REQUIRED: ['rejected', true], too_many_errors: ['rate_limited', true], unavailable: ['unavailable', false]
    })
]
