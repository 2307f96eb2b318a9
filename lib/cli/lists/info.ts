import { readFileSync } from 'node:fs'
import {
  asnSnapshotPath, describeSnapshot, type ListDescription, listsSnapshotPath, type SnapshotDescription
} from '../../lists/index.ts'
import { EXIT, type ExitCode } from '../command.ts'
import { alignedRows, type Io } from '../io.ts'
import type { Settings } from './settings.ts'

const withoutNetworks = 'none: npm install @ip-location-db/asn adds AS numbers'

/** What a snapshot holds, for people: a head, then one row for each list. */
function infoLines (path: string, description: SnapshotDescription): string[] {
  const { createdSeconds, bytes, intervals4, intervals6, networks, asnSource, lists, builtIn } = description
  const made = new Date(createdSeconds * 1000).toISOString()
  return [
    `snapshot   ${path}`,
    `made       ${made}, ${bytes} bytes, ${intervals4} IPv4 and ${intervals6} IPv6 intervals`,
    `networks   ${networks === 0 ? withoutNetworks : `${networks} from ${asnSource}`}`,
    '',
    ...alignedRows([
      ['list', 'kind', 'IPv4', 'IPv6', 'ASNs', 'age', ''],
      ...[...lists, ...builtIn].map(rowOf)
    ])
  ]
}

function rowOf (list: ListDescription): string[] {
  const { id, kind, prefixes4, prefixes6, asns, ageDays, halfLifeDays, stale, trust } = list
  const age = halfLifeDays === null ? '-' : `${ageDays} d`
  const notes = [stale ? `past its half-life of ${halfLifeDays} d` : '', trust < 1 ? `trust ${trust}` : '']
  return [
    id, kind, String(prefixes4), String(prefixes6), String(asns), age, notes.filter(note => note !== '').join(', ')
  ]
}

export async function info ({ folder, json }: Settings, io: Io): Promise<ExitCode> {
  for (const path of [listsSnapshotPath(folder), asnSnapshotPath(folder)]) {
    let bytes: Uint8Array
    try {
      bytes = readFileSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw error
    }
    const description = describeSnapshot(bytes)
    if (json) io.out(JSON.stringify({ path, ...description }))
    else for (const line of infoLines(path, description)) io.out(line)
    return EXIT.ok
  }
  io.err(`ip-risk: there is no snapshot in ${folder}: run "ip-risk lists pull"`)
  return EXIT.failure
}
