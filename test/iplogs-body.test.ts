import t from 'tap'
import { fakeIplogs } from '../lib/testing/index.ts'
import { iplogs } from '../lib/providers/iplogs/index.ts'
import { readGetipintel } from '../lib/providers/getipintel/reply.ts'
import { createPipelines } from '../lib/resilience/pipelines.ts'
import { knownAnswer } from '../lib/verdict/verdict.ts'
import { parseIplogsBody, parseStoredBody, toIplogsBody } from '../lib/verdict/iplogs-body.ts'
import { parseIplogsRow } from '../lib/providers/iplogs/index.ts'
import { said } from './support/guard.ts'
import { memoryLog } from './support/log.ts'

const ip = '203.0.113.9'
const signal = (type: string, more: object = {}): object => ({ type, weight: 0.5, matched: true, detail: '', ...more })

/** The test mock of the IPLogs guide: the five fields that it calls stable. */
const guideMock = (verdict: string): Record<string, unknown> => ({
  verdict, score: 0.9, is_vpn: verdict.startsWith('vpn'), ip_info: { ip, is_vpn: verdict.startsWith('vpn') }, signals: []
})

t.test('the five fields of the guide are enough, and so is the verdict alone', async t => {
  for (const verdict of ['clean', 'suspicious', 'vpn_likely', 'vpn_detected']) {
    t.match(parseIplogsBody(guideMock(verdict), ip), { verdict, score: 0.9, confidence: null, isVpn: verdict.startsWith('vpn'), signals: [] })
    t.match(parseIplogsBody({ verdict }, ip), { verdict, score: null, confidence: null, isVpn: verdict.startsWith('vpn'), signals: [], info: {} })
    t.match(parseStoredBody(guideMock(verdict), ip), { verdict, score: 0.9, confidence: null })
  }
  t.match(parseIplogsBody({ verdict: 'clean', score: null, confidence: null, is_vpn: null, signals: null, ip_info: null, request_id: null }, ip), {
    verdict: 'clean', score: null, isVpn: false
  }, 'null is absent')
})

t.test('a write from an address that the guide\'s mock calls a VPN is judged as one', async t => {
  const server = await fakeIplogs({ [ip]: { ...guideMock('vpn_detected'), confidence: undefined, request_id: undefined } })
  const guarded = createPipelines(iplogs({ baseUrl: server.url }), { log: memoryLog() })
  t.equal(await said(guarded.ask(ip, { write: true })), 'vpn_detected')
  await guarded.close()
  await server.close()
})

t.test('without a verdict, or about another address, a body says nothing', async t => {
  const others = [{ ip: '203.0.113.10' }, { ip: 42 }, { ip: '' }, { ip: 'localhost' }]
  for (const broken of [
    null, [], 'clean', 42, {}, { ...guideMock('clean'), verdict: undefined }, { ...guideMock('clean'), verdict: 'CLEAN' },
    { ...guideMock('clean'), verdict: ['clean'] }, { ...guideMock('clean'), verdict: 'constructor' },
    ...others.flatMap(info => ['clean', 'vpn_detected'].map(verdict => ({ ...guideMock(verdict), ip_info: info })))
  ]) t.equal(parseIplogsBody(broken, ip), null, JSON.stringify(broken))
})

t.test('impossible fields are left out of a finding, and never make an address clean', async t => {
  const impossible: object[] = [
    { score: 1.1 }, { score: -0.1 }, { score: 'high' }, { score: [0.5] }, { confidence: 7 }, { confidence: {} }, { is_vpn: 'false' }, { is_vpn: 1 },
    { signals: {} }, { signals: 'none' }, { ip_info: [ip] }, { ip_info: ip }
  ]
  for (const more of impossible) {
    const name = JSON.stringify(more)
    t.equal(parseIplogsBody({ ...guideMock('clean'), ...more }, ip), null, `clean with ${name}`)
    t.equal(parseStoredBody({ ...guideMock('clean'), ...more }, ip), null, `stored as clean with ${name}`)
    for (const verdict of ['suspicious', 'vpn_likely', 'vpn_detected']) {
      t.match(parseIplogsBody({ ...guideMock(verdict), ...more }, ip), { verdict, isVpn: verdict !== 'suspicious' }, `${verdict} with ${name}`)
    }
  }
  t.equal(parseIplogsRow({ ip, verdict: 'clean', score: 7 }), null)
  t.match(parseIplogsRow({ ip, verdict: 'vpn_detected', score: 7 }), { verdict: 'vpn_detected', score: null })
})

t.test('a malformed signal is skipped, the others and the verdict stay', async t => {
  const signals = [
    null, 7, 'tor_exit', [], { matched: true }, { type: 7, matched: true }, { type: '', matched: true }, { type: 'no_word_on_matching' },
    signal('heavy', { weight: 'heavy' }), signal('maybe', { matched: 'yes' }), signal('tor_exit', { detail: 7 }), signal('dc_ip')
  ]
  for (const verdict of ['clean', 'vpn_detected']) {
    const answer = parseIplogsBody({ ...guideMock(verdict), signals }, ip)
    t.match(answer, { verdict, signals: [{ type: 'tor_exit', weight: 0.5, detail: '' }, { type: 'dc_ip', weight: 0.5 }] })
    t.equal(answer!.signals.length, 2)
  }
})

t.test('what we store has the fields of the guide\'s types, ip_info.is_vpn among them', async t => {
  t.match(toIplogsBody(knownAnswer('vpn_detected'), ip), { verdict: 'vpn_detected', is_vpn: true, ip_info: { ip, is_vpn: true }, signals: [] })
  t.match(toIplogsBody(knownAnswer('clean'), ip), { is_vpn: false, ip_info: { is_vpn: false } })
  t.match(toIplogsBody(knownAnswer('vpn_detected', { categories: ['relay'] }), null), { ip_info: { is_vpn: true }, categories: ['relay'] })
  const relay = knownAnswer('vpn_detected', { categories: ['relay'] })
  t.same(parseStoredBody(toIplogsBody(relay, ip), ip), relay, 'and does not turn a relay into a VPN on the way back')
})

const spellings: readonly (readonly [text: string, category: 'relay' | 'warp' | 'vpn'])[] = [
  ['iCloud Private Relay', 'relay'], ['icloud_private_relay', 'relay'], ['icloud-private-relay', 'relay'], ['iCloudPrivateRelay', 'relay'],
  ['ICLOUD_PRIVATE_RELAY', 'relay'], ['icloudprivaterelay', 'relay'], ['Apple Private Relay', 'relay'], ['apple.private.relay', 'relay'],
  ['private-relay', 'relay'], ['PrivateRelay', 'relay'], ['iCloud Relay', 'relay'], ['iCloudRelayEgress', 'relay'], ['Apple iCloud Private Relay (Akamai)', 'relay'],
  ['cloudflare_warp', 'warp'], ['Cloudflare WARP', 'warp'], ['CloudflareWARP', 'warp'], ['CloudflareWarp', 'warp'], ['cloudflare-warp', 'warp'],
  ['warp', 'warp'], ['WARP+', 'warp'], ['cloudflarewarp', 'warp'],
  ['Warped Networks', 'vpn'], ['Private Relays United', 'vpn'], ['NotPrivateRelayed', 'vpn'], ['Time Warper VPN', 'vpn'], ['Relay', 'vpn'], ['Cloudflare', 'vpn'], ['Private', 'vpn']
]

t.test('a private relay and WARP are known by whole words, however they are spelled', async t => {
  for (const [text, category] of spellings) {
    t.same(parseIplogsBody({ ...guideMock('vpn_detected'), ip_info: { ip, is_vpn: true, vpn_provider: text } }, ip)!.categories, [category], text)
    t.match(parseIplogsRow({ verdict: 'vpn_detected', provider: text }), { categories: [category] }, `row ${text}`)
  }
})

t.test('an organisation is one only where it names who runs it: anybody may call a network "Private Relay"', async t => {
  const categories = (info: object): readonly string[] => parseIplogsBody({ ...guideMock('vpn_detected'), ip_info: { ip, ...info } }, ip)!.categories
  for (const org of ['iCloud Private Relay', 'icloud-private-relay', 'Apple Private Relay', 'iCloudPrivateRelay']) t.same(categories({ org }), ['relay'], org)
  for (const org of ['Cloudflare WARP', 'cloudflare_warp', 'CloudflareWARP']) t.same(categories({ org }), ['warp'], org)
  t.same(categories({ isp: 'iCloud Private Relay' }), ['relay'])
  for (const org of ['Private Relay Ltd', 'Warp Networks', 'Cloudflare, Inc.', 'Apple Inc.', 'Pineapple Private Relay']) t.same(categories({ org }), ['vpn'], org)
})

t.test('no name of a network softens what is known of a Tor exit', async t => {
  const body = {
    ...guideMock('vpn_detected'),
    ip_info: { ip, org: 'Evil Hosting (not Cloudflare) WARP speed', vpn_provider: 'Time Warp VPN' },
    signals: [{ type: 'tor_exit', weight: 1, matched: true, detail: '' }]
  }
  t.same(parseIplogsBody(body, ip)!.categories, ['tor'])
})

t.test('signal types name relays and WARP too, as whole types and at any weight', async t => {
  const categories = (type: string, more: object = {}): readonly string[] =>
    parseIplogsBody({ ...guideMock('vpn_detected'), ip_info: { ip }, signals: [signal(type, more)] }, ip)!.categories
  for (const type of ['icloud_private_relay', 'iCloudPrivateRelay', 'private-relay', 'apple_private_relay_egress', 'known_private_relay', 'icloud_relay']) {
    t.same(categories(type, { weight: 0 }), ['relay'], type)
  }
  for (const type of ['cloudflare_warp', 'cloudflareWarp', 'warp', 'WARP_EGRESS']) t.same(categories(type), ['warp'], type)
  for (const type of ['not_private_relay', 'private_relay_mismatch', 'warp_speed', 'anti_warp']) t.same(categories(type), ['vpn'], type)
  t.same(categories('icloud_private_relay', { matched: false }), ['vpn'])
  for (const type of ['Tor-Exit', 'torExit', 'TOR EXIT', 'tor_exit']) t.same(categories(type), ['tor'], type)
})

t.test('GetIPIntel\'s VPNType is read with the same tolerance', async t => {
  const categories = (more: object): unknown => {
    const answer = readGetipintel({ status: 200, headers: {}, text: JSON.stringify({ status: 'success', result: '1', ...more }) }, ip, { suspicious: 0.9, vpn_likely: 0.95, vpn_detected: 0.99 }, 'i')
    return answer.categories
  }
  for (const VPNType of ['iCloudRelayEgress', 'icloud_relay_egress', 'iCloud Private Relay']) t.same(categories({ VPNType }), ['relay'], VPNType)
  t.same(categories({ VPNType: 'CloudflareWARP' }), ['warp'])
  t.same(categories({ VPNType: 'google_one_vpn' }), ['vpn'])
})
