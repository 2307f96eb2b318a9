import t from 'tap'
import type { ProviderAnswer } from '../types/contract.ts'
import type { HttpReplyInfo } from '../lib/providers/http/index.ts'
import { readAbuseipdb } from '../lib/providers/vendors/abuseipdb.ts'
import { readIpapiIs } from '../lib/providers/vendors/ipapi-is.ts'
import { readIpinfo } from '../lib/providers/vendors/ipinfo.ts'
import { readIpqualityscore } from '../lib/providers/vendors/ipqualityscore.ts'
import { readInsights } from '../lib/providers/vendors/maxmind-insights.ts'
import { readProxycheck } from '../lib/providers/vendors/proxycheck.ts'

/** Replies as the vendors document them, and what each must mean: verdict (or reason) and categories. */
const ip = '203.0.113.9'
const reply: HttpReplyInfo = { status: 200, headers: {}, isOld: seen => seen === 'old' }
type Row = readonly [expected: string, reply: object]

/** `vpn_detected tor`, `no_data`, or `not understood`. */
function said (answer: ProviderAnswer | null): string {
  if (answer === null) return 'not understood'
  return answer.verdict === 'unknown' ? answer.reason : [answer.verdict, ...answer.categories].join(' ')
}

function table (name: string, read: (body: object) => ProviderAnswer | null, rows: readonly Row[]): void {
  t.test(`${name}: documented replies`, async t => {
    for (const [expected, body] of rows) t.equal(said(read(body)), expected, JSON.stringify(body))
  })
}

const detections = { proxy: false, vpn: false, compromised: false, scraper: false, tor: false, hosting: false, anonymous: false, risk: 0 }
const proxycheckRow = (found: object, more: object = {}): object => ({ status: 'ok', [ip]: { detections: { ...detections, ...found }, ...more }, query_time: 3 })
table('proxycheck', body => readProxycheck(body, ip, reply), [
  ['clean', proxycheckRow({})],
  ['vpn_detected tor', proxycheckRow({ tor: true, risk: 100 })],
  ['vpn_detected vpn', proxycheckRow({ vpn: true, confidence: 100 })],
  ['vpn_likely vpn', proxycheckRow({ vpn: true, confidence: 59 })],
  ['suspicious vpn', proxycheckRow({ vpn: true, last_seen: 'old' })],
  ['vpn_likely proxy', proxycheckRow({ proxy: true })],
  ['vpn_detected proxy', proxycheckRow({ proxy: true, confidence: 90 })],
  ['suspicious abuse', proxycheckRow({ compromised: true })],
  ['suspicious hosting', proxycheckRow({ hosting: true })],
  ['suspicious', proxycheckRow({ anonymous: true })],
  ['suspicious', proxycheckRow({ risk: 67 })],
  ['clean', proxycheckRow({ risk: 66 })],
  ['clean relay', proxycheckRow({ vpn: true, risk: 60 }, { operator: { name: 'iCloud Private Relay' } })],
  ['clean warp', proxycheckRow({ vpn: true }, { operator: { name: 'Cloudflare WARP' }, network: null, location: null })],
  ['vpn_detected vpn tor', proxycheckRow({ vpn: true, tor: true, confidence: 50 }, { operator: { name: 'Cloudflare WARP' } })],
  ['vpn_detected vpn', { status: 'warning', message: 'x', [ip]: { detections: { ...detections, vpn: true } } }],
  ['vpn_detected vpn', { status: 'ok', [`::ffff:${ip}`]: { detections: { ...detections, vpn: true } } }],
  ['not understood', { status: 'ok', [ip]: { detections: null } }],
  ['not understood', { status: 'ok', [ip]: { detections: { risk: 0 } } }],
  ['not understood', { status: 'ok', '203.0.113.8': { detections } }],
  ['not understood', { status: 'ok', [ip]: { proxy: 'yes', type: 'VPN', risk: 66 } }],
  ['quota_exhausted', { status: 'denied', message: '100 Free queries exhausted.' }]
])

const ipqs = { success: true, fraud_score: 0, proxy: false, vpn: false, tor: false, connection_type: 'Residential' }
table('ipqualityscore', readIpqualityscore, [
  ['clean', ipqs],
  ['vpn_detected tor', { ...ipqs, proxy: true, tor: true, active_tor: true, fraud_score: 100 }],
  ['vpn_likely tor', { ...ipqs, proxy: true, tor: true }],
  ['vpn_detected vpn', { ...ipqs, proxy: true, vpn: true, active_vpn: true }],
  ['vpn_likely vpn', { ...ipqs, proxy: true, vpn: true }],
  ['suspicious hosting', { ...ipqs, proxy: true, vpn: true, connection_type: 'Data Center', fraud_score: 74 }],
  ['vpn_likely vpn', { ...ipqs, proxy: true, vpn: true, connection_type: 'Data Center', fraud_score: 75 }],
  ['vpn_likely proxy', { ...ipqs, proxy: true }],
  ['suspicious abuse', { ...ipqs, recent_abuse: true }],
  ['suspicious', { ...ipqs, fraud_score: 75 }],
  ['vpn_likely', { ...ipqs, fraud_score: 88 }],
  ['clean crawler', { ...ipqs, is_crawler: true, fraud_score: 0 }],
  ['suspicious vpn', { ...ipqs, vpn: true, proxy: true, active_vpn: true, trusted_network: true, fraud_score: 90 }],
  ['clean relay', { ...ipqs, vpn: true, proxy: true, organization: 'iCloud Private Relay' }],
  ['rejected', { ...ipqs, success: false, message: 'Invalid or unauthorized key. Please check the API key and try again.' }],
  ['quota_exhausted', { ...ipqs, success: false, message: 'You have insufficient credits to make this query.' }],
  ['quota_exhausted', { ...ipqs, success: false, message: 'You have exceeded your request quota of 35 per day.' }],
  ['not understood', { fraud_score: 0, vpn: false }],
  ['not understood', { ...ipqs, vpn: 'yes' }]
])

const anonymous = { name: '', is_proxy: false, is_relay: false, is_tor: false, is_vpn: false }
const plus = (found: object, more: object = {}): object => ({ ip, anonymous: { ...anonymous, ...found }, is_hosting: false, ...more })
const productOf = (body: object): 'plus' | 'max' => JSON.stringify(body).includes('is_res_proxy') ? 'max' : 'plus'
table('ipinfo plus and max', body => readIpinfo(body, ip, productOf(body), reply), [
  ['clean', plus({})],
  ['vpn_detected tor', plus({ is_tor: true })],
  ['vpn_detected vpn', plus({ is_vpn: true, name: 'NordVPN' })],
  ['suspicious vpn', plus({ is_vpn: true, last_seen: 'old' })],
  ['vpn_likely proxy', plus({ is_proxy: true })],
  ['vpn_likely proxy', plus({ is_res_proxy: true, percent_days_seen: 50 })],
  ['suspicious proxy', plus({ is_res_proxy: true, percent_days_seen: 9 })],
  ['clean relay', plus({ is_relay: true, is_vpn: true })],
  ['suspicious hosting', plus({}, { is_hosting: true })],
  ['no_data', { ip, is_hosting: false }],
  ['no_data', { ip, bogon: true }],
  ['not understood', { title: 'Unknown token', message: 'x' }],
  ['not understood', { status: 429, error: { title: 'x', message: 'x' } }],
  ['not understood', plus({}, { ip: '203.0.113.8' })],
  ['not understood', plus({}, { is_hosting: 'yes' })]
])
const privacy = { vpn: false, proxy: false, tor: false, relay: false, hosting: false, service: '' }
table('ipinfo privacy_extended', body => readIpinfo(body, ip, 'privacy_extended', reply), [
  ['clean', privacy],
  ['vpn_detected vpn', { ...privacy, vpn: true, confidence: 3 }],
  ['vpn_likely vpn', { ...privacy, vpn: true, confidence: 2 }],
  ['suspicious vpn', { ...privacy, vpn: true, confidence: 1 }],
  ['suspicious vpn', { ...privacy, vpn: true, inferred: true, coverage: 0.4 }],
  ['vpn_detected vpn', { ...privacy, vpn: true, confidence: 1, vpn_config: true }],
  ['not understood', { error: 'Please provide a valid IP address' }]
])
table('ipinfo core', body => readIpinfo(body, ip, 'core', reply), [
  ['clean', { ip, is_anonymous: false, is_hosting: false }],
  ['suspicious', { ip, is_anonymous: true, is_hosting: false }],
  ['suspicious hosting', { ip, is_anonymous: false, is_hosting: true }]
])

const abuse = (found: object): object => ({ data: { ipAddress: ip, abuseConfidenceScore: 0, isTor: false, isWhitelisted: null, ...found } })
table('abuseipdb', body => readAbuseipdb(body, ip), [
  ['clean', abuse({ lastReportedAt: null })],
  ['vpn_detected tor', abuse({ isTor: true })],
  ['suspicious abuse', abuse({ abuseConfidenceScore: 100, numDistinctUsers: 40 })],
  ['suspicious abuse', abuse({ abuseConfidenceScore: 25 })],
  ['clean', abuse({ abuseConfidenceScore: 24 })],
  ['clean', abuse({ abuseConfidenceScore: 100, isWhitelisted: true })],
  ['suspicious hosting', abuse({ usageType: 'Data Center/Web Hosting/Transit' })],
  ['suspicious abuse', abuse({ abuseConfidenceScore: '80' })],
  ['not understood', { errors: [{ detail: 'x', status: 401 }] }]
])

const unflagged = { is_datacenter: false, is_tor: false, is_proxy: false, is_vpn: false, is_abuser: false }
const ipapi = { ip, is_bogon: false, is_crawler: false, ...unflagged }
table('ipapi.is', body => readIpapiIs(body, ip, reply), [
  ['clean', ipapi],
  ['vpn_detected tor', { ...ipapi, is_tor: true }],
  ['vpn_likely vpn', { ...ipapi, is_vpn: true }],
  ['vpn_detected vpn', { ...ipapi, is_vpn: 'NordVPN' }],
  ['vpn_likely proxy', { ...ipapi, is_proxy: true }],
  ['suspicious hosting', { ...ipapi, is_datacenter: true }],
  ['suspicious warp', { ...ipapi, is_datacenter: true, asn: { asn: 13335 } }],
  ['clean relay', { ...ipapi, is_vpn: true, is_datacenter: true, egress_service: { type: 'private_relay', provider: 'Apple' } }],
  ['clean gateway', { ...ipapi, is_datacenter: true, egress_service: { type: 'secure_web_gateway', provider: 'Zscaler' } }],
  ['suspicious abuse', { ...ipapi, is_abuser: true }],
  ['clean crawler', { ...ipapi, is_crawler: 'Googlebot', is_datacenter: true }],
  ['no_data', { ...ipapi, is_bogon: true }],
  ['quota_exhausted', { error: 'x', error_code: 'ERR_QUOTA_EXCEEDED' }],
  ['not understood', { ...ipapi, is_vpn: 'true' }]
])

const insights = (anonymizer?: object, traits: object = {}): object =>
  ({ traits: { ip_address: ip, ...traits }, ...anonymizer !== undefined && { anonymizer } })
table('MaxMind Insights', body => readInsights(body, ip, reply), [
  ['clean', insights()],
  ['vpn_detected tor', insights({ is_anonymous: true, is_tor_exit_node: true })],
  ['vpn_detected vpn', insights({ is_anonymous: true, is_anonymous_vpn: true, confidence: 99 })],
  ['vpn_likely vpn', insights({ is_anonymous_vpn: true, confidence: 30 })],
  ['suspicious vpn', insights({ is_anonymous_vpn: true, network_last_seen: 'old' })],
  ['vpn_likely proxy', insights({ is_public_proxy: true })],
  ['vpn_likely proxy', insights({ residential: { confidence: 60, provider_name: 'x' } })],
  ['suspicious hosting', insights({ is_hosting_provider: true })],
  ['suspicious', insights({ is_anonymous: true })],
  ['clean relay', insights({ is_anonymous: true, is_anonymous_vpn: true }, { user_type: 'consumer_privacy_network' })],
  ['clean crawler', insights(undefined, { user_type: 'search_engine_spider' })],
  ['clean cgnat', insights(undefined, { user_count: 50 })],
  ['suspicious', insights(undefined, { ip_risk_snapshot: 80 })],
  ['not understood', insights({ is_anonymous_vpn: 'true' })],
  ['not understood', insights(undefined, { ip_address: '203.0.113.8' })],
  ['not understood', { code: 'x', error: 'x' }]
])
