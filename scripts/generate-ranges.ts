// Writes lib/ip/published-ranges.ts from what IANA and Cloudflare publish.
//   node --import tsx scripts/generate-ranges.ts                          fetches the four files
//   node --import tsx scripts/generate-ranges.ts --from DIR [--iana-date YYYY-MM-DD] [--cloudflare-date YYYY-MM-DD]
//                                                                         reads them from a folder, by the last part of their URL
// With --check it writes nothing, and exits 1 where the file differs from what is published, or Cloudflare's part of it is old. The release
// workflow does that; CI does not, because it would fail one day with nothing changed.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as bundled from '../lib/ip/published-ranges.ts'
import { rangesProblems } from './ranges/check.ts'
import { parseCloudflare, parseRegistry, rangesModule } from './ranges/parse.ts'

const iana = [
  'https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry-1.csv',
  'https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry-1.csv'
]
const cloudflare = ['https://www.cloudflare.com/ips-v4', 'https://www.cloudflare.com/ips-v6']

interface Source { readonly text: string, readonly date: string }

const { values } = parseArgs({ options: { check: { type: 'boolean' }, from: { type: 'string' }, 'iana-date': { type: 'string' }, 'cloudflare-date': { type: 'string' } } })

async function read (url: string): Promise<Source> {
  if (values.from !== undefined) {
    const path = join(values.from, basename(url))
    return { text: await readFile(path, 'utf8'), date: day((await stat(path)).mtime) }
  }
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return { text: await response.text(), date: day(new Date(response.headers.get('last-modified') ?? Date.now())) }
}

function day (date: Date): string {
  return date.toISOString().slice(0, 10)
}

const newest = (sources: readonly Source[]) => sources.map(source => source.date).sort().at(-1)!

const registries = await Promise.all(iana.map(read))
const rows = registries.flatMap(source => parseRegistry(source.text))
const rowsDate = values['iana-date'] ?? newest(registries)

const lists = await Promise.all(cloudflare.map(read))
const ranges = lists.flatMap(source => parseCloudflare(source.text))
// Cloudflare states no date of its own: the list is as old as the day it was read.
const readDay = values.from === undefined ? day(new Date()) : newest(lists)
const cloudflareDate = values['cloudflare-date'] ?? readDay
const path = 'lib/ip/published-ranges.ts'
const published = { rows, rowsDate, cloudflare: ranges, cloudflareDate }
if (values.check === true) {
  const problems = rangesProblems(published, bundled, Date.now())
  for (const problem of problems) console.error(`${path}: ${problem}: run "npm run ranges", and commit the file`)
  if (problems.length > 0) process.exitCode = 1
  else console.log(`${path} is what IANA and Cloudflare publish`)
} else {
  await writeFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), rangesModule(published))
  console.log(`wrote ${path}`)
}
