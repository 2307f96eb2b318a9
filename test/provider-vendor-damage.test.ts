import t from 'tap'
import type { ProviderAnswer } from '../types/contract.ts'
import type { HttpReplyInfo } from '../lib/providers/http/index.ts'
import { readAbuseipdb } from '../lib/providers/vendors/abuseipdb.ts'
import { readIpapiIs } from '../lib/providers/vendors/ipapi-is.ts'
import { readIpinfo } from '../lib/providers/vendors/ipinfo.ts'
import { readIpqualityscore } from '../lib/providers/vendors/ipqualityscore.ts'
import { readInsights } from '../lib/providers/vendors/maxmind-insights.ts'
import { readProxycheck } from '../lib/providers/vendors/proxycheck.ts'

/**
 * A right reply of each vendor about an address that its evidence speaks against, and then every value that carries
 * the evidence removed, set to null, or replaced by each wrong thing. None of it may read as `clean`.
 */
const ip = '203.0.113.9'
const reply: HttpReplyInfo = { status: 200, headers: {}, isOld: () => false }
const junk: readonly unknown[] = [undefined, null, '', 'yes', 'no', 'true', 'false', 'null', 'N/A', 'unknown', 0, 1, -1, 1e9, NaN, [], [true], {}]
type Path = readonly string[]

function replaced (body: unknown, [name, ...rest]: Path, value: unknown): unknown {
  const copy = { ...body as Record<string, unknown> }
  if (rest.length > 0) copy[name!] = replaced(copy[name!], rest, value)
  else if (value === undefined) delete copy[name!]
  else copy[name!] = value
  return copy
}

function at (body: unknown, path: Path): unknown {
  return path.reduce((node, name) => (node as Record<string, unknown>)[name], body)
}

type Read = (body: unknown) => ProviderAnswer | null

function neverClean (name: string, read: Read, body: object, evidence: readonly Path[], score?: Path): void {
  t.test(`${name}: evidence that is damaged or missing is not clean`, async t => {
    t.equal(read(body)?.verdict, 'clean', 'the body before')
    for (const path of evidence) {
      const flagged = read(replaced(body, path, true))
      t.not(flagged?.verdict, 'clean', `${path.join('.')} is evidence`)
      // A body in which this flag is the only evidence.
      for (const value of junk) t.not(read(replaced(body, path, value))?.verdict, 'clean', `${path.join('.')} = ${String(value)}`)
    }
    if (score === undefined) return
    t.not(at(body, score), undefined)
    for (const value of [undefined, null, '', 'yes', 'high', -1, 1e9, NaN, [], {}]) {
      t.not(read(replaced(body, score, value))?.verdict, 'clean', `${score.join('.')} = ${String(value)}`)
    }
  })
}

const detections = { proxy: false, vpn: false, compromised: false, scraper: false, tor: false, hosting: false, anonymous: false, risk: 0 }
const under = (prefix: Path, names: readonly string[]): Path[] => names.map(name => [...prefix, name])
neverClean('proxycheck', body => readProxycheck(body, ip, reply), { status: 'ok', [ip]: { detections } },
  under([ip, 'detections'], ['proxy', 'vpn', 'compromised', 'scraper', 'tor', 'hosting', 'anonymous']), [ip, 'detections', 'risk'])
neverClean('ipqualityscore', readIpqualityscore, { success: true, fraud_score: 0, proxy: false, vpn: false, tor: false },
  under([], ['proxy', 'vpn', 'tor']), ['fraud_score'])
const anonymous = { name: '', is_proxy: false, is_relay: false, is_tor: false, is_vpn: false, is_res_proxy: false }
neverClean('ipinfo max', body => readIpinfo(body, ip, 'max', reply), { ip, anonymous, is_hosting: false },
  [...under(['anonymous'], ['is_proxy', 'is_tor', 'is_vpn', 'is_res_proxy']), ['is_hosting']])
neverClean('ipinfo core', body => readIpinfo(body, ip, 'core', reply), { ip, is_anonymous: false, is_hosting: false },
  under([], ['is_anonymous', 'is_hosting']))
neverClean('ipinfo privacy', body => readIpinfo(body, ip, 'privacy', reply),
  { vpn: false, proxy: false, tor: false, relay: false, hosting: false, service: '' }, under([], ['vpn', 'proxy', 'tor', 'hosting']))
neverClean('abuseipdb', body => readAbuseipdb(body, ip), { data: { ipAddress: ip, abuseConfidenceScore: 0, isTor: false, isWhitelisted: null } },
  [['data', 'isTor']], ['data', 'abuseConfidenceScore'])
const unflagged = { is_datacenter: false, is_tor: false, is_proxy: false, is_vpn: false, is_abuser: false }
neverClean('ipapi.is', body => readIpapiIs(body, ip, reply), { ip, is_crawler: false, ...unflagged },
  under([], ['is_datacenter', 'is_tor', 'is_proxy', 'is_vpn', 'is_abuser']))

t.test('ipapi.is: only two flags may be the name of a service, and a crawler is no excuse for a VPN', async t => {
  const of = (more: object): ProviderAnswer | null => readIpapiIs({ ip, is_crawler: false, ...unflagged, ...more }, ip, reply)
  for (const name of ['is_tor', 'is_proxy', 'is_datacenter', 'is_abuser']) t.equal(of({ [name]: 'NordVPN' }), null, name)
  for (const word of ['no', 'No', 'yes', 'null', 'none', 'N/A', 'unknown', '0', 'false', '']) {
    t.equal(of({ is_vpn: word }), null, word)
    t.equal(of({ is_crawler: word, is_vpn: true }), null, word)
  }
  t.equal(of({ is_crawler: 'Googlebot', is_vpn: 'NordVPN' })?.verdict, 'vpn_detected')
  t.match(of({ is_crawler: 'Googlebot', is_datacenter: true }), { verdict: 'clean', categories: ['crawler'] })
  t.equal(readIpapiIs({ ip, is_crawler: false, ...unflagged }, ip, { ...reply, status: 403 }), null, 'no answer comes under 403')
})

t.test('MaxMind Insights: flags that stand in traits only, and an anonymizer without flags, are not clean', async t => {
  const of = (traits: object, anonymizer?: unknown): ProviderAnswer | null =>
    readInsights({ traits: { ip_address: ip, ...traits }, ...anonymizer !== undefined && { anonymizer } }, ip, reply)
  t.equal(of({})?.verdict, 'clean')
  t.match(of({ is_anonymous: true, is_tor_exit_node: true }), { verdict: 'vpn_detected', categories: ['tor'] })
  t.match(of({ is_anonymous_vpn: true }), { verdict: 'vpn_detected', categories: ['vpn'] })
  t.equal(of({ is_hosting_provider: true })?.verdict, 'suspicious')
  t.equal(of({ is_anonymous_vpn: 'true' }), null)
  for (const anonymizer of [{ confidence: 99 }, { provider_name: 'NordVPN' }, { network_last_seen: '2026-11-01' }, null, [], 'x']) {
    t.not(of({}, anonymizer)?.verdict, 'clean', JSON.stringify(anonymizer))
  }
  for (const risk of [null, 'high', '', -1, 101, [], {}, true]) t.not(of({ ip_risk_snapshot: risk })?.verdict, 'clean', `risk ${JSON.stringify(risk)}`)
})
