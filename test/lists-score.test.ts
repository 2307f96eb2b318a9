import t from 'tap'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import type { ProviderAnswer } from '../types/contract.ts'
import { formatAddress } from '../lib/ip/address.ts'
import { parseCidr } from '../lib/ip/cidr.ts'
import { scopeOf } from '../lib/ip/address-scope.ts'
import { specialPurpose } from '../lib/ip/published-ranges.ts'
import { type AsnKinds, packNumbers, packagedAsnKinds, unpackNumbers } from '../lib/lists/asn/kinds.ts'
import type { AsnTable } from '../lib/lists/asn/table.ts'
import { type CompileOptions, compileSnapshot } from '../lib/lists/compile/compile.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import { describeSnapshot } from '../lib/lists/database/snapshot-files.ts'
import type { AddressList, ListKind } from '../lib/lists/sources/list.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import { liveDatabase } from '../lib/lists/database/live-database.ts'
import { decay, densityClass, HALF_LIFE_DAYS } from '../lib/lists/compile/weights.ts'
import { explain, type Explanation } from './support/explain.ts'

const DAY = 86_400
const NOW = 20_000 * DAY
const NO_KINDS: AsnKinds = {
  dateSeconds: NOW,
  hosting: [],
  hostingConfirmed: [],
  vpn: [],
  operators: [],
  eyeball: [],
  access: [],
  gateway: [],
  transit: [],
  content: [],
  relay: [],
  density: new Map()
}

const list = (id: string, kind: ListKind, cidrs: readonly string[], more: Partial<AddressList> = {}): AddressList =>
  ({ id, kind, ranges: rangesOf(cidrs), asns: [], halfLifeDays: HALF_LIFE_DAYS[kind], dateSeconds: NOW, ...more })

const v4 = (cidrs: readonly string[]): Uint32Array => rangesOf(cidrs).v4
/** AS64500 announces 20.0.0.0/16 (65,536 addresses), AS64501 21.0.0.0/8, AS13335 104.0.0.0/8. */
const asnTable: AsnTable = {
  source: 'test',
  numbers: Uint32Array.of(13335, 64500, 64501),
  names: ['Cloudflare, Inc.', 'Small Net', 'Large Net'],
  v4: v4(['20.0.0.0/16', '21.0.0.0/8', '104.0.0.0/8']),
  v4Asn: Uint32Array.of(1, 2, 0),
  v6: new Uint32Array(0),
  v6Asn: new Uint32Array(0)
}

function explained (ip: string, lists: readonly AddressList[], options: Partial<CompileOptions> = {}, ageDays = 0): Explanation {
  const bytes = compileSnapshot(lists, { nowSeconds: NOW, asnKinds: NO_KINDS, ...options })
  return explain(bytes, ip, (NOW + ageDays * DAY) * 1000)
}
function known (answer: ProviderAnswer): Exclude<ProviderAnswer, { verdict: 'unknown' }> {
  if (answer.verdict === 'unknown') throw new Error(`unknown: ${answer.reason}`)
  return answer
}
const outcome = ({ answer }: Explanation): unknown[] => answer.verdict === 'unknown' ? [answer.reason] : [answer.verdict, answer.score, answer.categories]

t.test('gives every kind of list its verdict', async t => {
  const rows: [ListKind[], unknown[]][] = [
    [['vpn-server'], ['vpn_detected', 1, ['vpn']]],
    [['tor-exit'], ['vpn_detected', 1, ['tor']]],
    [['vpn-range'], ['vpn_detected', 0.9, ['vpn']]],
    [['vpn-asn'], ['vpn_likely', 0.8, ['vpn']]],
    [['vpn-asn', 'vpn-asn'], ['vpn_likely', 0.87, ['vpn']]],
    [['vpn-range', 'vpn-asn'], ['vpn_detected', 0.93, ['vpn']]],
    [['public-proxy'], ['vpn_likely', 0.75, ['proxy']]],
    [['hosting'], ['suspicious', 0.45, ['hosting']]],
    [['hosting', 'hosting'], ['suspicious', 0.5, ['hosting']]],
    [['hosting', 'hosting-asn'], ['suspicious', 0.5, ['hosting']]],
    [['hosting-asn', 'hosting-asn'], ['suspicious', 0.4, ['hosting']]],
    [['hosting', 'hosting-asn', 'abuse'], ['suspicious', 0.59, ['hosting', 'abuse']]],
    [['public-proxy', 'hosting'], ['vpn_likely', 0.863, ['hosting', 'proxy']]],
    [['relay'], ['clean', 0.2, ['relay']]],
    [['relay', 'vpn-range', 'hosting', 'hosting-asn'], ['clean', 0.2, ['relay']]],
    [['crawler'], ['clean', 0, ['crawler']]],
    [['crawler', 'hosting', 'hosting-asn'], ['clean', 0, ['crawler']]],
    [['crawler', 'vpn-range', 'vpn-asn'], ['clean', 0, ['crawler']]],
    [['crawler', 'vpn-server'], ['vpn_detected', 1, ['vpn', 'crawler']]],
    [['abuse'], ['no_data']],
    [['hosting-asn'], ['suspicious', 0.27, ['hosting']]]
  ]
  for (const [kinds, expected] of rows) {
    const lists = kinds.map((kind, i) => list(`${kind}-${i}`, kind, ['20.1.0.7'], { halfLifeDays: Infinity }))
    t.same(outcome(explained('20.1.0.7', lists)), expected, kinds.join(' + '))
  }
})

t.test('is clean only where data cover the address', async t => {
  const lists = [list('servers', 'vpn-server', ['30.0.0.1'], { halfLifeDays: Infinity })]
  t.same(outcome(explained('30.0.0.2', lists)), ['no_data'])
  t.same(outcome(explained('30.0.0.2', lists, { covers: rangesOf(['30.0.0.0/24']) })), ['clean', 0, []])
  t.same(outcome(explained('20.0.0.2', lists, { asnTable })), ['clean', 0, []])
  t.same(outcome(explained('30.0.0.2', lists, { asnTable })), ['no_data'], 'not announced')
  t.same(outcome(explained('20.0.0.2', [list('bad', 'abuse', ['20.0.0.2'])], { asnTable })), ['clean', 0.2, ['abuse']])
  t.same(outcome(explained('nonsense', lists)), ['no_ip'])
})

t.test('knows of what stands beside published servers, and of networks full of them', async t => {
  const servers = (count: number, more: Partial<AddressList> = {}): AddressList =>
    list('servers', 'vpn-server', Array.from({ length: count }, (_, i) => `21.0.0.${i}`), { publisher: 'acme', ...more })
  const large = list('hosters', 'hosting-asn', [], { asns: [64501], halfLifeDays: Infinity })
  for (const [count, weight] of [[1, 0.6], [2, 0.8], [3, 0.8], [4, 0.85]] as const) {
    t.match(explained('21.0.0.200', [servers(count), large], { asnTable }).groups, [{ group: 'neighbours', weight }, {}], `${count} in the /24`)
    const people = [servers(count), list('infected', 'abuse', ['21.0.0.200'])]
    t.same(outcome(explained('21.0.0.200', people, { asnTable })), ['suspicious', 0.592, ['abuse']], `${count} in the /24, which nothing calls a hoster's`)
  }
  t.same(outcome(explained('21.0.1.0', [servers(4)], { asnTable })), ['clean', 0.05, []], 'not in the /24 beside')
  t.same(outcome(explained('21.0.1.0', [servers(3)], { asnTable })), ['clean', 0, []], 'fewer than four of one publisher say nothing of the network')
  t.same(outcome(explained('21.0.0.200', [servers(4, { halfLifeDays: Infinity })], { asnTable })), ['clean', 0, []], 'nothing from labels by hand')
  t.same(outcome(explained('21.0.0.200', [servers(4, { dateSeconds: NOW - 61 * DAY })], { asnTable })), ['clean', 0, []], 'nothing from old lists')
  t.same(outcome(explained('2a00::5:1', [list('servers', 'vpn-server', ['2a00::1'])])), ['suspicious', 0.49, []], 'in the same /64')
  t.same(outcome(explained('2a00:0:0:1::1', [list('servers', 'vpn-server', ['2a00::1', '2a00::/40'])])), ['vpn_detected', 1, ['vpn']])
  t.same(outcome(explained('2a00:0:0:2::1', [list('servers', 'vpn-server', ['2a00::1'])])), ['no_data'])

  const some = list('a', 'vpn-server', ['20.0.1.0/26'], { publisher: 'a' })
  t.same(known(explained('20.0.9.9', [some], { asnTable }).answer).score, 0.49, '64 of 65,536 announced, one publisher')
  const three = [some, list('b', 'vpn-server', ['20.0.2.1'], { publisher: 'b' }), list('c', 'vpn-server', ['20.0.3.1'], { publisher: 'c' })]
  t.same(outcome(explained('20.0.9.9', three, { asnTable })), ['suspicious', 0.49, []], 'three publishers, and nothing calls it a hoster')
  const hoster = list('hosters', 'hosting-asn', [], { asns: [64500] })
  t.same(outcome(explained('20.0.9.9', [...three, hoster], { asnTable })), ['vpn_detected', 0.92, ['vpn', 'hosting']], 'a hoster')
  t.same([1e-6, 1e-5, 1e-4, 1e-3].map(density => densityClass(density * 1e6, 1e6)), [0, 1, 2, 3])
  t.same([1e-6, 1e-5, 1e-4, 1e-3].map(density => densityClass(density * 1e7, 1e7)), [0, 1, 1, 3], 'a large cloud')
})

t.test('knows the networks of its own table, unless a list of networks was given', async t => {
  const asnKinds = { ...NO_KINDS, hosting: [64500, 64501], hostingConfirmed: [64500], vpn: [64501], density: new Map([[64500, 4]]) }
  t.same(outcome(explained('20.0.0.1', [], { asnTable, asnKinds })), ['vpn_likely', 0.82, ['vpn', 'hosting']])
  t.same(outcome(explained('21.0.0.1', [], { asnTable, asnKinds })), ['vpn_likely', 0.854, ['vpn', 'hosting']])
  const worst: AsnKinds = { ...asnKinds, vpn: [64500], density: new Map([[64500, 12]]) }
  t.same(outcome(explained('20.0.0.1', [], { asnTable, asnKinds: worst })), ['vpn_likely', 0.89, ['vpn', 'hosting']], 'never detected')
  const own = [list('own', 'hosting-asn', [], { asns: [64501] }), list('own-vpn', 'vpn-asn', [], { asns: [64500] })]
  t.same(outcome(explained('21.0.0.1', own, { asnTable, asnKinds })), ['suspicious', 0.27, ['hosting']])
  t.same(outcome(explained('20.0.0.1', own, { asnTable, asnKinds })), ['vpn_detected', 0.94, ['vpn']])
  t.same(known(explained('20.0.0.1', own, { asnTable, asnKinds }).answer).info, { asn: 'AS64500', org: 'Small Net' })
  const packaged = packagedAsnKinds()
  t.ok(packaged.hosting.includes(24940), 'Hetzner')
  t.ok(packaged.vpn.includes(9009), 'M247')
  t.ok(packaged.eyeball.includes(7922), 'Comcast')
  for (const asn of [11426, 9318, 12389, 29465, 36873]) t.notOk(packaged.hosting.includes(asn), `AS${asn} is an access network`)
  fc.assert(fc.property(fc.uniqueArray(fc.nat(0xffffffff)), numbers => {
    const sorted = numbers.toSorted((a, b) => a - b)
    t.same(unpackNumbers(packNumbers(sorted)), sorted)
  }), { numRuns: 20 })
})

t.test('takes what Cloudflare announces beside its proxies for a hint of WARP, and the proxies for hosting', async t => {
  t.same(outcome(explained('104.28.0.1', [], { asnTable })), ['clean', 0.2, ['warp']])
  const hoster = list('hosters', 'hosting-asn', [], { asns: [13335] })
  t.same(outcome(explained('104.28.0.1', [hoster], { asnTable })), ['clean', 0.2, ['warp']])
  t.same(outcome(explained('104.16.0.1', [hoster], { asnTable })), ['suspicious', 0.5, ['hosting']])
  const range = list('ranges', 'hosting', ['104.28.0.0/24'], { halfLifeDays: Infinity })
  t.same(outcome(explained('104.28.0.1', [hoster, range], { asnTable })), ['suspicious', 0.56, ['hosting', 'warp']])
  const abuse = list('abuse', 'abuse', ['104.28.0.1'])
  t.same(outcome(explained('104.28.0.1', [hoster, range, abuse], { asnTable })), ['suspicious', 0.59, ['hosting', 'abuse', 'warp']])
  t.same(outcome(explained('104.28.0.1', [list('bots', 'crawler', ['104.28.0.1']), hoster], { asnTable })), ['clean', 0, ['crawler']])
  t.same(outcome(explained('104.16.0.1', [], { asnTable })), ['suspicious', 0.45, ['hosting']])
  t.same(outcome(explained('104.16.0.1', [])), ['suspicious', 0.45, ['hosting']], 'with no data at all')
  t.same(outcome(explained('104.28.0.1', [list('relay', 'relay', ['104.28.0.0/24'])], { asnTable })), ['clean', 0.2, ['relay']])
})

t.test('lets lists count less as they grow old, and as the linter trusts them less', async t => {
  const range = [list('r', 'vpn-range', ['20.1.0.0/24'])]
  const scores = [0, 91, 92, 365, 730, 3650].map(age => {
    const { answer } = explained('20.1.0.1', range, {}, age)
    return answer.verdict === 'unknown' ? answer.reason : answer.score
  })
  t.same(scores, [0.9, 0.9, 0.898, 0.45, 'no_data', 'no_data'])
  t.equal(decay(60, 60), 0.5)
  t.equal(decay(1e6, Infinity), 1)
  const lastSeenSeconds = Uint32Array.of(NOW, NOW - 60 * DAY, NOW - 61 * DAY)
  const parts = list('p', 'vpn-server', ['20.1.0.1', '20.1.1.1', '2a00::1'], { lastSeenSeconds })
  t.equal(known(explained('20.1.0.1', [parts]).answer).score, 1)
  t.equal(known(explained('20.1.1.1', [parts]).answer).score, 0.745, 'half of 1, beside a neighbour last seen then')
  t.equal(known(explained('2a00::1', [parts]).answer).score, 0.492)
  t.same(outcome(explained('20.1.0.1', [list('r', 'vpn-range', ['20.1.0.0/24'], { trust: 0.5 })])), ['suspicious', 0.45, ['vpn']])
})

t.test('says what made the score', async t => {
  const lists = [
    list('acme-servers', 'vpn-server', ['20.0.0.1'], { publisher: 'acme' }), list('dc', 'hosting', ['20.0.0.0/16']),
    list('exits', 'tor-exit', ['20.0.0.1'], { halfLifeDays: Infinity }), list('proxies', 'public-proxy', ['20.0.0.1'])
  ]
  const { ip, answer, groups } = explained('::ffff:20.0.0.1', lists, { asnTable })
  t.equal(ip, '20.0.0.1')
  t.match(known(answer), {
    verdict: 'vpn_detected',
    score: 1,
    isVpn: true,
    info: { asn: 'AS64500', org: 'Small Net', type: 'hosting', isProxy: true, vpnProvider: 'acme', vpnProviderSources: ['acme-servers'] }
  })
  t.same(known(answer).signals.map(({ type, weight, detail }) => [type, weight, detail]), [
    ['known_vpn_exact', 1, 'acme (acme-servers), seen 2024-10-04'],
    ['tor_exit', 1, 'exits'],
    ['vpn_neighbours', 0.6, 'near-one-vpn-server, seen 2024-10-04'],
    ['dc_ip', 0.45, 'dc, seen 2024-10-04'],
    ['public_proxy_list', 0.75, 'proxies, seen 2024-10-04']
  ])
  const factors = [['exact', 1], ['neighbours', 0.6], ['hosting', 0.45], ['proxy', 0.75]]
  t.same(groups.map(({ group, weight }) => [group, weight]), factors)
})

t.test('a secure web gateway is no VPN by what is said of its network, and is named', async t => {
  const asnKinds = { ...NO_KINDS, gateway: [64500] }
  const said = (['vpn-range', 'hosting'] as const).map(kind => list(kind, kind, ['20.0.0.0/24'], { halfLifeDays: 365 }))
  const servers = list('servers', 'vpn-server', ['20.0.0.1', '20.0.0.2', '20.0.0.3', '20.0.0.4'])
  const all = [...said, list('networks', 'vpn-asn', [], { asns: [64500] }), servers]
  t.same(outcome(explained('20.0.0.9', all, { asnTable, asnKinds })), ['clean', 0.2, ['gateway']])
  t.same(outcome(explained('20.0.0.1', all, { asnTable, asnKinds })), ['vpn_detected', 1, ['vpn', 'gateway']], 'a server by its own address')
  t.ok(packagedAsnKinds().gateway.includes(22616), 'Zscaler')
})

t.test('without the lists of relays, a network of a relay is one, and VPN servers beside content say nothing of it', async t => {
  const hosters = list('hosters', 'hosting-asn', [], { asns: [64500] })
  const servers = list('servers', 'vpn-server', ['20.0.1.0/26'])
  const density = new Map([[64500, 12]])
  t.same(outcome(explained('20.0.9.9', [hosters, servers], { asnTable, asnKinds: { ...NO_KINDS, relay: [64500], density } })), ['clean', 0.2, ['relay']])
  t.same(outcome(explained('20.0.9.9', [hosters, servers], { asnTable, asnKinds: { ...NO_KINDS, content: [64500], density } })), ['suspicious', 0.27, ['hosting']])
  const { relay, content, density: packaged } = packagedAsnKinds()
  t.same([...relay, ...content].filter(asn => packaged.has(asn)), [])
})

t.test('lists do not make a hoster of a network of people, or of one that carries everybody', async t => {
  const said = list('hosters', 'hosting-asn', [], { asns: [64500] })
  const full = list('a', 'vpn-server', ['20.0.1.0/26'])
  for (const kind of ['access', 'eyeball', 'transit'] as const) {
    const asnKinds = { ...NO_KINDS, [kind]: [64500], density: new Map([[64500, 12]]) }
    t.same(outcome(explained('20.0.9.9', [said, full], { asnTable, asnKinds })), ['clean', 0, []], kind)
    t.same(outcome(explained('20.0.9.9', [{ ...said, halfLifeDays: Infinity }], { asnTable, asnKinds })), ['suspicious', 0.27, ['hosting']], 'a label by hand is obeyed')
  }
})

t.test('has a verdict on public and documentation addresses only, as the registries draw the borders', async t => {
  const { answer } = openDatabase(compileSnapshot([], { nowSeconds: NOW }))
  const edges = specialPurpose.flatMap(([cidr]) => {
    const { family, words, prefix } = parseCidr(cidr)
    const width = family === 4 ? 32n : 128n
    const first = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
    const behind = first + (1n << (width - BigInt(prefix)))
    return [first - 1n, first, behind - 1n, behind].filter(value => value >= 0n && value < 1n << width)
      .map(value => formatAddress(family, [96n, 64n, 32n, 0n].map(shift => Number(value >> shift & 0xffffffffn))))
  })
  for (const ip of [...edges, '223.255.255.255', '224.0.0.0', '2000::', '3fff:ffff::', '4000::', 'fe00::', 'ff02::1', 'fec0::1']) {
    const scope = scopeOf(ip)
    const { verdict, reason, categories = [] } = { reason: undefined, ...answer(ip) }
    const asked = scope === 'public' || scope === 'documentation'
    t.equal(verdict === 'unknown' && reason === 'not_public', !asked, `${ip} is ${scope}`)
    t.same(categories.includes('cgnat'), scope === 'shared', `${ip} is ${scope}`)
  }
})

t.test('describes what is in a snapshot, and what is old in it', async t => {
  const old = list('x', 'vpn-range', ['20.1.0.0/24', '2a00::/32'], { dateSeconds: NOW - 400 * DAY })
  const lists = [old, list('y', 'hosting-asn', [], { asns: [1, 2], trust: 0.5 })]
  const description = describeSnapshot(compileSnapshot(lists, { nowSeconds: NOW, asnTable }), NOW * 1000)
  t.match(description, {
    version: 4,
    createdSeconds: NOW,
    networks: 3,
    asnSource: 'test',
    lists: [
      { id: 'x', kind: 'vpn-range', prefixes4: 1, prefixes6: 1, ageDays: 400, halfLifeDays: 365, stale: true, trust: 1 },
      { id: 'y', kind: 'hosting-asn', asns: 2, ageDays: 0, stale: false, trust: 0.5 }
    ]
  })
  t.ok(description.builtIn.some(({ id }) => id === 'cloudflare'))
  t.ok(description.bytes > description.intervals4 * 6)
})

t.test('answers with today\'s weights after midnight, and forgets answers when there are many', async t => {
  let now = NOW * 1000
  const many = Array.from({ length: 17_000 }, (_, i) => i)
  const table: AsnTable = {
    source: 'many',
    numbers: Uint32Array.from(many, i => i + 1),
    names: many.map(i => `Net ${i}`),
    v4: Uint32Array.from(many.flatMap(i => [0x14000000 + 256 * i, 0x14000000 + 256 * i + 255])),
    v4Asn: Uint32Array.from(many),
    v6: new Uint32Array(0),
    v6Asn: new Uint32Array(0)
  }
  const bytes = compileSnapshot([list('p', 'public-proxy', ['30.0.0.1'])], { nowSeconds: NOW, asnTable: table, asnKinds: NO_KINDS })
  const database = openDatabase(bytes, () => now)
  const first = database.answer('20.0.0.1')
  const orgOf = (i: number): string | undefined => known(database.answer(formatAddress(4, [0, 0, 0, 0x14000000 + 256 * i]))).info.org
  t.same(many.filter(i => orgOf(i) !== `Net ${i}`), [])
  t.not(database.answer('20.0.0.1'), first, 'made anew')
  t.same(database.answer('20.0.0.1'), first)
  t.equal(known(database.answer('30.0.0.1')).score, 0.75)
  now += 7 * DAY * 1000
  t.equal(known(database.answer('30.0.0.1')).score, 0.75)
  database.refresh()
  t.equal(known(database.answer('30.0.0.1')).score, 0.375)
})

t.test('refreshes by itself, and says then which list has grown old', async t => {
  let now = NOW * 1000
  const database = liveDatabase(compileSnapshot([list('p', 'public-proxy', ['30.0.0.1'])], { nowSeconds: NOW }), () => now, 5)
  const said: object[] = []
  const quiet = (): void => {}
  database.start({ debug: quiet, info: quiet, warn: fields => { said.push(fields) }, error: quiet })
  now += 8 * DAY * 1000
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await setTimeout(5)
  }
  await until(() => said.length > 0)
  t.match(said, [{ list: 'p', ageDays: 8, halfLifeDays: 7 }])
  const before = database.current.answer('30.0.0.1')
  now += DAY * 1000
  await until(() => database.current.answer('30.0.0.1') !== before)
  t.equal(said.length, 1, 'said once')
  now -= DAY * 1000
  database.current.refresh()
  t.equal(known(database.current.answer('30.0.0.1')).score, 0.329)
  await database.close()
})
