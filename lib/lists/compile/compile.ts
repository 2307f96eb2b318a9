import { BadList } from '../../errors.ts'
import { type AsnKinds, mixedNetworks, packagedAsnKinds } from '../asn/kinds.ts'
import { hostersByName } from '../asn/organisations.ts'
import { type AsnTable, indexOfNumber } from '../asn/table.ts'
import {
  encodeSnapshot, type MarkKind, NAME_BLOCK, type SnapshotList, type SnapshotMeta
} from '../database/snapshot.ts'
import { type AddressList, type ListKind, NO_RANGES, type Ranges } from '../sources/list.ts'
import { MAX_IDS, type RangeTable, sweep4, sweep6 } from './interval-sweep.ts'
import { dayOf, type Entry, markEntries, markKey, type Marks } from './marks.ts'
import { densities, neighbourhoods, serverCounts } from './vpn-servers.ts'
import { builtInLayers, densityWeight } from './weights.ts'
import { wideRanges } from './wide-ranges.ts'

export interface CompileOptions {
  /** Unix seconds. */
  readonly nowSeconds: number
  /** Without it AS numbers in lists say nothing, and no address that is not `covers`ed is ever `clean`. */
  readonly asnTable?: AsnTable
  /** Networks that the lists are known to cover: an address in them that no list names is `clean`. */
  readonly covers?: Ranges
  /** Default: the table that comes with the package. */
  readonly asnKinds?: AsnKinds
  /** False: only the lists given, without scopes, Cloudflare's ranges and the table. Default true. */
  readonly builtIn?: boolean
}

/** All lists and the AS numbers as one snapshot. Takes seconds with much data: run it in a worker while serving. */
export function compileSnapshot (lists: readonly AddressList[], options: CompileOptions): Uint8Array {
  const { asnTable, asnKinds = packagedAsnKinds(), builtIn = true } = options
  const mixed: ReadonlySet<number> = builtIn ? mixedNetworks(asnKinds) : new Set()
  const entries = entriesOf(lists, options, asnKinds)
  const marks = markEntries(entries)
  const sets = interner<readonly number[]>(set => set.join())
  sets.idOf([])
  const asnMarks = marksOfNetworks(entries, marks, asnTable, mixed)
  const labels = interner<readonly [number, number]>(([asn, set]) => `${asn}:${set}`)
  const markCount = marks.list.length
  const asnCount = asnTable?.numbers.length ?? 0
  const labelOf = (active: readonly number[]): number => {
    const last = active.at(-1)
    if (last === undefined) return 0
    const asn = last < markCount ? 0 : last - markCount + 1
    if (active.length === 1 && asn > 0) return asn
    return 1 + asnCount + labels.idOf([asn, sets.idOf(active.filter(id => id < markCount))])
  }
  const table = rangeTable(entries, marks, asnTable)
  const map = { v4: sweep4(table, labelOf), v6: sweep6(table, labelOf) }
  const asnSet = Uint16Array.from(asnMarks, set => sets.idOf(set))
  if (sets.values.length > 0xffff) throw new BadList('there are more than 65,535 combinations of lists; leave some out')
  const names = packNames(asnTable?.names ?? [])
  const meta: SnapshotMeta = {
    createdSeconds: options.nowSeconds,
    ...asnTable && { asnSource: asnTable.source },
    lists: entries.map(describe),
    marks: marks.list.map(({ entry, day, wide }) => ({ list: entry, day, ...wide && { wide: true as const } }))
  }
  return encodeSnapshot({
    meta,
    map,
    labelAsn: Uint32Array.from(labels.values, ([asn]) => asn),
    labelSet: Uint16Array.from(labels.values, ([, set]) => set),
    setStart: startsOf(sets.values.map(set => set.length)),
    setMarks: Uint16Array.from(sets.values.flat()),
    asns: asnTable?.numbers ?? new Uint32Array(0),
    asnSet,
    asnDensity: asnTable === undefined
      ? new Uint8Array(0)
      : densityOf(lists, asnTable, { kinds: builtIn ? asnKinds : undefined, mixed, nowSeconds: options.nowSeconds }),
    nameStart: names.starts,
    names: names.bytes
  })
}

function entriesOf (lists: readonly AddressList[], options: CompileOptions, kinds: AsnKinds): Entry[] {
  const known = (kind: ListKind): boolean => lists.some(list => list.kind === kind && list.asns.length > 0)
  const packaged = (id: string, kind: MarkKind, asns: readonly number[]): Entry =>
    ({ id, kind, asns, ranges: NO_RANGES, halfLifeDays: Infinity, dateSeconds: kinds.dateSeconds, builtIn: true })
  const { builtIn = true, covers, nowSeconds } = options
  const derived = [...builtIn ? builtInLayers : [], ...neighbourhoods(lists, nowSeconds)]
  const entries: Entry[] = [
    ...lists.map(list => ({ ...list, wide: wideRanges(list) })),
    ...derived.map(layer => ({ ...layer, builtIn: true as const }))
  ]
  if (covers !== undefined) {
    entries.push({
      id: 'covers', kind: 'covered', ranges: covers, halfLifeDays: Infinity, dateSeconds: nowSeconds, builtIn: true
    })
  }
  if (!builtIn) return entries
  // A pulled list is newer than the table, and often one of its sources: they must not confirm each other.
  if (!known('hosting-asn')) {
    entries.push(packaged('hosting-networks', 'hosting-asn', kinds.hosting))
    entries.push(packaged('hosting-networks-confirmed', 'hosting-asn', kinds.hostingConfirmed))
  }
  if (options.asnTable !== undefined) {
    const named = hostersByName(options.asnTable, kinds.hostingConfirmed, mixedNetworks(kinds))
    entries.push(packaged('hosting-by-name', 'hosting-asn', named))
  }
  entries.push(packaged('secure-web-gateways', 'gateway', kinds.gateway))
  entries.push(packaged('relay-networks', 'relay', kinds.relay))
  entries.push(packaged('vpn-operators', 'vpn-asn', kinds.operators))
  if (!known('vpn-asn')) entries.push(packaged('vpn-networks', 'vpn-asn', kinds.vpn))
  return entries
}

function rangeTable (entries: readonly Entry[], marks: Marks, asnTable: AsnTable | undefined): RangeTable {
  const asnBase = marks.list.length
  const ids4: Uint32Array[] = []
  const ids6: Uint32Array[] = []
  entries.forEach(({ ranges, lastSeenSeconds, dateSeconds, wide }, i) => {
    const markAt = (range: number): number =>
      marks.byDay[i]!.get(markKey(dayOf(lastSeenSeconds?.[range] ?? dateSeconds), wide?.[range] === 1))!
    const count4 = ranges.v4.length / 2
    ids4.push(Uint32Array.from({ length: count4 }, (_, range) => markAt(range)))
    ids6.push(Uint32Array.from({ length: ranges.v6.length / 8 }, (_, range) => markAt(count4 + range)))
  })
  const parts4 = entries.map(entry => entry.ranges.v4)
  const parts6 = entries.map(entry => entry.ranges.v6)
  if (asnTable !== undefined) {
    if (asnBase + asnTable.numbers.length > MAX_IDS) {
      throw new BadList('there are too many lists for so many networks; leave some out')
    }
    parts4.push(asnTable.v4)
    ids4.push(asnTable.v4Asn.map(asn => asnBase + asn))
    parts6.push(asnTable.v6)
    ids6.push(asnTable.v6Asn.map(asn => asnBase + asn))
  }
  return { v4: joined(parts4), v4Ids: joined(ids4), v6: joined(parts6), v6Ids: joined(ids6) }
}

/** Of each network the marks that lists of AS numbers give it. */
function marksOfNetworks (
  entries: readonly Entry[], marks: Marks, asnTable: AsnTable | undefined, mixed: ReadonlySet<number>
): number[][] {
  if (asnTable === undefined) return []
  const sets = Array.from(asnTable.numbers, (): number[] => [])
  entries.forEach((entry, i) => {
    const mark = marks.byDay[i]!.get(dayOf(entry.dateSeconds))!
    // Lists call some access networks hosters. What the application labels by hand (without age) is obeyed.
    const isObeyed = (asn: number): boolean =>
      entry.kind !== 'hosting-asn' || !Number.isFinite(entry.halfLifeDays) || !mixed.has(asn)
    for (const asn of [...new Set(entry.asns)].filter(isObeyed)) {
      const at = indexOfNumber(asnTable.numbers, asn)
      if (at >= 0) sets[at]!.push(mark)
    }
  })
  return sets
}

/** What the lists show or the table remembers, whichever is more: a table is old, and one list has few publishers. */
function densityOf (
  lists: readonly AddressList[], table: AsnTable, { kinds, mixed, nowSeconds }: {
    readonly kinds: AsnKinds | undefined, readonly mixed: ReadonlySet<number>, readonly nowSeconds: number
  }
): Uint8Array {
  // A few hundred VPN servers among millions of people say nothing of these.
  const silent = new Set([...mixed, ...kinds?.content ?? []])
  const classes = densities(serverCounts(lists, table, nowSeconds), table, { silent, hosters: new Set(kinds?.hosting) })
  for (const [asn, remembered] of kinds?.density ?? []) {
    const at = silent.has(asn) ? -1 : indexOfNumber(table.numbers, asn)
    if (at >= 0 && densityWeight(remembered) > densityWeight(classes[at]!)) classes[at] = remembered
  }
  return classes
}

function describe (entry: Entry): SnapshotList {
  return {
    id: entry.id,
    kind: entry.kind,
    ...entry.publisher !== undefined && { publisher: entry.publisher },
    halfLifeDays: Number.isFinite(entry.halfLifeDays) ? entry.halfLifeDays : null,
    dateSeconds: entry.dateSeconds,
    trust: entry.trust ?? 1,
    prefixes4: entry.ranges.v4.length / 2,
    prefixes6: entry.ranges.v6.length / 8,
    asns: entry.asns?.length ?? 0,
    ...entry.builtIn && { builtIn: true as const }
  }
}

interface Interner<T> { readonly values: T[], idOf (value: T): number }

function interner<T> (keyOf: (value: T) => string): Interner<T> {
  const ids = new Map<string, number>()
  const values: T[] = []
  return {
    values,
    idOf (value) {
      const key = keyOf(value)
      let id = ids.get(key)
      if (id === undefined) {
        ids.set(key, id = values.length)
        values.push(value)
      }
      return id
    }
  }
}

function joined (parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function startsOf (lengths: readonly number[]): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1)
  lengths.forEach((length, i) => { starts[i + 1] = starts[i]! + length })
  return starts
}

function packNames (names: readonly string[]): { starts: Uint32Array, bytes: Uint8Array } {
  const blocks: Buffer[] = []
  for (let i = 0; i < names.length; i += NAME_BLOCK) {
    blocks.push(Buffer.from(names.slice(i, i + NAME_BLOCK).map(name => `${name.replaceAll('\n', ' ')}\n`).join('')))
  }
  return { starts: startsOf(blocks.map(block => block.length)), bytes: Buffer.concat(blocks) }
}
