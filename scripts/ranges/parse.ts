// The part of generate-ranges that knows the registries' formats. Anything unexpected throws: half a list is worse than an old one.
import { parseCidr } from '../../lib/ip/cidr.ts'
import type { AddressScope } from '../../types/contract.ts'

export type ScopeRow = readonly [cidr: string, scope: AddressScope]

/** Names in the registries -> our scopes. A block that is globally reachable is `public` whatever its name, but for NAT64. */
const scopeOfName: Readonly<Record<string, AddressScope>> = {
  '"This network"': 'this_network',
  '"This host on this network"': 'unspecified',
  'Unspecified Address': 'unspecified',
  'Private-Use': 'private',
  'Unique-Local': 'private',
  'Shared Address Space': 'shared',
  Loopback: 'loopback',
  'Loopback Address': 'loopback',
  'Link Local': 'link_local',
  'Link-Local Unicast': 'link_local',
  'IETF Protocol Assignments': 'protocol',
  'IPv4 Service Continuity Prefix': 'protocol',
  'IPv4 dummy address': 'protocol',
  'NAT64/DNS64 Discovery': 'protocol',
  'Deprecated (6to4 Relay Anycast)': 'protocol',
  '6a44-relay anycast address': 'protocol',
  'Deprecated (previously ORCHID)': 'protocol',
  'Documentation (TEST-NET-1)': 'documentation',
  'Documentation (TEST-NET-2)': 'documentation',
  'Documentation (TEST-NET-3)': 'documentation',
  Documentation: 'documentation',
  Benchmarking: 'benchmarking',
  Reserved: 'reserved',
  'Limited Broadcast': 'broadcast',
  'IPv4-IPv6 Translat.': 'translation',
  'Discard-Only Address Block': 'discard',
  'Dummy IPv6 Prefix': 'dummy',
  TEREDO: 'teredo',
  '6to4': '6to4',
  'Segment Routing (SRv6) SIDs': 'srv6'
}

/** Of one special-purpose registry as IANA serves it (RFC 6890, CSV). */
export function parseRegistry (csv: string): ScopeRow[] {
  const [header = [], ...records] = parseCsv(csv)
  const column = (name: string) => {
    const at = header.indexOf(name)
    if (at < 0) throw new Error(`the registry has no column "${name}"`)
    return at
  }
  const [block, name, global] = [column('Address Block'), column('Name'), column('Globally Reachable')]
  return records.flatMap(record => {
    // "192.0.0.0/24 [2]" carries a footnote; two blocks may share a row.
    const cidrs = record[block]!.split(',').map(text => text.replace(/\[\d+\]/g, '').trim())
    const label = record[name]!.trim()
    if (label === 'IPv4-mapped Address') return [] // IPv4 from the parser on
    const scope = scopeOfName[label]
    const reachable = /^True\b/.test(record[global]!)
    if (scope === undefined && !reachable) throw new Error(`"${label}" (${cidrs.join(', ')}) is new in the registry: decide its scope`)
    cidrs.forEach(parseCidr)
    return cidrs.map(cidr => [cidr, reachable && scope !== 'translation' ? 'public' : scope!] as const)
  })
}

/** Of one of Cloudflare's lists: one CIDR a line. */
export function parseCloudflare (text: string): string[] {
  const lines = text.split('\n').map(line => line.trim()).filter(line => line !== '')
  if (lines.length === 0) throw new Error('the list is empty')
  for (const line of lines) {
    if (!line.includes('/') || parseCidr(line).hostBits) throw new Error(`"${line}" is not a network`)
  }
  return lines
}

/** RFC 4180: quoted fields hold commas, line breaks and doubled quotes. */
export function parseCsv (text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  let field = ''
  let quoted = false
  const endField = () => { record.push(field); field = '' }
  const endRecord = () => {
    endField()
    if (record.length > 1 || record[0] !== '') records.push(record)
    record = []
  }
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (quoted) {
      if (char !== '"') field += char
      else if (text[i + 1] === '"') field += text[++i]
      else quoted = false
    } else if (char === '"') quoted = true
    else if (char === ',') endField()
    else if (char === '\n') endRecord()
    else if (char !== '\r') field += char
  }
  if (quoted) throw new Error('a quoted field does not end')
  if (field !== '' || record.length > 0) endRecord()
  return records
}

export interface PublishedRanges {
  readonly rows: readonly ScopeRow[]
  readonly rowsDate: string
  readonly cloudflare: readonly string[]
  readonly cloudflareDate: string
}

export function rangesModule ({ rows, rowsDate, cloudflare, cloudflareDate }: PublishedRanges): string {
  const lines = rows.map(([cidr, scope]) => `  ['${cidr}', '${scope}']`).join(',\n')
  return `// Written by scripts/generate-ranges.ts; run it again instead of editing this.
import type { AddressScope } from '../../types/contract.ts'

/** State of IANA's special-purpose address registries (RFC 6890) that the rows are from. */
export const specialPurposeDate = '${rowsDate}'

export const specialPurpose: readonly (readonly [cidr: string, scope: AddressScope])[] = [
${lines}
]

/** When Cloudflare published these as the addresses of its edge (https://www.cloudflare.com/ips/). */
export const cloudflareDate = '${cloudflareDate}'

export const cloudflareRanges: readonly string[] = [
${cloudflare.map(range => `  '${range}'`).join(',\n')}
]
`
}
