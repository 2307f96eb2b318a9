// Text in, verdict out, all in one run: `cd bench && npm install && cd .. && node --import tsx bench/lists.ts [rounds]`
// Beside the strict parser alone (the floor), on the prefixes of one real list of hosting ranges, and on all lists with AS numbers.
import { BlockList, isIP } from 'node:net'
import { Reader } from 'maxmind'
import { Reader as MmdbLib } from 'mmdb-lib'
import { findAsnPackage, readAsnTable } from '../lib/lists/asn/database.ts'
import { compileSnapshot } from '../lib/lists/compile/compile.ts'
import { openDatabase } from '../lib/lists/database/database.ts'
import type { AddressList } from '../lib/lists/sources/list.ts'
import { formatAddress, parseAddress } from '../lib/ip/address.ts'
import { mmdbFile } from '../test/support/mmdb-writer.ts'
import { EXAMPLE_SECONDS, exampleLists, hasExampleLists } from '../scripts/example-lists.ts'
import { prefixesOf } from './prefixes.ts'

const ROUNDS = Number(process.argv[2] ?? 15)
const COUNT = 20_000
/** Timed at a time: short enough that other processes seldom come between, and the median leaves out where they do. */
const CHUNK = 500
const asnPackage = findAsnPackage()
if (!hasExampleLists || asnPackage === undefined) {
  console.log('Needs the example lists in ../shared/data and the package @ip-location-db/asn: nothing was measured.')
  process.exit(0)
}

const lists = exampleLists()
const hosting = lists.filter(list => list.id.startsWith('x4bnet-datacenter-v'))
const prefixes = hosting.flatMap(list => prefixesOf(list.ranges))
const open = (given: readonly AddressList[], withAsns: boolean) => {
  const started = performance.now()
  const bytes = compileSnapshot(given, { nowSeconds: EXAMPLE_SECONDS, ...withAsns && { asnTable: readAsnTable(asnPackage) } })
  const compiled = performance.now()
  const database = openDatabase(bytes)
  const loaded = performance.now()
  console.log(`compiled in ${Math.round(compiled - started)} ms, ${(bytes.length / 1e6).toFixed(2)} MB, loaded in ${(loaded - compiled).toFixed(1)} ms`)
  return database
}
const one = open(hosting, false)
const all = open(lists, true)
const file = mmdbFile({ databaseType: 'GeoIP2-Anonymous-IP', networks: Object.fromEntries(prefixes.map(prefix => [prefix, { is_hosting_provider: true }])) })
const maxmind = new Reader(file)
const mmdbLib = new MmdbLib(file)
const blockList = new BlockList()
for (const prefix of prefixes) {
  const [address, length] = prefix.split('/') as [string, string]
  blockList.addSubnet(address, Number(length), isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** In one piece of memory, as a header value is. */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
const random = (() => {
  let state = 1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
})()
function hits (family: 4 | 6): string[] {
  const { ranges } = hosting[family === 4 ? 0 : 1]!
  const words = family === 4 ? ranges.v4 : ranges.v6
  const step = family === 4 ? 2 : 8
  return Array.from({ length: COUNT }, () => {
    const at = Math.floor(random() * words.length / step) * step
    if (family === 6) return flat(formatAddress(6, [...words.subarray(at, at + 2), random() * 2 ** 32 >>> 0, random() * 2 ** 32 >>> 0]))
    return flat(formatAddress(4, [0, 0, 0, words[at]! + Math.floor(random() * (words[at + 1]! - words[at]! + 1))]))
  })
}
function misses (): string[] {
  const found: string[] = []
  while (found.length < COUNT) {
    const text = flat(formatAddress(4, [0, 0, 0, Math.floor(random() * 0xe0000000)]))
    if (one.answer(text).verdict === 'unknown') found.push(text)
  }
  return found
}

type Ask = (ip: string) => unknown
const methods: readonly (readonly [name: string, ask: Ask, few?: number])[] = [
  ['strict parser alone (the floor)', ip => parseAddress(ip)],
  ['lists, the same prefixes', ip => one.answer(ip)],
  ['lists, all lists with AS numbers', ip => all.answer(ip)],
  ['maxmind', ip => maxmind.get(ip)],
  ['mmdb-lib', ip => mmdbLib.get(ip)],
  ['net.BlockList', ip => blockList.check(ip, ip.includes(':') ? 'ipv6' : 'ipv4'), 20]
]
const kinds: readonly (readonly [name: string, addresses: string[]])[] = [['v4 hit', hits(4)], ['v4 miss', misses()], ['v6 hit', hits(6)]]
console.log(kinds.map(([name, addresses]) => `${name}: ${new Set(addresses.map(ip => all.answer(ip))).size} answers`).join(', '))
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!

let sink: unknown
function nsEach (ask: Ask, addresses: readonly string[]): number {
  const started = process.hrtime.bigint()
  for (const address of addresses) sink = ask(address)
  return Number(process.hrtime.bigint() - started) / addresses.length
}

const times = new Map(methods.map(([name]) => [name, kinds.map((): number[] => [])]))
for (let round = 0; round < ROUNDS + 3; round++) {
  for (const [name, ask, few = COUNT] of methods) {
    kinds.forEach(([, addresses], i) => {
      nsEach(ask, addresses.slice(0, few)) // what the method before left in the processor's caches is not this one's doing
      for (let at = 0; at < few; at += CHUNK) {
        const ns = nsEach(ask, addresses.slice(at, Math.min(at + CHUNK, few)))
        if (round >= 3) times.get(name)![i]!.push(ns)
      }
    })
  }
}
console.log(`${prefixes.length} prefixes; ${ROUNDS} rounds, median of ${CHUNK} addresses each, ns an address (times the floor)`)
const floor = times.get(methods[0]![0])!.map(median)
console.table(Object.fromEntries([...times].map(([name, all]) => [name, Object.fromEntries(all.map((values, i) =>
  [kinds[i]![0], `${Math.round(median(values))} (${(median(values) / floor[i]!).toFixed(1)})`]))])))
if (sink === methods) console.log()
