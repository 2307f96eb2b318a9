import type { ListDescription, SnapshotDescription } from '../lists/describe.ts'

/** What a snapshot holds, for people: a head, then a row a list. */
export function infoLines (path: string, description: SnapshotDescription): string[] {
  const { createdSeconds, bytes, intervals4, intervals6, networks, asnSource, lists, builtIn } = description
  return [
    `snapshot   ${path}`,
    `made       ${new Date(createdSeconds * 1000).toISOString()}, ${bytes} bytes, ${intervals4} IPv4 and ${intervals6} IPv6 intervals`,
    `networks   ${networks === 0 ? 'none: npm install @ip-location-db/asn adds AS numbers' : `${networks} from ${asnSource}`}`,
    '',
    ...table([
      ['list', 'kind', 'IPv4', 'IPv6', 'ASNs', 'age', ''],
      ...[...lists, ...builtIn].map(rowOf)
    ])
  ]
}

function rowOf ({ id, kind, prefixes4, prefixes6, asns, ageDays, halfLifeDays, stale, trust }: ListDescription): string[] {
  const age = halfLifeDays === null ? '-' : `${ageDays} d`
  const notes = [stale ? `past its half-life of ${halfLifeDays} d` : '', trust < 1 ? `trust ${trust}` : '']
  return [id, kind, String(prefixes4), String(prefixes6), String(asns), age, notes.filter(note => note !== '').join(', ')]
}

function table (rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd())
}
