import { parseCidr } from '../../lib/ip/cidr.ts'

/** Writes a small, valid database of MaxMind's format 2.0, so that tests need no file of a publisher. */

export type MmdbValue = string | number | boolean | MmdbValue[] | { readonly [name: string]: MmdbValue }

export interface MmdbContent {
  readonly databaseType: string
  readonly networks: Readonly<Record<string, MmdbValue>>
  readonly ipVersion?: 4 | 6
  readonly recordSize?: 24 | 28 | 32
  readonly builtSeconds?: number
  /** Other metadata, to damage it. */
  readonly metadata?: Readonly<Record<string, MmdbValue>>
}

type Node = [Node | MmdbValue | undefined, Node | MmdbValue | undefined] & { readonly isNode: true }
const newNode = (): Node => Object.assign([undefined, undefined] as [undefined, undefined], { isNode: true as const })
const isNode = (value: unknown): value is Node => Array.isArray(value) && 'isNode' in value

export function mmdbFile (content: MmdbContent): Buffer {
  const { databaseType, networks, ipVersion = 6, recordSize = 28, builtSeconds = 1_780_000_000, metadata = {} } = content
  const root = newNode()
  for (const [cidr, value] of Object.entries(networks)) insert(root, bitsOf(cidr, ipVersion), value)
  const nodes = numbered(root)
  const data: Buffer[] = []
  let dataLength = 0
  const recordOf = (child: Node | MmdbValue | undefined): number => {
    if (child === undefined) return nodes.size
    if (isNode(child)) return nodes.get(child)!
    const bytes = encode(child)
    data.push(bytes)
    dataLength += bytes.length
    return nodes.size + 16 + dataLength - bytes.length
  }
  const tree = Buffer.concat([...nodes.keys()].map(([left, right]) => nodeBytes(recordOf(left), recordOf(right), recordSize)))
  const head = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: builtSeconds,
    database_type: databaseType,
    description: { en: 'for tests' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.size,
    record_size: recordSize,
    ...metadata
  })
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xAB\xCD\xEFMaxMind.com', 'latin1'), head])
}

/** IPv4 networks lie in the first 32 bits of an IPv6 tree. */
function bitsOf (text: string, ipVersion: 4 | 6): number[] {
  const { family, words, prefix } = parseCidr(text)
  const all = words.flatMap(word => Array.from({ length: 32 }, (_, i) => (word >>> (31 - i)) & 1))
  if (ipVersion === 4) return all.slice(96, 96 + prefix)
  return family === 4 ? all.slice(0, 96 + prefix) : all.slice(0, prefix)
}

function insert (root: Node, bits: number[], value: MmdbValue): void {
  let node = root
  for (const bit of bits.slice(0, -1)) {
    const next = node[bit]
    node = isNode(next) ? next : (node[bit] = newNode()) as Node
  }
  node[bits.at(-1)!] = value
}

function numbered (root: Node): Map<Node, number> {
  const nodes = new Map<Node, number>([[root, 0]])
  for (const node of nodes.keys()) {
    for (const child of [node[0], node[1]]) if (isNode(child)) nodes.set(child, nodes.size)
  }
  return nodes
}

function nodeBytes (left: number, right: number, recordSize: 24 | 28 | 32): Buffer {
  const bytes = Buffer.alloc(recordSize / 4)
  if (recordSize === 32) {
    bytes.writeUInt32BE(left, 0)
    bytes.writeUInt32BE(right, 4)
  } else {
    bytes.writeUIntBE(left & 0xffffff, 0, 3)
    bytes.writeUIntBE(right & 0xffffff, bytes.length - 3, 3)
    if (recordSize === 28) bytes[3] = ((left >>> 24) << 4) | (right >>> 24)
  }
  return bytes
}

/** Whole numbers as uint32, others as double. */
function encode (value: MmdbValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'boolean') return control(14, value ? 1 : 0)
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)])
  if (typeof value === 'object') {
    const entries = Object.entries(value)
    return Buffer.concat([control(7, entries.length), ...entries.flatMap(([name, member]) => [encode(name), encode(member)])])
  }
  const isWhole = Number.isInteger(value)
  const bytes = Buffer.alloc(isWhole ? 4 : 8)
  if (isWhole) bytes.writeUInt32BE(value)
  else bytes.writeDoubleBE(value)
  return Buffer.concat([control(isWhole ? 6 : 3, bytes.length), bytes])
}

function control (type: number, size: number): Buffer {
  const [first, more] = size < 29 ? [size, []] : [29, [size - 29]]
  return Buffer.from(type > 7 ? [first, type - 7, ...more] : [(type << 5) | first, ...more])
}
