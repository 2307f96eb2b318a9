import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  asnLookup, asnSnapshotPath, type AsnTable, compileSnapshot, defaultCacheFolder, describeSnapshot, findAsnPackage,
  type ListDescription, listsSnapshotPath, loadPulled, type PublishedList, publishers, type PulledList, pullLists,
  readAsnTable, type SnapshotDescription, writeSnapshot
} from '../lists/index.ts'
import { type Command, EXIT, type ExitCode, type Io, parsed, positiveNumber, UsageError } from './command.ts'

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

const HELP = `Usage: ip-risk lists pull|compile|info [options]

  pull       fetch the public lists from their publishers, check them, keep them, compile them
  compile    compile what was pulled before, and the AS numbers of @ip-location-db/asn where that is installed
  info       what the snapshot holds: each list, its size, its age

  --folder DIR       where lists and snapshots are; default $XDG_CACHE_HOME/fastify-ip-risk or ~/.cache/fastify-ip-risk
  --only ID,ID       pull: these lists alone; the others stay as they are
  --skip ID,ID       pull and compile: without these
  --mirror URL       pull: from URL/<host>/<path> instead of https://<host>/<path>
  --accept-size      pull: take lists whose size changed by more than half
  --timeout-ms N     pull: longest wait for one list; default 60000
  --no-asn           pull and compile: without AS numbers
  --json             info: as JSON

A list that cannot be fetched, or that the linter refuses, is said on standard error and the one before stays; the exit code is 1.`

interface Settings {
  readonly folder: string
  readonly sources: readonly PublishedList[]
  readonly pulled: readonly PublishedList[]
  readonly mirror: string | undefined
  readonly acceptSize: boolean
  readonly timeoutMs: number
  readonly networks: boolean
  readonly json: boolean
}

const actions: Readonly<Record<string, (settings: Settings, io: Io) => Promise<ExitCode>>> = { pull, compile, info }

export const lists: Command = {
  help: HELP,
  async run (args, io) {
    const { values, positionals } = parsed(args, {
      folder: { type: 'string' },
      only: { type: 'string' },
      skip: { type: 'string' },
      mirror: { type: 'string' },
      'accept-size': { type: 'boolean' },
      'timeout-ms': { type: 'string' },
      'no-asn': { type: 'boolean' },
      json: { type: 'boolean' }
    })
    const [action, ...more] = positionals
    if (action === undefined || !Object.hasOwn(actions, action) || more.length > 0) throw new UsageError('lists needs one of pull, compile, info')
    const { mirror } = values
    if (mirror !== undefined && !/^https?:$/.test(URL.canParse(mirror) ? new URL(mirror).protocol : '')) throw new UsageError('--mirror must be an http or https URL')
    const only = idsOf('--only', values.only)
    const skip = idsOf('--skip', values.skip) ?? []
    const sources = publishers.filter(({ id }) => !skip.includes(id))
    return await actions[action]!({
      folder: values.folder === undefined ? defaultCacheFolder(io.env) : resolve(values.folder),
      sources,
      pulled: sources.filter(({ id }) => only?.includes(id) ?? true),
      mirror,
      acceptSize: values['accept-size'] === true,
      timeoutMs: positiveNumber('--timeout-ms', values['timeout-ms'], 60_000),
      networks: values['no-asn'] !== true,
      json: values.json === true
    }, io)
  }
}

function idsOf (option: string, text: string | undefined): string[] | undefined {
  const ids = text?.split(',').filter(id => id !== '')
  const unknown = ids?.find(id => publishers.every(source => source.id !== id))
  if (unknown !== undefined) throw new UsageError(`${option}: there is no list "${unknown}": use some of ${publishers.map(({ id }) => id).join(', ')}`)
  return ids
}

async function pull (settings: Settings, io: Io): Promise<ExitCode> {
  const { folder, pulled: sources, mirror, acceptSize, timeoutMs } = settings
  const asnTable = readNetworks(settings, io)
  const results = await pullLists({
    folder: pulledFolder(folder),
    sources,
    acceptSize,
    timeoutMs,
    ...mirror !== undefined && { mirror },
    ...asnTable !== undefined && { asnOf: asnLookup(asnTable) },
    onPulled: pulled => { tell(pulled, io) }
  })
  const compiled = await compileInto(settings, asnTable, io)
  return compiled === EXIT.ok && results.every(({ problem }) => problem === undefined) ? EXIT.ok : EXIT.failure
}

function tell ({ id, outcome, problem, remarks, stored }: PulledList, io: Io): void {
  if (problem !== undefined) io.err(`ip-risk: ${id} ${outcome}: ${problem}${stored === undefined ? '' : '; the one before stays'}`)
  else io.out(`${id}  ${outcome}  ${stored!.publishedRows} rows`)
  for (const remark of remarks) io.err(`ip-risk: ${id}: ${remark}`)
}

async function compile (settings: Settings, io: Io): Promise<ExitCode> {
  return await compileInto(settings, readNetworks(settings, io), io)
}

async function compileInto ({ folder, sources }: Settings, asnTable: AsnTable | undefined, io: Io): Promise<ExitCode> {
  const lists = await loadPulled(pulledFolder(folder), sources)
  if (lists.length === 0 && asnTable === undefined) {
    io.err('ip-risk: there is nothing to compile: run "ip-risk lists pull", or install @ip-location-db/asn')
    return EXIT.failure
  }
  const path = listsSnapshotPath(folder)
  const bytes = compileSnapshot(lists, { nowSeconds: Math.floor(Date.now() / 1000), ...asnTable !== undefined && { asnTable } })
  writeSnapshot(path, bytes)
  io.out(`${lists.length} lists${asnTable === undefined ? '' : ` and ${asnTable.numbers.length} networks`} compiled into ${path} (${bytes.length} bytes)`)
  return EXIT.ok
}

function readNetworks ({ networks }: Settings, io: Io): AsnTable | undefined {
  const asnPackage = networks ? findAsnPackage() : undefined
  if (asnPackage === undefined) io.err('ip-risk: without AS numbers what no list names stays "unknown"; "npm install @ip-location-db/asn" adds them')
  return asnPackage && readAsnTable(asnPackage)
}

function pulledFolder (folder: string): string {
  return join(folder, 'lists')
}

async function info ({ folder, json }: Settings, io: Io): Promise<ExitCode> {
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
