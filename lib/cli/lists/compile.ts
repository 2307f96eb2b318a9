import {
  type AsnTable, compileSnapshot, findAsnPackage, listsSnapshotPath, loadPulled, pulledFolder, readAsnTable
} from '../../lists/index.ts'
import { replaceFile } from '../../util/index.ts'
import { EXIT, type ExitCode } from '../command.ts'
import type { Io } from '../io.ts'
import type { Settings } from './settings.ts'

export async function compile (settings: Settings, io: Io): Promise<ExitCode> {
  return await compileInto(settings, readNetworks(settings, io), io)
}

export async function compileInto (
  { folder, sources }: Settings, asnTable: AsnTable | undefined, io: Io
): Promise<ExitCode> {
  const lists = await loadPulled(pulledFolder(folder), sources)
  if (lists.length === 0 && asnTable === undefined) {
    io.err('ip-risk: there is nothing to compile: run "ip-risk lists pull", or install @ip-location-db/asn')
    return EXIT.failure
  }
  const path = listsSnapshotPath(folder)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const bytes = compileSnapshot(lists, { nowSeconds, ...asnTable !== undefined && { asnTable } })
  replaceFile(path, bytes)
  const networks = asnTable === undefined ? '' : ` and ${asnTable.numbers.length} networks`
  io.out(`${lists.length} lists${networks} compiled into ${path} (${bytes.length} bytes)`)
  return EXIT.ok
}

export function readNetworks ({ networks }: Settings, io: Io): AsnTable | undefined {
  const asnPackage = networks ? findAsnPackage() : undefined
  if (asnPackage === undefined) {
    const fix = '"npm install @ip-location-db/asn" adds them'
    io.err('ip-risk: without AS numbers, addresses in no list stay "unknown", and lists are not compared with the ' +
      `networks of people; ${fix}`)
  }
  return asnPackage && readAsnTable(asnPackage)
}
