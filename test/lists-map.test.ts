import t from 'tap'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { words } from '../lib/ip/address.ts'
import { type AsnTable } from '../lib/lists/asn/table.ts'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { evidenceOf, openDatabase } from '../lib/lists/database/database.ts'
import type { AddressList, ListKind } from '../lib/lists/sources/list.ts'
import { rangesOf } from '../lib/lists/sources/list.ts'
import { decodeSnapshot } from '../lib/lists/database/snapshot.ts'
import { EXAMPLE_SECONDS, exampleLists, hasExampleLists } from '../scripts/example-lists.ts'
import { labelFinder } from './support/explain.ts'
import { referenceOf } from './support/slow-lists.ts'

const NO_ASNS: AsnTable = {
  source: 'none',
  numbers: new Uint32Array(0),
  names: [],
  v4: new Uint32Array(0),
  v4Asn: new Uint32Array(0),
  v6: new Uint32Array(0),
  v6Asn: new Uint32Array(0)
}
const list = (id: string, kind: ListKind, v4: readonly number[], v6: readonly number[]): AddressList =>
  ({ id, kind, ranges: { v4: Uint32Array.from(v4), v6: Uint32Array.from(v6) }, asns: [], halfLifeDays: 365, dateSeconds: EXAMPLE_SECONDS })

/** Asks both about the addresses at and beside the borders of ranges, up to `limit`. Gives the number asked and the first difference. */
function compare (lists: readonly AddressList[], asnTable: AsnTable, limit: number): { asked: number, difference: string | undefined } {
  const bytes = compileSnapshot(lists, { nowSeconds: EXAMPLE_SECONDS, asnTable, builtIn: false })
  const snapshot = decodeSnapshot(bytes)
  const given = new Set(lists.map(({ id }) => id))
  const reference = referenceOf(lists, asnTable)
  const seen = new Map<number, string>()
  const labelOf = labelFinder(snapshot.map)
  const said = (family: 4 | 6): string => {
    const label = labelOf(family)
    let text = seen.get(label)
    if (text === undefined) {
      const { marks, network } = evidenceOf(snapshot, label)
      const ids = marks.map(mark => mark.list.id).filter(id => given.has(id)).sort()
      seen.set(label, text = `${ids.join()} AS${network?.asn ?? 0} ${network?.name ?? ''}`)
    }
    return text
  }
  let asked = 0
  for (const [family, address] of reference.borders(limit)) {
    words.set(address)
    const ours = said(family)
    const expected = reference.answer(family, address)
    asked++
    if (ours !== expected) return { asked, difference: `${family}: ${address.join()}: ${ours} instead of ${expected}` }
  }
  return { asked, difference: undefined }
}

t.test('says of every address what a slow reference says, on generated lists that nest, touch, repeat and reach the ends', async () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0xffff, 0x10000, 0x20000000, 0x3fffffff, 0xffffffff))
  const near = fc.tuple(fc.constantFrom(0, 0x7f000000, 0xfffffff0), fc.nat(15)).map(([base, more]) => base + more)
  const v4 = fc.tuple(fc.oneof(word, near), fc.oneof(word, near)).map(([a, b]) => a <= b ? [a, b] : [b, a])
  const high = fc.constantFrom(0, 0x20010db8, 0x2a000000, 0xffffffff)
  const v6Address = fc.tuple(high, fc.constantFrom(0, 1, 0xffffffff), fc.constantFrom(0, 5, 0xffffffff), fc.oneof(word, fc.nat(9)))
  const isAbove = (a: readonly number[], b: readonly number[]): boolean => {
    const at = a.findIndex((part, i) => part !== b[i])
    return at >= 0 && a[at]! > b[at]!
  }
  const v6 = fc.tuple(v6Address, v6Address).map(([a, b]) => isAbove(a, b) ? [...b, ...a] : [...a, ...b])
  const lists = fc.array(fc.tuple(fc.array(v4, { maxLength: 12 }), fc.array(v6, { maxLength: 12 })), { minLength: 1, maxLength: 4 })
  fc.assert(fc.property(lists, given => {
    const { difference } = compare(given.map(([a, b], i) => list(`list-${i}`, 'vpn-range', a.flat(), b.flat())), NO_ASNS, Infinity)
    if (difference !== undefined) throw new Error(difference)
  }), { numRuns: 150 })
})

t.test('finds the interval in crowded networks, of a few to hundreds of ranges in one /16', async () => {
  const crowd = fc.uniqueArray(fc.oneof(fc.nat(0xffff), fc.nat(40)), { minLength: 1, maxLength: 300 })
  fc.assert(fc.property(fc.array(crowd, { minLength: 1, maxLength: 3 }), crowds => {
    // Two neighbours, so that a search which leaves its /16 finds something there.
    const v4 = crowds.flatMap((lows, i) => lows.flatMap(low => [0x0a010000 + i * 0x10000 + low, 0x0a010000 + i * 0x10000 + low]))
    const { difference } = compare([list('crowd', 'vpn-range', v4, [])], NO_ASNS, Infinity)
    if (difference !== undefined) throw new Error(difference)
  }), { numRuns: 100 })
})

const noLists = !hasExampleLists && 'needs ../shared/data'
t.test('says of a million addresses beside borders what a slow reference says, on real lists and networks', { skip: noLists }, async t => {
  const asnPackage = findAsnPackage()
  if (asnPackage === undefined) throw new Error('the package of AS numbers is a dev dependency')
  const { asked, difference } = compare(exampleLists(), readAsnTable(asnPackage), 1_000_000)
  t.equal(difference, undefined)
  t.equal(asked, 1_000_000)
})

const small = compileSnapshot([
  list('a', 'vpn-range', [0x01000000, 0x01ffffff, 0x01020300, 0x010203ff], [0x20010000, 0, 0, 0, 0x2001ffff, 0, 0, 9]),
  { ...list('b', 'hosting-asn', [], []), asns: [64500] }
], {
  nowSeconds: EXAMPLE_SECONDS,
  covers: rangesOf(['192.0.2.0/24']),
  asnTable: {
    source: 'test',
    numbers: Uint32Array.of(64500, 64501),
    names: ['One\nline', 'Zwei – zwei'],
    v4: Uint32Array.of(0x02000000, 0x02ffffff, 0x03000000, 0x03ffffff),
    v4Asn: Uint32Array.of(0, 1),
    v6: new Uint32Array(0),
    v6Asn: new Uint32Array(0)
  }
})

t.test('keeps names and networks through writing and reading', async t => {
  const database = openDatabase(small, () => EXAMPLE_SECONDS * 1000)
  t.match(database.answer('2.0.0.1'), { verdict: 'suspicious', score: 0.27, info: { asn: 'AS64500', org: 'One line' }, categories: ['hosting'] })
  t.match(database.answer('3.0.0.1'), { verdict: 'clean', info: { asn: 'AS64501', org: 'Zwei – zwei' } })
  t.equal(database.answer('3.0.0.1'), database.answer('3.255.0.1'), 'one object for all of whom the same is known')
  t.ok(Object.isFrozen(database.answer('3.0.0.1')))
})

t.test('refuses to compile what the format cannot hold, instead of writing nonsense', async t => {
  const days = { ...list('days', 'vpn-range', Array.from({ length: 2 * 66_000 }, (_, i) => i), []), lastSeenSeconds: Uint32Array.from({ length: 66_000 }, (_, i) => i * 60_000) }
  t.doesNotThrow(() => compileSnapshot([days], { nowSeconds: EXAMPLE_SECONDS }))
  const perDay = Uint32Array.from({ length: 49_710 }, (_, i) => i * 86_400)
  const twice = ['a', 'b'].map(id => ({ ...list(id, 'vpn-range', Array.from({ length: 2 * perDay.length }, (_, i) => i), []), lastSeenSeconds: perDay }))
  t.throws(() => compileSnapshot(twice, { nowSeconds: EXAMPLE_SECONDS }), { code: 'FST_IP_RISK_BAD_LIST', message: /more than 65,535 days/ })
  const numbers = Uint32Array.from({ length: 2 ** 18 }, (_, i) => i)
  const networks = { ...NO_ASNS, numbers, names: Array.from(numbers, () => '') }
  t.throws(() => compileSnapshot([], { nowSeconds: EXAMPLE_SECONDS, asnTable: networks }), { code: 'FST_IP_RISK_BAD_LIST', message: /so many networks/ })
  // Sixteen lists that count in binary: every address has its own combination.
  const binary = Array.from({ length: 16 }, (_, bit) => list(`bit-${bit}`, 'vpn-range', Array.from({ length: 2 ** (15 - bit) }, (_, i) => {
    const first = i * 2 ** (bit + 1) + 2 ** bit
    return [first, first + 2 ** bit - 1]
  }).flat(), []))
  t.throws(() => compileSnapshot(binary, { nowSeconds: EXAMPLE_SECONDS }), { code: 'FST_IP_RISK_BAD_LIST', message: /combinations of lists/ })
})

const isRefusal = (error: unknown): boolean =>
  (error as { code?: string }).code === 'FST_IP_RISK_BAD_SNAPSHOT' && (error as Error).message.includes('ip-risk lists compile')
function withByte (at: number, byte: number): Uint8Array {
  const bytes = small.slice()
  bytes[at] = byte
  return bytes
}

t.test('refuses a snapshot that was damaged, cut off, lengthened or is something else', async () => {
  const damaged = fc.oneof(
    fc.tuple(fc.nat(small.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => withByte(at, small[at]! ^ bits)),
    fc.nat(small.length - 1).map(end => small.slice(0, end)),
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map(more => Buffer.concat([small, more])),
    fc.uint8Array({ maxLength: 4096 })
  )
  fc.assert(fc.property(damaged, bytes => {
    try {
      decodeSnapshot(bytes)
    } catch (error) {
      return isRefusal(error)
    }
    return false
  }), { numRuns: 60 })
})

t.test('says why it refuses', async t => {
  const changed = (change: (words: Uint32Array, bytes: Uint8Array) => void): Uint8Array => {
    const bytes = small.slice()
    const header = new Uint32Array(bytes.buffer)
    change(header, bytes)
    header[5] = crc32(bytes.subarray(24))
    return bytes
  }
  const [metaAt, metaLength] = new Uint32Array(small.buffer, small.byteOffset).subarray(6, 8) as unknown as [number, number]
  const rows: [Uint8Array, RegExp][] = [
    [small.slice(0, 20), /too short/],
    [changed(header => { header[0] = 7 }), /no snapshot of lists/],
    [changed(header => { header[1] = 99 }), /format 99, and this version reads 4/],
    [changed(header => { header[2] = 0x04030201 }), /another byte order/],
    [changed(header => { header[3]! += 8 }), /cut off/],
    [changed(header => { header[8] = 3 }), /misplaced/],
    [changed((_, bytes) => { bytes[metaAt] = 0x58 }), /no JSON/],
    [changed((_, bytes) => { bytes.set(Buffer.from('{"x":7'), metaAt) }), /no JSON|incomplete/],
    ...['null', '{}', '{"createdSeconds":1,"lists":[null],"marks":[]}', '{"createdSeconds":1,"lists":[],"marks":[null]}']
      .map((meta): [Uint8Array, RegExp] => [changed((_, bytes) => { bytes.set(Buffer.from(meta.padEnd(metaLength)), metaAt) }), /incomplete/])
  ]
  for (const [bytes, why] of rows) t.throws(() => decodeSnapshot(bytes), { code: 'FST_IP_RISK_BAD_SNAPSHOT', message: why })
  const shifted = new Uint8Array(small.length + 1)
  shifted.set(small, 1)
  t.same(decodeSnapshot(shifted.subarray(1)).meta, decodeSnapshot(small).meta, 'wherever in memory the bytes stand')
})

t.test('takes a label that does not exist for nothing known', async t => {
  const bytes = small.slice()
  const [labelsAt, labelsLength] = new Uint32Array(bytes.buffer).subarray(12, 14) as unknown as [number, number]
  bytes.fill(0x55, labelsAt, labelsAt + labelsLength)
  new Uint32Array(bytes.buffer)[5] = crc32(bytes.subarray(24))
  t.same(openDatabase(bytes).answer('2.0.0.1'), { verdict: 'unknown', reason: 'no_data' })
})

t.test('refuses or survives a snapshot whose check sum is right and whose content is not', async () => {
  const sections = new Uint32Array(small.buffer, small.byteOffset + 24, 36)
  const place = fc.oneof(
    fc.integer({ min: 24, max: 24 + 36 * 4 - 1 }),
    fc.tuple(fc.nat(17), fc.nat()).map(([section, at]) => sections[2 * section]! + at % Math.max(1, sections[2 * section + 1]!))
  )
  const asked = ['0.0.0.0', '1.2.3.4', '2.0.0.1', '3.0.0.1', '192.0.2.1', '255.255.255.255', '::1', '2001::1', '2001:ffff::9', 'ffff::']
  const changes = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(fc.property(changes, all => {
    const bytes = small.slice()
    for (const [at, value] of all) bytes[at] = value
    new Uint32Array(bytes.buffer)[5] = crc32(bytes.subarray(24))
    try {
      const database = openDatabase(bytes, () => EXAMPLE_SECONDS * 1000)
      for (const ip of asked) database.answer(ip)
      return true
    } catch (error) {
      return isRefusal(error)
    }
  }), { numRuns: 400 })
})
