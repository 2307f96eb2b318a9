import t from 'tap'
import fc from 'fast-check'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import { eyeballNetworks, type EyeballNetworks, unitsAmong } from '../lib/lists/pull/eyeball.ts'
import { lintList } from '../lib/lists/pull/lint.ts'
import { type AddressList, type ListKind, mergeRanges, rangesOf } from '../lib/lists/sources/list.ts'
import { difference, intersection, unitsOf } from '../lib/lists/sources/range-set.ts'
import { readList } from '../lib/lists/sources/read-list.ts'

const NOW = 20_000 * 86_400
const table = readAsnTable(findAsnPackage()!)
const eyeball = eyeballNetworks(table)
const lint = (rows: readonly string[], kind: ListKind, networks: EyeballNetworks | undefined = eyeball) =>
  lintList(readList(Buffer.from(rows.join('\n'))), { kind, ...networks && { eyeball: networks } })
/** 3,000 rows in networks of hosters: Hetzner, DigitalOcean. */
const honest = Array.from({ length: 3000 }, (_, i) => i % 2 === 0 ? `95.216.${i >> 4 & 255}.${i % 16 * 16}/28` : `104.131.${i >> 4 & 255}.${i % 16 * 16}/28`)

/** One network that announces everything: compiled in a moment. */
const everywhere = rangesOf(['0.0.0.0/0', '2000::/3'])
const oneNetwork = {
  source: 'test', numbers: Uint32Array.of(64500), names: ['One'], ...everywhere, v4Asn: Uint32Array.of(0), v6Asn: Uint32Array.of(0)
}
const judgeBy = (lists: readonly AddressList[]) => {
  const database = openDatabase(compileSnapshot(lists, { nowSeconds: NOW, asnTable: oneNetwork }), () => NOW * 1000)
  return (ip: string): unknown[] => {
    const answer = database.answer(ip)
    return answer.verdict === 'unknown' ? [answer.reason] : [answer.verdict, answer.categories]
  }
}
const verdictOf = (ip: string, lists: readonly AddressList[]): unknown[] => judgeBy(lists)(ip)
const listOf = (cidrs: readonly string[], kind: ListKind, id = 'poisoned'): AddressList =>
  ({ id, kind, ranges: rangesOf(cidrs), asns: [], halfLifeDays: 365, dateSeconds: NOW })
/** Two of Comcast, one of Deutsche Telekom, one of BT. */
const slash14s = ['24.0.0.0/14', '73.0.0.0/14', '87.128.0.0/14', '86.128.0.0/14']

t.test('refuses a list that names wide parts of the networks of people, and names the row', async t => {
  for (const row of slash14s) t.match(lint([...honest, row], 'vpn-range').refusals, [/^it names [\d.]+-[\d.]+, a wide part of a network/], row)
  t.match(lint([...honest, ...slash14s], 'vpn-range').refusals, [/^it names 24\.0\.0\.0-24\.3\.255\.255, /])
  t.match(lint([...honest, '23.255.0.0-24.0.15.255'], 'vpn-range').refusals, [], 'a slip at the border is cut out')
  t.match(lint([...honest, '23.255.0.0-24.0.16.0'], 'vpn-range').refusals, [/23\.255\.0\.0-24\.0\.16\.0/], 'a range that begins before')
  t.match(lint([...honest, '2601::/28'], 'vpn-range').refusals, [/2601::-2601:f:ffff/])
  t.match(lint(['AS7922', ...Array.from({ length: 50 }, (_, i) => `AS${64500 + i}`)], 'vpn-asn').refusals, [/names AS7922/])
  for (const kind of ['vpn-server', 'tor-exit', 'relay', 'crawler'] as const) t.match(lint([...honest, '24.0.0.0/14'], kind).refusals[0], /24\.0\.0\.0/, kind)
})

t.test('leaves nothing of them in a list that is accepted, however it is cut up', async t => {
  const cut = (bits: number, count: number): string[] => Array.from({ length: count }, (_, i) => {
    const first = 0x18000000 + i * 2 ** (32 - bits)
    return `${first >>> 24}.${first >>> 16 & 255}.${first >>> 8 & 255}.${first & 255}/${bits}`
  })
  for (const [bits, count] of [[20, 64], [24, 250], [28, 290], [32, 300]] as const) {
    const { ranges, refusals, trust } = lint([...honest, ...cut(bits, count)], 'vpn-range')
    t.same(refusals, [], `${count} /${bits}`)
    t.equal(unitsAmong(ranges, eyeball.ranges), 0)
    t.ok(trust < 1)
  }
  t.match(lint([...honest, ...cut(24, 4000)], 'vpn-range').refusals, [/too many/])
  t.match(lint([...honest, ...cut(32, 250)], 'vpn-server'), { refusals: [], trust: 1 }, 'servers stand in the networks of people, too')
  t.match(lint([...honest, ...cut(32, 300)], 'vpn-server').refusals, [/^it names 300 addresses in networks that sell/])
  t.equal(unitsAmong(lint([...honest, ...cut(24, 100)], 'vpn-server').ranges, eyeball.ranges), 0)
})

t.test('a list of nothing but wide rows is refused without comparing each of them', async t => {
  let compared = 0
  class Counted extends Uint32Array<ArrayBuffer> {
    override subarray (...args: [number?, number?]): Uint32Array<ArrayBuffer> {
      compared++
      return new Uint32Array(this).subarray(...args)
    }
  }
  const v4 = Counted.from(Array.from({ length: 2000 }, (_, i) => 0x18000000 + 0x100 * i))
  const networks = { asns: new Set<number>(), ranges: { v4, v6: new Uint32Array(0) } }
  for (const kind of ['vpn-range', 'vpn-server', 'hosting', 'public-proxy', 'abuse'] as const) {
    compared = 0
    t.match(lint(Array.from({ length: 300 }, () => '24.0.0.0/6'), kind, networks).refusals, [/./], kind)
    t.ok(compared < 40 * 2000, `${kind}: ${compared}`)
  }
})

t.test('one list alone never makes a /16 or more of anything detected', async t => {
  const whole = ['40.0.0.0/14']
  const halves = Array.from({ length: 8 }, (_, i) => `40.${i >> 1}.${i % 2 * 128}.0/17`)
  const many = Array.from({ length: 1024 }, (_, i) => `40.${i >> 8}.${i & 255}.0/24`)
  const scattered = Array.from({ length: 512 }, (_, i) => `40.${i >> 7}.${i % 128 * 2}.0/24`)
  const straddling = ['40.0.128.0/17', '40.1.0.0/17']
  for (const [name, cidrs] of Object.entries({ whole, halves, many, scattered, straddling })) {
    for (const kind of ['vpn-range', 'vpn-server', 'tor-exit'] as const) {
      const judge = judgeBy([listOf(cidrs, kind)])
      for (const ip of ['40.0.128.1', '40.1.0.1']) t.equal(judge(ip)[0], 'vpn_likely', `${name} ${kind} ${ip}`)
    }
  }
  t.same(verdictOf('40.0.128.1', [listOf(whole, 'vpn-range'), listOf(many, 'vpn-range', 'another')])[0], 'vpn_detected', 'two lists may')
  t.same(verdictOf('40.0.0.1', [listOf(['40.0.0.0/20'], 'vpn-range')])[0], 'vpn_detected', 'a narrow one may')
  t.equal(verdictOf('2610:100::1', [listOf(['2610:100::/32'], 'vpn-range')])[0], 'vpn_likely')
  t.equal(verdictOf('2610:100::1', [listOf(['2610:100::/34', '2610:100:8000::/34'], 'vpn-range')])[0], 'vpn_likely')
  t.equal(verdictOf('2610:100::1', [listOf(['2610:100::/40'], 'vpn-range')])[0], 'vpn_detected')
  const own = { ...listOf(whole, 'vpn-range'), halfLifeDays: Infinity }
  t.equal(verdictOf('40.0.0.1', [own])[0], 'vpn_detected', 'what the application labels by hand is obeyed')
})

t.test('never takes a public resolver, a root server or a health check for a visitor', async t => {
  const judge = judgeBy((['vpn-range', 'vpn-server', 'tor-exit', 'public-proxy', 'hosting', 'abuse'] as const)
    .map(kind => listOf(['0.0.0.0/1', '128.0.0.0/1', '2000::/3'], kind, kind)))
  for (const ip of ['8.8.8.8', '8.8.4.4', '1.1.1.1', '9.9.9.9', '208.67.222.222', '2001:4860:4860::8888', '2606:4700:4700::1111', '2620:fe::fe', '198.41.0.4', '2001:503:ba3e::2:30', '35.191.0.1']) {
    t.same(judge(ip), ['clean', []], ip)
  }
  t.equal(judge('8.8.9.1')[0], 'vpn_detected')
})

t.test('intersections and differences equal those found address by address', async t => {
  const network = fc.tuple(fc.nat(63), fc.nat(20)).map(([first, more]): [number, number] => [first, Math.min(63, first + more)])
  for (const stride of [2, 8] as const) {
    const words = (value: number): number[] => stride === 2 ? [value] : [0x20000000, 0, value < 32 ? 7 : 8, (0xffffffe0 + value) >>> 0]
    const range = ([first, last]: [number, number]): number[] => [...words(first), ...words(last)]
    const valuesOf = (part: Uint32Array): number[] => {
      const at = (i: number): number => stride === 2 ? part[i]! : (part[4 * i + 2]! - 7) * 2 ** 32 + part[4 * i + 3]! - 0xffffffe0
      const first = at(0)
      const last = at(1)
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
    }
    fc.assert(fc.property(network, fc.array(network, { maxLength: 5 }), (one, others) => {
      const raw = Uint32Array.from(others.flatMap(range))
      const set = stride === 2 ? mergeRanges({ v4: raw, v6: new Uint32Array(0) }).v4 : mergeRanges({ v4: new Uint32Array(0), v6: raw }).v6
      const parts = intersection(Uint32Array.from(range(one)), set, stride)
      const inside = (value: number): boolean => others.some(([first, last]) => first <= value && value <= last)
      const all = valuesOf(Uint32Array.from(range(one)))
      t.same(parts.flatMap(valuesOf), all.filter(inside))
      t.same(difference(Uint32Array.from(range(one)), parts, stride).flatMap(valuesOf), all.filter(value => !inside(value)))
      if (stride === 2) t.equal(parts.reduce((sum, part) => sum + unitsOf(part, 2), 0), all.filter(inside).length)
      return t.passing()
    }), { numRuns: 200 })
  }
})
