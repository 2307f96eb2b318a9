import t from 'tap'
import fc from 'fast-check'
import { formatAddress } from '../lib/ip/address.ts'
import { type Cidr, parseCidr } from '../lib/ip/cidr.ts'
import { lintList, type LintOptions } from '../lib/lists/pull/lint.ts'
import type { EyeballNetworks } from '../lib/lists/pull/eyeball.ts'
import { rowsOf } from '../lib/lists/pull/list-store.ts'
import { mergeRanges, rangesOf } from '../lib/lists/sources/list.ts'
import { mirrored } from '../lib/lists/pull/pull.ts'
import { publishers } from '../lib/lists/sources/publishers.ts'
import { readList } from '../lib/lists/sources/read-list.ts'

const many = (rows: number): string => Array.from({ length: rows }, (_, i) => `20.${i >> 8}.${i & 255}.1`).join('\n')
const eyeball: EyeballNetworks = { asns: new Set([64497]), ranges: rangesOf(['21.0.0.0/8', '2a00::/16']) }
const lint = (text: string, options: LintOptions) => lintList(readList(Buffer.from(text)), options)

t.test('accepts a good list whole', async t => {
  const report = lint('20.0.0.0/24\n2600::/32\n192.0.2.0/24\n2001:db8::/32\n', { kind: 'hosting', previousRows: 4 })
  t.match(report, { refusals: [], remarks: [], trust: 1 })
  t.same([...rowsOf(report.ranges)], [
    '20.0.0.0-20.0.0.255', '192.0.2.0-192.0.2.255', '2600::-2600:0:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'
  ])
})

t.test('leaves out what cannot be right, and trusts the rest less', async t => {
  const rows: [string, LintOptions, RegExp][] = [
    ['10.1.2.3', { kind: 'tor-exit' }, /private or reserved space \(10\.1\.2\.3\)/],
    ['9.0.0.0-11.0.0.0', { kind: 'hosting' }, /private or reserved/],
    ['240.0.0.1', { kind: 'abuse' }, /private or reserved/],
    ['fe80::1', { kind: 'abuse' }, /private or reserved space \(fe80::1\)/],
    ['2002::/16', { kind: 'hosting' }, /private or reserved/],
    ['2001:10::/28', { kind: 'hosting' }, /private or reserved/],
    ['1ffe::/14', { kind: 'hosting' }, /private or reserved/],
    ['16.0.0.0/7', { kind: 'hosting' }, /wider than a \/8/],
    ['20.1.0.0/16', { kind: 'vpn-server' }, /wider than a \/24/],
    ['2600::/48', { kind: 'vpn-server' }, /wider than a \/64/],
    ['2600::/8', { kind: 'hosting' }, /wider than a \/23/],
    ['nonsense', { kind: 'abuse' }, /not understood \(first: line 101\)/],
    ['21.0.0.1', { kind: 'hosting', eyeball }, /network of people \(21\.0\.0\.1\)/],
    ['21.0.0.0/30', { kind: 'vpn-range', eyeball }, /network of people \(21\.0\.0\.0-21\.0\.0\.3\)/],
    ['21.0.0.0/28', { kind: 'vpn-server', eyeball }, /network of people/],
    ['2a00::1', { kind: 'relay', eyeball }, /network of people \(2a00::1\)/]
  ]
  for (const [row, options, remark] of rows) {
    const report = lint(`${many(100)}\n${row}\n`, options)
    t.same(report.refusals, [], row)
    t.match(report.remarks, [remark], row)
    t.equal(report.trust, 0.95, row)
    t.equal(report.ranges.v4.length / 2 + report.ranges.v6.length / 8, 100, row)
  }
  const asns = lint([11426, 9318, 12389, 29465, 36873, ...Array.from({ length: 95 }, (_, i) => 64500 + i)].map(asn => `AS${asn}`).join('\n'), { kind: 'hosting-asn' })
  t.match(asns, { refusals: [], trust: 0.75, remarks: [/5 of 100 rows in a network of people \(AS11426\)/] })
  t.equal(asns.asns.length, 95)
})

t.test('refuses a list that cannot be one', async t => {
  const slash8s = Array.from({ length: 70 }, (_, i) => `${i + 11}.0.0.0/8`).join('\n')
  const rows: [string, string, LintOptions, RegExp][] = [
    ['empty', '# nothing\n', { kind: 'hosting' }, /empty/],
    ['much private space', `${many(8)}\n10.0.0.0/8`, { kind: 'hosting' }, /too many of its rows/],
    ['much nonsense', 'a\nb\n20.0.0.1\n', { kind: 'abuse' }, /too many of its rows/],
    ['an eyeball network in a short list', 'AS9318\nAS64496\n', { kind: 'hosting-asn' }, /too many of its rows/],
    ['too much in all', slash8s, { kind: 'hosting' }, /covers 1174405120 IPv4 addresses \(27 % of all\)/],
    ['AS numbers instead of addresses', 'AS64496', { kind: 'hosting' }, /has AS numbers/],
    ['addresses instead of AS numbers', '20.0.0.1', { kind: 'hosting-asn' }, /has addresses/],
    ['grown by more than half', many(151), { kind: 'abuse', previousRows: 100 }, /151 rows, the one before had 100/],
    ['shrunk by more than half', many(49), { kind: 'abuse', previousRows: 100 }, /49 rows/]
  ]
  for (const [name, text, options, refusal] of rows) t.match(lint(text, options).refusals, [refusal], name)
  t.same(lint(many(150), { kind: 'abuse', previousRows: 100 }).refusals, [])
  t.same(lint(many(50), { kind: 'abuse', previousRows: 100 }).refusals, [])
})

t.test('merged ranges hold the same addresses, sorted and apart', async t => {
  const network = fc.oneof(
    fc.tuple(fc.nat(255), fc.integer({ min: 22, max: 32 })).map(([n, prefix]) => `20.0.${n >> 4}.${(n & 15) << 4}/${prefix}`),
    fc.tuple(fc.nat(255), fc.integer({ min: 116, max: 128 })).map(([n, prefix]) => `2600::${(n << 4).toString(16)}/${prefix}`),
    fc.constantFrom('2600::ffff:ffff/128', '2600::1:0:0/128', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '255.255.255.255')
  )
  fc.assert(fc.property(fc.array(network, { minLength: 1, maxLength: 20 }), networks => {
    const merged = mergeRanges(readList(Buffer.from(networks.join('\n'))).ranges)
    t.same([...rowsOf(merged)], [...slowlyMerged(networks.map(parseCidr), 4), ...slowlyMerged(networks.map(parseCidr), 6)], networks.join(' '))
    return t.passing()
  }), { numRuns: 300 })
})

/** The reference: big integers, one network after the other. */
function slowlyMerged (cidrs: Cidr[], family: 4 | 6): string[] {
  const merged: { first: bigint, last: bigint }[] = []
  const all = cidrs.filter(cidr => cidr.family === family).map(({ words, prefix }) => {
    const first = words.reduce((sum, word) => sum * 2n ** 32n + BigInt(word), 0n)
    return { first, last: first + 2n ** BigInt((family === 4 ? 32 : 128) - prefix) - 1n }
  })
  for (const range of all.sort((a, b) => a.first < b.first ? -1 : 1)) {
    const before = merged.at(-1)
    if (before === undefined || range.first > before.last + 1n) merged.push(range)
    else if (range.last > before.last) before.last = range.last
  }
  const text = (value: bigint) => formatAddress(family, [96n, 64n, 32n, 0n].map(shift => Number((value >> shift) & 0xffffffffn)))
  return merged.map(({ first, last }) => first === last ? text(first) : `${text(first)}-${text(last)}`)
}

t.test('every published list has an own name, a safe address and a licence', async t => {
  t.equal(new Set(publishers.map(({ id }) => id)).size, publishers.length)
  for (const { id, url, licence, kind, publisher, halfLifeDays } of publishers) {
    t.match(id, /^[a-z\d-]+$/)
    t.equal(new URL(url).protocol, 'https:')
    t.ok(licence.length > 2 && halfLifeDays > 0)
    t.equal(publisher !== undefined, kind === 'vpn-server', id)
    t.equal(mirrored(url, 'http://127.0.0.1/m/'), url.replace('https://', 'http://127.0.0.1/m/'))
  }
})
