import t from 'tap'
import { createClientIp, createClientIpResolver, notLookedUp } from '../lib/client-ip/resolver.ts'
import type { ClientIp, ClientIpOptions, RawRequest } from '../types/contract.ts'

// C: the client. A: an attacker's own address. FORGED: what visitors write. EDGE: Cloudflare. WORKER: its address for Workers.
const C = '203.0.113.9'
const A = '198.51.100.66'
const FORGED = '6.6.6.6'
const LB = '10.0.0.1'
const LB2 = '10.0.0.2'
const EDGE = '173.245.48.5'
const EDGE2 = '162.158.1.1'
const EDGE6 = '2400:cb00::5'
const WORKER = '2a06:98c0:3600::103'
const cf = 'cf-connecting-ip'
const xff = 'x-forwarded-for'

type Headers = { readonly [name: string]: string | string[] }
/** rule, options, peer, headers, what must come out. */
type Row = [rule: string, options: ClientIpOptions, peer: string | undefined, headers: Headers, expected: Partial<ClientIp>]

const lb: ClientIpOptions = { trusted: [LB] }
const edgeOnly: ClientIpOptions = { cloudflare: true }
const both: ClientIpOptions = { trusted: ['10.0.0.0/8'], cloudflare: true }
const cdn: ClientIpOptions = { trusted: [LB, '192.0.2.0/24'], cloudflare: true }
const forwarded: ClientIpOptions = { trusted: [LB], header: 'forwarded' }
const realIp: ClientIpOptions = { trusted: [LB], header: 'x-real-ip' }
const stopped = (ip: string, reason: ClientIp['reason']): Partial<ClientIp> => ({ ip, reason, infrastructure: true })

const rows: Row[] = [
  ['R1.3 a mapped peer is the IPv4 proxy', lb, '::ffff:10.0.0.1', { [xff]: C }, { ip: C, peer: LB, version: 4 }],
  ['R1.3 a mapped peer in hex too', lb, '::ffff:a00:1', { [xff]: C }, { ip: C, peer: LB }],
  ['R1.3 a mapped client is unwrapped', lb, LB, { [xff]: '::ffff:203.0.113.9' }, { ip: C, version: 4, embeddedIPv4: undefined }],
  ['R1.3 IPv4-compatible text is not IPv4', { trusted: ['10.0.0.0/8'] }, '::10.0.0.1', { [xff]: C }, { ip: '::a00:1', source: 'remote_address', embeddedIPv4: LB }],
  ['R1.3 SIIT text is not IPv4', { trusted: ['10.0.0.0/8'] }, '::ffff:0:10.0.0.1', { [xff]: C }, { ip: '::ffff:0:a00:1', embeddedIPv4: LB }],
  ['R1.3 NAT64 text is not IPv4', { trusted: ['10.0.0.0/8'] }, '64:ff9b::10.0.0.1', { [xff]: C }, { ip: '64:ff9b::a00:1', scope: 'translation', embeddedIPv4: LB }],
  ['R1.3 6to4 reports what is inside', lb, LB, { [xff]: '2002:0a00:0001::1' }, { ip: '2002:a00:1::1', scope: '6to4', embeddedIPv4: LB }],
  ['R1.3 Teredo reports what is inside', lb, LB, { [xff]: '2001::f5ff:fffe' }, { ip: '2001::f5ff:fffe', scope: 'teredo', embeddedIPv4: LB }],
  ['R1.3 the local translation prefix hides it', lb, LB, { [xff]: '64:ff9b:1::1' }, { scope: 'translation', embeddedIPv4: undefined }],
  ['R1.4 an unspecified peer is none', lb, '0.0.0.0', { [xff]: C }, { ip: null, source: 'none', reason: 'no_peer' }],
  ['R1.4 nor is ::', lb, '::', {}, { ip: null, source: 'none', reason: 'no_peer', scope: null }],
  ['R1.4 an unspecified entry ends the walk', lb, LB, { [xff]: `${FORGED}, 0.0.0.0` }, stopped(LB, 'invalid_hop')],
  ['R1.4 so does ::', lb, LB, { [xff]: `${FORGED}, ::` }, stopped(LB, 'invalid_hop')],
  ['R1.5 a zone on the peer is dropped', { trusted: ['fe80::1'] }, 'fe80::1%eth0', { [xff]: C }, { ip: C, peer: 'fe80::1' }],
  ['R1.5 on any peer', {}, '2001:db8::1%3', {}, { ip: '2001:db8::1' }],
  ['R1.5 a zone in a header is dropped on fe80::/10', lb, LB, { [xff]: '[febf::1%eth0.1]:80' }, { ip: 'febf::1', scope: 'link_local' }],
  ['R1.5 and on any other IPv6 text', lb, LB, { [xff]: '2001:db8::1%eth0' }, { ip: '2001:db8::1', infrastructure: false }],
  ['R1.5 a mapped IPv4 address included', lb, LB, { [xff]: `::ffff:${C}%1` }, { ip: C, version: 4, infrastructure: false }],
  ['R1.5 in brackets, with a port', lb, LB, { [xff]: '[::ffff:cb00:7109%en0]:80' }, { ip: C }],
  ['R1.5 of a proxy too', lb, LB, { [xff]: `${C}, ::ffff:${LB}%2` }, { ip: C, hops: 2 }],
  ['R1.5 IPv4 text has none', lb, LB, { [xff]: `${C}%1` }, stopped(LB, 'invalid_hop')],
  ['R1.5 an unspecified one is unusable all the same', lb, LB, { [xff]: '::%1' }, stopped(LB, 'invalid_hop')],
  ['R1.5 nor is there one in CF-Connecting-IP', edgeOnly, EDGE, { [cf]: `::ffff:${FORGED}%1`, [xff]: C }, { ip: C, reason: 'invalid_value' }],
  ['R1.5 an empty zone is none', lb, LB, { [xff]: 'fe80::1%' }, stopped(LB, 'invalid_hop')],
  ['R1.5 nor one with other characters', lb, LB, { [xff]: 'fe80::1%e:80' }, stopped(LB, 'invalid_hop')],
  ['R1.6 IPv6 comes out canonical', lb, LB, { [xff]: '2001:DB8:0:0:0:0:0:1' }, { ip: '2001:db8::1', version: 6 }],

  ['R3 nothing configured: headers are not read', {}, LB, { [xff]: C }, { ip: LB, source: 'remote_address', reason: 'peer_untrusted', hops: 0, infrastructure: false }],
  ['R3 no header, no reason', {}, C, {}, { ip: C, reason: undefined, ignored: [] }],
  ['R3 a direct client forges everything', both, A, { [cf]: FORGED, [xff]: FORGED, forwarded: `for=${FORGED}`, 'x-real-ip': FORGED },
    { ip: A, reason: 'peer_untrusted', ignored: [cf, xff, 'forwarded', 'x-real-ip'].map(header => ({ header, why: 'peer_untrusted' as const })) }],
  ['R3 peer text that is no address fails closed', lb, 'localhost', { [xff]: C }, { ip: null, source: 'none', reason: 'no_peer', ignored: [{ header: xff, why: 'no_peer' }] }],
  ['R3 an empty peer fails closed', both, '', { [xff]: C }, { ip: null, source: 'none', reason: 'no_peer' }],
  ['R3 no address on TCP fails closed', { trusted: ['unix'] }, undefined, { [xff]: C }, { ip: null, source: 'none', reason: 'no_peer', infrastructure: false }],
  ['R3 words: loopback', { trusted: ['loopback'] }, '127.255.255.255', { [xff]: C }, { ip: C }],
  ['R3 words: loopback, IPv6', { trusted: ['loopback'] }, '::1', { [xff]: C }, { ip: C }],
  ['R3 words: private', { trusted: ['private'] }, '172.31.255.255', { [xff]: C }, { ip: C }],
  ['R3 words: private ends', { trusted: ['private'] }, '172.32.0.0', { [xff]: FORGED }, { ip: '172.32.0.0' }],
  ['R3 words: linklocal', { trusted: ['linklocal'] }, 'fe80::1', { [xff]: C }, { ip: C }],
  ['R3 words: cgnat', { trusted: ['cgnat'] }, '100.64.0.0', { [xff]: C }, { ip: C }],
  ['R3 x-real-ip is not read where x-forwarded-for is chosen', lb, LB, { 'x-real-ip': FORGED }, stopped(LB, 'header_missing')],
  ['R3 cf-connecting-ip is not read while cloudflare is off', lb, LB, { [cf]: FORGED, [xff]: C }, { ip: C, source: xff, reason: undefined }],

  ['R4 several lines are one list', lb, LB, { [xff]: [FORGED, `${FORGED}, ${C}`] }, { ip: C }],
  ['R4 what is no string in them is nothing', lb, LB, { [xff]: [C, 7 as unknown as string] }, { ip: C }],
  ['R4 spaces, tabs and empty elements', lb, LB, { [xff]: `${FORGED} ,\t${C}\t , ,,` }, { ip: C }],
  ['R4 other white space is not trimmed', lb, LB, { [xff]: `${C}\u00a0` }, stopped(LB, 'invalid_hop')],
  ['R4 IPv4 with a port', lb, LB, { [xff]: `${C}:65535` }, { ip: C }],
  ['R4 IPv6 in brackets', lb, LB, { [xff]: '[2001:db8::1]' }, { ip: '2001:db8::1' }],
  ['R4 IPv6 in brackets with a port', lb, LB, { [xff]: '[2001:db8::1]:0' }, { ip: '2001:db8::1' }],
  ...[`${C}:`, `${C}:65536`, `${C}:8a`, `"${C}"`, `[${C}]`, `[${C}]:80`, '[2001:db8::1', '2001:db8::1]', '[2001:db8::1]x', '[2001:db8::1]:', '[]', ':80', '2001:db8::1:65536',
    `${C}:80:80`, `${C}:_x`, `${C} ${C}`, 'unknown', 'localhost', '010.0.0.1', '0x7f.1', '2130706433', '1'.repeat(5000), `x${' '.repeat(80)}${C}`, `[${'1'.repeat(60)}::]`]
    .map((entry): Row => [`R4, R6 unusable: ${entry.slice(0, 30)}`, lb, LB, { [xff]: `${FORGED}, ${entry}` }, stopped(LB, 'invalid_hop')]),
  ['R4 an underscore is another header', lb, LB, { x_forwarded_for: FORGED }, stopped(LB, 'header_missing')],

  ['R5 one proxy', lb, LB, { [xff]: `${FORGED}, ${C}` }, { ip: C, source: xff, peer: LB, hops: 1, scope: 'documentation', infrastructure: false, worker: false, reason: undefined, ignored: [] }],
  ['R5 three proxies', { trusted: ['10.0.0.0/8'] }, LB, { [xff]: `${FORGED}, ${C}, ${LB2}, 10.9.9.9` }, { ip: C, hops: 3 }],
  ['R5 the furthest trusted one is an internal caller', { trusted: ['10.0.0.0/8'] }, LB, { [xff]: LB2 }, { ...stopped(LB2, 'all_hops_trusted'), hops: 1, source: xff }],
  ['R5 no header', lb, LB, {}, { ...stopped(LB, 'header_missing'), source: 'remote_address', hops: 0 }],
  ['R5 an empty header', lb, LB, { [xff]: ' , ,' }, stopped(LB, 'header_missing')],
  ['R5 32 steps and no more', { trusted: ['10.0.0.0/8'] }, LB, { [xff]: `${C}${`, ${LB2}`.repeat(40)}` }, { ...stopped(LB2, 'hop_limit'), hops: 32 }],
  ['R5 the 32nd step may reach a client', { trusted: ['10.0.0.0/8'] }, LB, { [xff]: `${C}${`, ${LB2}`.repeat(31)}` }, { ip: C, hops: 32, reason: undefined }],
  ['R6 unknown is not skipped', lb, LB, { [xff]: `${FORGED}, unknown` }, { ...stopped(LB, 'invalid_hop'), source: 'remote_address' }],
  ['R6 the last verified hop, not the peer', { trusted: ['10.0.0.0/8'] }, LB, { [xff]: `${FORGED}, what, ${LB2}` }, { ...stopped(LB2, 'invalid_hop'), source: xff }],

  ['R7.1 peer is an edge', edgeOnly, EDGE, { [cf]: C, [xff]: `${FORGED}, ${C}` }, { ip: C, source: cf, hops: 1, infrastructure: false, worker: false, reason: undefined }],
  ['R7.1 peer is an edge, IPv6', edgeOnly, EDGE6, { [cf]: '2001:db8::7' }, { ip: '2001:db8::7', source: cf, version: 6 }],
  ['R7.1 own balancer names the edge', both, LB, { [cf]: C, [xff]: `${C}, ${EDGE}` }, { ip: C, source: cf, hops: 2 }],
  ['R7.1 own balancer names only the edge', both, LB, { [cf]: C, [xff]: EDGE }, { ip: C, source: cf, hops: 2 }],
  ['R7.1 a trusted peer alone is not enough', both, LB, { [cf]: FORGED, [xff]: A }, { ip: A, source: xff, reason: 'not_cloudflare', ignored: [{ header: cf, why: 'not_cloudflare' }] }],
  ['R7.1 nor without a list', both, LB, { [cf]: FORGED }, { ...stopped(LB, 'header_missing'), ignored: [{ header: cf, why: 'not_cloudflare' }] }],
  ['R7.1 via carries the header', { cloudflare: { via: ['127.0.0.1'] } }, '127.0.0.1', { [cf]: C }, { ip: C, source: cf }],
  ['R7.1 via beside the ranges', { cloudflare: { via: ['loopback'] } }, EDGE, { [cf]: C }, { ip: C, source: cf }],
  ['R7.2 several values', edgeOnly, EDGE, { [cf]: `${FORGED}, ${C}`, [xff]: C }, { ip: C, source: xff, reason: 'multiple_values', ignored: [{ header: cf, why: 'multiple_values' }] }],
  ['R7.2 two lines', edgeOnly, EDGE, { [cf]: [FORGED, C], [xff]: C }, { ip: C, source: xff, reason: 'multiple_values' }],
  ['R7.2 one line in an array', edgeOnly, EDGE, { [cf]: [C] }, { ip: C, source: cf }],
  ['R7.2 a port is not plain', edgeOnly, EDGE, { [cf]: `${FORGED}:80`, [xff]: C }, { ip: C, source: xff, reason: 'invalid_value' }],
  ['R7.2 brackets are not plain', edgeOnly, EDGE, { [cf]: '[2001:db8::1]', [xff]: C }, { ip: C, reason: 'invalid_value' }],
  ['R7.2 unspecified is no value', edgeOnly, EDGE, { [cf]: '0.0.0.0', [xff]: C }, { ip: C, reason: 'invalid_value' }],
  ['R7.2 unspecified is no value, IPv6', edgeOnly, EDGE, { [cf]: '::', [xff]: C }, { ip: C, reason: 'invalid_value' }],
  ['R7.2 space around it is nothing', edgeOnly, EDGE, { [cf]: ` ${C}\t` }, { ip: C, source: cf }],
  ['R7.2 non-public', edgeOnly, EDGE, { [cf]: '10.1.1.1', [xff]: C }, { ip: C, source: xff, reason: 'private_client_from_public_proxy', ignored: [{ header: cf, why: 'private_client_from_public_proxy' }] }],
  ['R7.2 missing: the list', edgeOnly, EDGE, { [xff]: `${FORGED}, ${C}` }, { ip: C, source: xff, hops: 1, reason: 'header_missing' }],
  ['R7.2 nothing at all', edgeOnly, EDGE, {}, stopped(EDGE, 'header_missing')],
  ['R7.2 nothing that can be read', edgeOnly, EDGE, { [cf]: 'x', [xff]: 'y' }, stopped(EDGE, 'invalid_hop')],
  ['R7.3 class E and one IPv6', edgeOnly, EDGE, { [cf]: '240.1.2.3', 'cf-connecting-ipv6': '2001:db8::7', [xff]: '240.1.2.3' }, { ip: '2001:db8::7', source: cf, version: 6, reason: undefined }],
  ['R7.3 class E and the list has the IPv6', edgeOnly, EDGE, { [cf]: '240.1.2.3', 'cf-connecting-ipv6': '2001:db8::7', [xff]: '2001:db8::7' }, { ip: '2001:db8::7', reason: undefined }],
  ['R7.3 class E without', edgeOnly, EDGE, { [cf]: '240.1.2.3' }, { ip: '240.1.2.3', scope: 'reserved' }],
  ['R7.3 class E with two', edgeOnly, EDGE, { [cf]: '240.1.2.3', 'cf-connecting-ipv6': '2001:db8::7, 2001:db8::8' }, { ip: '240.1.2.3' }],
  ['R7.3 class E with IPv4 in it', edgeOnly, EDGE, { [cf]: '240.1.2.3', 'cf-connecting-ipv6': '::ffff:1.2.3.4' }, { ip: '240.1.2.3' }],
  ['R7.3 class E with a private one', edgeOnly, EDGE, { [cf]: '240.1.2.3', 'cf-connecting-ipv6': 'fd00::1' }, { ip: '240.1.2.3' }],
  ['R7.3 otherwise it is not read', edgeOnly, EDGE, { [cf]: C, 'cf-connecting-ipv6': '2001:db8::7' }, { ip: C }],
  ['R7.4 a Worker is the client', edgeOnly, EDGE, { [cf]: WORKER, [xff]: `${FORGED}, ${WORKER}` }, { ip: WORKER, source: cf, worker: true, infrastructure: false }],
  ['R7.4 by the list too', edgeOnly, EDGE, { [xff]: `${FORGED}, ${EDGE2}` }, { ip: EDGE2, source: xff, worker: true, infrastructure: false }],
  ['R7.4 through a balancer', both, LB, { [xff]: `${FORGED}, ${EDGE2}, ${EDGE}` }, { ip: EDGE2, hops: 2, worker: true }],
  ['R7.4 although its ranges are in trusted', { trusted: ['162.158.0.0/15'], cloudflare: true }, EDGE, { [cf]: EDGE2, [xff]: `${FORGED}, ${EDGE2}` }, { ip: EDGE2, worker: true, infrastructure: false }],
  ['R7.5 the edge cannot know a private client', edgeOnly, EDGE, { [xff]: `${FORGED}, 192.168.1.1` }, stopped(EDGE, 'private_client_from_public_proxy')],
  ['R7.5 nor name itself by loopback', edgeOnly, EDGE, { [cf]: '127.0.0.1', [xff]: '::1' }, stopped(EDGE, 'private_client_from_public_proxy')],
  ['R7.6 a CDN in front: walk on', cdn, EDGE, { [cf]: '192.0.2.5', [xff]: `${FORGED}, ${C}, 192.0.2.5` }, { ip: C, source: xff, hops: 2 }],
  ['R7.6 a CDN in front, alone', cdn, EDGE, { [cf]: '192.0.2.5', [xff]: '192.0.2.5' }, stopped('192.0.2.5', 'all_hops_trusted')],
  ['R7.6 it does not line up', cdn, EDGE, { [cf]: '192.0.2.5', [xff]: `${FORGED}, ${A}` }, { ip: '192.0.2.5', source: cf, infrastructure: true, reason: 'conflict' }],
  ['R7.6 after it there is no second edge', cdn, EDGE, { [cf]: '192.0.2.5', [xff]: `${FORGED}, ${EDGE2}, 192.0.2.5` }, { ip: EDGE2, hops: 2, worker: true }],
  ['R7.6 by the list alone', cdn, EDGE, { [xff]: `${FORGED}, ${C}, 192.0.2.5` }, { ip: C, hops: 2 }],
  ['R7.7 conflict', edgeOnly, EDGE, { [cf]: C, [xff]: `${FORGED}, ${A}` }, { ip: C, source: cf, reason: 'conflict', ignored: [{ header: xff, why: 'conflict' }] }],
  ['R7.7 conflict of families', edgeOnly, EDGE, { [cf]: '2001:db8::1', [xff]: '0.0.0.1' }, { ip: '2001:db8::1', reason: 'conflict' }],
  ['R7.7 an unusable one does not conflict', edgeOnly, EDGE, { [cf]: C, [xff]: 'unknown' }, { ip: C, reason: undefined }],
  ['R7.7 nor a private one', edgeOnly, EDGE, { [cf]: C, [xff]: LB }, { ip: C, reason: undefined }],
  ['R7.7 an embedded address is that of the winner', edgeOnly, EDGE, { [cf]: '2002:a00:1::1', [xff]: A }, { embeddedIPv4: LB }],
  ['R7.8 True-Client-IP never', edgeOnly, EDGE, { 'true-client-ip': FORGED, 'cf-pseudo-ipv4': FORGED, 'x-real-ip': FORGED }, stopped(EDGE, 'header_missing')],
  ['R7.10 with proof', { cloudflare: { proof: request => request.headers['x-secret'] === 's' } }, EDGE, { [cf]: C, 'x-secret': 's' }, { ip: C, source: cf }],
  ['R7.10 without proof the address is a client', { cloudflare: { proof: request => request.headers['x-secret'] === 's' } }, EDGE, { [cf]: FORGED },
    { ip: EDGE, source: 'remote_address', infrastructure: false, worker: false, reason: 'not_cloudflare', ignored: [{ header: cf, why: 'not_cloudflare' }] }],
  ['R7.10 but the operator\'s own is not', { cloudflare: { via: [LB], proof: () => false } }, LB, { [cf]: FORGED }, stopped(LB, 'not_cloudflare')],
  ['R7.10 nor is an edge behind a balancer an edge', { ...lb, cloudflare: { proof: () => false } }, LB, { [cf]: FORGED, [xff]: `${FORGED}, ${EDGE}` }, { ip: EDGE, source: xff, hops: 1 }],

  ['R8 hops: 1, internal peer', { hops: 1 }, LB, { [xff]: `${FORGED}, ${C}` }, { ip: C, hops: 1, source: xff }],
  ['R8 hops: 1, public peer', { hops: 1 }, A, { [xff]: FORGED }, { ip: A, source: 'remote_address', reason: 'peer_untrusted' }],
  ['R8 hops: 2', { hops: 2 }, LB, { [xff]: `${FORGED}, ${C}, , 198.51.100.1` }, { ip: C, hops: 2 }],
  ['R8 hops with trusted', { hops: 2, trusted: [A] }, A, { [xff]: `${FORGED}, ${C}, 198.51.100.1` }, { ip: C, hops: 2 }],
  ['R8 trusted is the whole gate then', { hops: 1, trusted: [A] }, LB, { [xff]: FORGED }, { ip: LB, reason: 'peer_untrusted' }],
  ['R8 too few', { hops: 2 }, LB, { [xff]: C }, { ...stopped(LB, 'too_few_hops'), hops: 0 }],
  ['R8 too few by far', { hops: 5 }, LB, { [xff]: C }, stopped(LB, 'too_few_hops')],
  ['R8 unusable there', { hops: 2 }, LB, { [xff]: `unknown, ${C}` }, stopped(LB, 'invalid_hop')],
  ['R8 unusable before it is passed over', { hops: 2 }, LB, { [xff]: `${C}, unknown` }, { ip: C }],
  ['R8 an element too long is one element', { hops: 2 }, LB, { [xff]: `${C}, ${'x'.repeat(500)}` }, { ip: C }],
  ['R8 the entry is a proxy', { hops: 1, trusted: ['10.0.0.0/8'] }, LB, { [xff]: LB2 }, stopped(LB2, 'all_hops_trusted')],
  ['R8 forwarded is counted too', { hops: 2, header: 'forwarded' }, LB, { forwarded: `for=${FORGED}, for=${C}, for="_x"` }, { ip: C, source: 'forwarded' }],
  ['R8 with Cloudflare', { hops: 2, cloudflare: true }, LB, { [cf]: C, [xff]: `${FORGED}, ${C}, ${EDGE}` }, { ip: C, source: cf, hops: 2 }],
  ['R8 with Cloudflare, the list', { hops: 2, cloudflare: true }, LB, { [xff]: `${FORGED}, ${C}, ${EDGE}` }, { ip: C, source: xff, hops: 2 }],
  ['R8 somebody went around Cloudflare', { hops: 2, cloudflare: true }, LB, { [cf]: FORGED, [xff]: `${FORGED}, ${A}` }, { ip: A, source: xff, hops: 1, reason: 'not_cloudflare' }],
  ['R8 the peer must be the edge', { hops: 1, cloudflare: true }, EDGE, { [cf]: C }, { ip: C, hops: 1 }],
  ['R8, R7.4 an edge nearer than counted is the last hop', { hops: 2, cloudflare: true }, EDGE, { [cf]: WORKER, [xff]: `${FORGED}, ${EDGE2}` },
    { ip: WORKER, source: cf, hops: 1, worker: true, reason: 'conflict' }],
  ['R8, R7.4 by the list too', { hops: 2, cloudflare: true }, EDGE, { [xff]: `${FORGED}, ${EDGE2}` }, { ip: EDGE2, hops: 1, worker: true }],
  ['R8 and is none', { hops: 1, cloudflare: true }, LB, { [cf]: FORGED }, stopped(LB, 'not_cloudflare')],
  ['R8 with Cloudflare, too few', { hops: 3, cloudflare: true }, LB, { [xff]: EDGE }, stopped(LB, 'too_few_hops')],
  ['R8 no walk goes on from a count', { hops: 1, trusted: ['192.0.2.0/24'], cloudflare: true }, EDGE, { [xff]: `${FORGED}, 192.0.2.5` }, stopped('192.0.2.5', 'all_hops_trusted')],

  ['R9 X-Real-IP of a trusted peer', realIp, LB, { 'x-real-ip': C, [xff]: FORGED }, { ip: C, source: 'x-real-ip', hops: 1 }],
  ['R9 the peer is checked, not the value', realIp, A, { 'x-real-ip': FORGED }, { ip: A, reason: 'peer_untrusted' }],
  ['R9 X-Real-IP missing', realIp, LB, { [xff]: FORGED }, stopped(LB, 'header_missing')],
  ['R9 X-Real-IP repeated', realIp, LB, { 'x-real-ip': `${FORGED}, ${C}` }, stopped(LB, 'multiple_values')],
  ['R9 X-Real-IP in two lines', realIp, LB, { 'x-real-ip': [FORGED, C] }, stopped(LB, 'multiple_values')],
  ['R9 X-Real-IP without lines', realIp, LB, { 'x-real-ip': [] }, stopped(LB, 'header_missing')],
  ['R9 X-Real-IP is no address', realIp, LB, { 'x-real-ip': 'me' }, stopped(LB, 'invalid_value')],
  ['R9 X-Real-IP is a proxy', { ...realIp, trusted: ['10.0.0.0/8'] }, LB, { 'x-real-ip': LB2 }, stopped(LB2, 'all_hops_trusted')],
  ['R9 X-Real-IP names the edge', { ...realIp, cloudflare: true }, LB, { 'x-real-ip': EDGE, [cf]: C }, { ip: C, source: cf, hops: 2 }],
  ['R7.8 X-Real-IP at the edge is the visitor\'s', { ...realIp, cloudflare: true }, EDGE, { 'x-real-ip': FORGED }, stopped(EDGE, 'header_missing')],
  ['R9 Forwarded', forwarded, LB, { forwarded: `for=${FORGED}, For=${C};proto=http;by=10.0.0.1` }, { ip: C, source: 'forwarded', hops: 1 }],
  ['R9 Forwarded, IPv6 and port', forwarded, LB, { forwarded: 'for="[2001:DB8::17]:4711"' }, { ip: '2001:db8::17' }],
  ['R9 Forwarded, obfuscated port', forwarded, LB, { forwarded: `for="${C}:_x.1"` }, { ip: C }],
  ['R9 Forwarded, missing brackets and quotes', forwarded, LB, { forwarded: 'for=2001:db8::17' }, { ip: '2001:db8::17' }],
  ['R9 Forwarded, escapes', forwarded, LB, { forwarded: 'for="203.0\\.113.9"' }, { ip: C }],
  ['R9 Forwarded, a quote left open at the left', forwarded, LB, { forwarded: `for="${FORGED}, for=${C}` }, { ip: C }],
  ['R9 Forwarded, a comma inside a quoted host', forwarded, LB, { forwarded: `for=${FORGED}, for=${C};host="a, for=${FORGED}"` }, { ip: C }],
  ['R9 Forwarded, an escaped quote inside it', forwarded, LB, { forwarded: `for=${C};host="a\\", for=${FORGED};x=\\"b"` }, { ip: C }],
  ['R9 Forwarded, escaped backslashes before the quote', forwarded, LB, { forwarded: `for=${C};host="a\\\\"` }, { ip: C }],
  ['R9 Forwarded, spaces and empty pairs', forwarded, LB, { forwarded: `for=${FORGED},\t; for=${C} ;; proto=https ; ,` }, { ip: C }],
  ['R9 Forwarded, two proxies', { ...forwarded, trusted: ['10.0.0.0/8'] }, LB, { forwarded: [`for=${FORGED}`, `for=${C}, for=${LB2}`] }, { ip: C, hops: 2 }],
  ...['for=unknown', 'for=_hidden', 'proto=http', `for=${C};for=${C}`, `for=${C};FOR=${FORGED}`, `for="[${C}]"`, 'for=', 'for', `for="${C}`, `for ${C}`, `=${C}`, `for=${C} x`,
    `for="${C}"x`, 'for=""', `for="${C}:_"`, `for="${C}:_ä"`, `x="a\\";for=${C}"`, 'a=";', `for=${C};host="a\\"`, ';']
    .map((element): Row => [`R9, R6 Forwarded: ${element}`, forwarded, LB, { forwarded: `for=${FORGED}, ${element}` }, { infrastructure: true, ip: LB, reason: 'invalid_hop' }]),
  ['R9 Forwarded missing', forwarded, LB, { [xff]: FORGED }, stopped(LB, 'header_missing')],
  ['R9, R7 Cloudflare appends nothing to Forwarded, so it is not asked', { ...forwarded, cloudflare: true }, EDGE, { forwarded: `for=${FORGED}` }, stopped(EDGE, 'header_missing')],
  ['R9, R7 Cloudflare behind Forwarded', { ...forwarded, cloudflare: true }, LB, { forwarded: `for=${FORGED}, for=${EDGE}`, [cf]: C }, { ip: C, source: cf, reason: undefined }],

  ['R10 a Cloudflare peer while cloudflare is not set', {}, EDGE, { [cf]: C }, { ip: EDGE, infrastructure: true, reason: 'peer_untrusted' }],
  ['R10 a Cloudflare peer without headers', {}, EDGE6, {}, { ip: EDGE6, infrastructure: true, reason: undefined }],
  ['R10 is a client where it is off', { cloudflare: false }, EDGE, { [cf]: FORGED }, { ip: EDGE, infrastructure: false, worker: false }],
  ['every hop: the left end', { dangerouslyTrustEveryHop: true }, A, { [xff]: `${FORGED}, ${C}` }, { ip: FORGED, infrastructure: false, reason: undefined }],
  ['every hop: no header', { dangerouslyTrustEveryHop: true }, A, {}, { ip: A, infrastructure: false }],
  ['every hop: X-Real-IP', { dangerouslyTrustEveryHop: true, header: 'x-real-ip' }, A, { 'x-real-ip': FORGED }, { ip: FORGED, infrastructure: false }],
  ['every hop: no X-Real-IP', { dangerouslyTrustEveryHop: true, header: 'x-real-ip' }, A, {}, { ip: A, infrastructure: false }],

  ['class 1 the peer decides', {}, A, { 'x-client-ip': FORGED, [xff]: FORGED, [cf]: FORGED }, { ip: A }],
  ['class 2 not the left end', lb, LB, { [xff]: `${FORGED}, ${C}` }, { ip: C }],
  ['class 3 a count checks the peer', { hops: 1 }, A, { [xff]: FORGED }, { ip: A }],
  ['class 5 mapped is equal', { trusted: ['::ffff:10.0.0.0/104'] }, LB, { [xff]: C }, { ip: C }],
  ['class 6 a notation is no range', { trusted: ['1.2.3.4'] }, '2001:db8::1.2.3.4', { [xff]: FORGED }, { ip: '2001:db8::102:304' }],
  ['class 7 nothing is skipped', lb, LB, { [xff]: `${FORGED}, not-an-ip` }, { ip: LB }],
  ['class 8 text is never an address', lb, LB, { [xff]: '<script>' }, { ip: LB }],
  ['class 9 all lines', lb, LB, { [xff]: [FORGED, C] }, { ip: C }],
  ['class 10 ports, brackets, tabs', lb, LB, { [xff]: `${FORGED},\t[2001:db8::1]:1` }, { ip: '2001:db8::1' }],
  ['class 11 Cloudflare\'s header from anybody', edgeOnly, A, { [cf]: FORGED }, { ip: A, reason: 'peer_untrusted' }],
  ['class 12 edges are not transitive', edgeOnly, EDGE, { [cf]: EDGE2, [xff]: `${FORGED}, ${EDGE2}` }, { ip: EDGE2, worker: true }],
  ['class 13 no weaker header', forwarded, LB, { [xff]: FORGED, 'x-real-ip': FORGED }, { ip: LB, reason: 'header_missing' }],
  ['class 14 a signal, no exception', both, EDGE, { [cf]: C, [xff]: `${FORGED}, ${A}` }, { ip: C, reason: 'conflict' }],
  ['class 16 not the value', realIp, A, { 'x-real-ip': LB }, { ip: A }],
  ['class 17 private claims of a public proxy', edgeOnly, EDGE, { [cf]: '10.0.0.9', [xff]: '10.0.0.9' }, { ip: EDGE, infrastructure: true }]
]

function request (peer: string | undefined, headers: Headers, server?: unknown): RawRequest {
  return { socket: { remoteAddress: peer, server }, headers }
}

t.test('answers as the rules say', async t => {
  for (const [rule, options, peer, headers, expected] of rows) {
    const result = createClientIpResolver(options)(request(peer, headers))
    t.strictSame(Object.fromEntries(Object.keys(expected).map(key => [key, result[key as keyof ClientIp]])), expected, rule)
  }
})

t.test('gives every result the same keys, whichever way it was found', async t => {
  const keys = ([, options, peer, headers]: Row) => Object.keys(createClientIpResolver(options)(request(peer, headers))).join()
  const shapes = new Set(rows.map(keys))
  t.same([...shapes], ['ip,source,peer,hops,scope,infrastructure,worker,reason,ignored,version,embeddedIPv4'])
})

t.test('names the proxy of this request, also for a client that another proxy named before', async t => {
  const resolve = createClientIpResolver({ trusted: [LB, LB2], cloudflare: false })
  for (const peer of [LB, LB, LB2, LB2, LB]) {
    const client = resolve({ socket: { remoteAddress: peer }, headers: { [xff]: '203.0.113.9' } })
    t.match(client, { ip: '203.0.113.9', peer, source: xff, hops: 1 })
    Reflect.set(client, 'ip', FORGED) // the next request may get the same object
  }
})

t.test('takes no peer from a second argument', async t => {
  const resolve = createClientIpResolver({ trusted: [LB], cloudflare: false }) as (request: RawRequest, second?: unknown) => ClientIp
  const request = { socket: { remoteAddress: A }, headers: { [xff]: FORGED } }
  for (const second of [LB, 0, {}]) t.match(resolve(request, second), { ip: A, reason: 'peer_untrusted' })
  t.match([request, request].map(resolve), [{ ip: A }, { ip: A }])
})

t.test('believes a unix listener, when unix is trusted', async t => {
  let asked = 0
  const listener = { address: () => { asked++; return '/run/app.sock' } }
  const tcp = { address: () => ({ port: 80 }) }
  const closed = { address: () => null }
  const resolve = createClientIpResolver({ trusted: ['unix'] })
  t.match(resolve(request(undefined, { [xff]: `${FORGED}, ${C}` }, listener)), { ip: C, source: xff, peer: null, hops: 1 }, 'R3, worked answer')
  t.match(resolve(request(undefined, {}, listener)), { ip: null, source: 'none', infrastructure: true, reason: 'header_missing' })
  t.equal(asked, 1, 'a listener is asked once')
  t.match(resolve(request(undefined, { [xff]: FORGED }, tcp)), { ip: null, reason: 'no_peer' }, 'a missing address alone proves nothing')
  for (const server of [closed, closed, {}, null, undefined, 'x']) t.match(resolve(request(undefined, {}, server)), { ip: null, reason: 'no_peer' })
  t.match(createClientIpResolver()(request(undefined, { [xff]: FORGED }, listener)), { ip: null, reason: 'no_peer' }, 'not without the word')
  t.match(createClientIpResolver({ hops: 1, trusted: ['unix'] })(request(undefined, { [xff]: C }, listener)), { ip: C, hops: 1 })
  const cloudflared = createClientIpResolver({ cloudflare: { via: ['unix'] } })
  t.match(cloudflared(request(undefined, { [cf]: C }, listener)), { ip: C, source: cf, hops: 1 })
  t.match(cloudflared(request(undefined, { [cf]: 'x' }, listener)), { ip: null, infrastructure: true, reason: 'invalid_value' })
  const unproven = createClientIpResolver({ cloudflare: { via: ['unix'], proof: () => false } })
  t.match(unproven(request(undefined, { [cf]: C }, listener)), { ip: null, reason: 'not_cloudflare' })
})

t.test('says what nobody is asked about', async t => {
  const why = (options: ClientIpOptions, peer: string | undefined, headers: Headers = {}) =>
    notLookedUp(createClientIp(options).resolve(request(peer, headers)))
  t.equal(why({}, '8.8.8.8'), undefined)
  t.equal(why({}, C), undefined, 'documentation, for tests and examples')
  t.equal(why({}, '192.168.0.1'), 'not_public')
  t.equal(why({}, '64:ff9b::808:808'), undefined, 'it is looked up by the IPv4 address inside')
  t.equal(why({}, '64:ff9b::a00:1'), 'not_public')
  t.equal(why({}, undefined), 'no_ip')
  t.equal(why({}, EDGE), 'infrastructure')
  t.equal(why(edgeOnly, EDGE, { [cf]: WORKER }), undefined, 'a Worker is judged like anybody else')
})

t.test('keeps no long header alive through a short address', async t => {
  const long = `${`${FORGED}, `.repeat(1000)}2001:db8::1`
  t.equal(createClientIpResolver(lb)(request(LB, { [xff]: long })).ip, '2001:db8::1')
  t.equal(createClientIpResolver(lb)(request(LB, { [xff]: `${long}, ${C}` })).ip, C)
})

t.test('a header of 10,000 entries costs what one entry costs', async t => {
  const charCodeAt = String.prototype.charCodeAt
  let read = 0
  String.prototype.charCodeAt = function (this: string, at) { // eslint-disable-line no-extend-native
    read++
    return charCodeAt.call(this, at)
  }
  t.teardown(() => { String.prototype.charCodeAt = charCodeAt }) // eslint-disable-line no-extend-native
  const cost = (options: ClientIpOptions, headers: Headers) => {
    const resolve = createClientIpResolver(options)
    read = 0
    t.equal(resolve(request(LB, headers)).ip, C)
    return read
  }
  const long = `${FORGED}, `.repeat(10_000)
  t.equal(cost(lb, { [xff]: `${long}${C}` }), cost(lb, { [xff]: `${FORGED}, ${C}` }))
  t.equal(cost({ hops: 1 }, { [xff]: `${long}${C}` }), cost({ hops: 1 }, { [xff]: `${FORGED}, ${C}` }))
  const elements = `for=${FORGED}, `.repeat(10_000)
  t.equal(cost(forwarded, { forwarded: `${elements}for=${C}` }), cost(forwarded, { forwarded: `for=${FORGED}, for=${C}` }))
})
