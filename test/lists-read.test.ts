import t from 'tap'
import fc from 'fast-check'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { formatAddress } from '../lib/ip/address.ts'
import { IpRiskError } from '../lib/errors.ts'
import { MAX_LIST_BYTES, readList, type ListFormat } from '../lib/lists/sources/read-list.ts'

const read = (text: string, format?: ListFormat) => readList(Buffer.from(text), format)

/** `first-last` of each range, IPv4 first. */
function shown (text: string | Uint8Array, format?: ListFormat): string[] {
  const { ranges: { v4, v6 } } = readList(typeof text === 'string' ? Buffer.from(text) : text, format)
  const rows: string[] = []
  for (let i = 0; i < v4.length; i += 2) rows.push([v4[i]!, v4[i + 1]!].map(word => formatAddress(4, [0, 0, 0, word])).join('-'))
  for (let i = 0; i < v6.length; i += 8) rows.push([v6.slice(i, i + 4), v6.slice(i + 4, i + 8)].map(words => formatAddress(6, words)).join('-'))
  return rows
}

t.test('reads the formats that publishers use, and finds out which one it is', async t => {
  const rows: [string, string, ListFormat, string[]][] = [
    ['an address a line', '192.0.2.1\n2001:DB8::1\n', 'addresses', ['192.0.2.1-192.0.2.1', '2001:db8::1-2001:db8::1']],
    ['CIDRs, comments, empty lines and CRLF', '# list\r\n\r\n; more\r\n// more\r\n198.51.100.0/24\r\n  2001:db8::/33 # half\r\n', 'addresses',
      ['198.51.100.0-198.51.100.255', '2001:db8::-2001:db8:7fff:ffff:ffff:ffff:ffff:ffff']],
    ['a network with a note', '; drop list\n192.0.2.0/25 ; SBL1\n192.0.2.128/25;SBL2', 'addresses', ['192.0.2.0-192.0.2.127', '192.0.2.128-192.0.2.255']],
    ['a count behind the address', '192.0.2.1\t7\n192.0.2.2 3', 'addresses', ['192.0.2.1-192.0.2.1', '192.0.2.2-192.0.2.2']],
    ['first and last', '192.0.2.1-192.0.2.9\n192.0.2.20 - 192.0.2.20\n', 'addresses', ['192.0.2.1-192.0.2.9', '192.0.2.20-192.0.2.20']],
    ['proxies with ports', '192.0.2.1:8080\n[2001:db8::1]:80\n', 'addresses', ['192.0.2.1-192.0.2.1', '2001:db8::1-2001:db8::1']],
    ['proxies, IPv6 first', '[2001:db8::1]:80\n192.0.2.1:8080\n', 'addresses', ['192.0.2.1-192.0.2.1', '2001:db8::1-2001:db8::1']],
    ['proxies as URLs', 'socks4://192.0.2.1:1080\nhttp://[2001:db8::1]:80\n', 'addresses', ['192.0.2.1-192.0.2.1', '2001:db8::1-2001:db8::1']],
    ['mapped IPv4, and host bits', '::ffff:192.0.2.0/120\n192.0.2.77/24', 'addresses', ['192.0.2.0-192.0.2.255', '192.0.2.0-192.0.2.255']],
    ['the whole of both families', '0.0.0.0/0\n::/0', 'addresses', ['0.0.0.0-255.255.255.255', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']],
    ['a byte order mark', '\uFEFF192.0.2.1\n', 'addresses', ['192.0.2.1-192.0.2.1']],
    ['first, last, name, URL', '192.0.2.0,192.0.2.255,"Some, Cloud",http://example.com/#a\n192.0.2.0,192.0.2.7,Other,', 'columns',
      ['192.0.2.0-192.0.2.255', '192.0.2.0-192.0.2.7']],
    ['a prefix with its place', '192.0.2.0/27,GB,GB-EN,London,\n2001:db8::/64,US,US-CA,Los Angeles,', 'columns',
      ['192.0.2.0-192.0.2.31', '2001:db8::-2001:db8::ffff:ffff:ffff:ffff']],
    ['a named column', 'fingerprint, ipaddr, port\nAB, 192.0.2.1, 443\nCD, 2001:db8::1, 80', 'columns', ['192.0.2.1-192.0.2.1', '2001:db8::1-2001:db8::1']],
    ['named columns in quotes', '"Range Start","Range End"\n"192.0.2.1","192.0.2.9"', 'columns', ['192.0.2.1-192.0.2.9']],
    ['a start without an end', 'first,ip\n1,192.0.2.1', 'columns', ['192.0.2.1-192.0.2.1']],
    ['a header of unknown names', 'what it is,where\nx,192.0.2.1\ny,192.0.2.2', 'columns', ['192.0.2.1-192.0.2.1', '192.0.2.2-192.0.2.2']],
    ['AWS', '{"syncToken":"1","prefixes":[{"ip_prefix":"192.0.2.0/24","region":"eu"}],"ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/126"}]}', 'json',
      ['192.0.2.0-192.0.2.255', '2001:db8::-2001:db8::3']],
    ['Google', '{"creationTime":"2026","prefixes":[{"ipv4Prefix":"192.0.2.0/24","scope":"x"},{"ipv6Prefix":"2001:db8::/127"}]}', 'json',
      ['192.0.2.0-192.0.2.255', '2001:db8::-2001:db8::1']],
    ['an array of texts', '["192.0.2.1", "", "2001:db8::/128", 7, null]', 'json', ['192.0.2.1-192.0.2.1', '2001:db8::-2001:db8::']],
    ['nothing', '', 'addresses', []]
  ]
  for (const [name, text, format, ranges] of rows) {
    const list = read(text)
    t.equal(list.format, format, `${name}: format`)
    t.same(shown(text), ranges, name)
    t.same(list.rejected, [], `${name}: nothing rejected`)
    t.same(shown(gzipSync(text)), ranges, `${name}, gzip`)
  }
})

t.test('reads AS numbers', async t => {
  const rows: [string, ListFormat, number[]][] = [
    ['# operators\nAS64496 # Some, Inc\nas64497\n', 'asns', [64496, 64497]],
    ['64496\n4294967295\n', 'asns', [64496, 4294967295]],
    ['64496 # name', 'asns', [64496]],
    ['ASN,Entity\n64496,"Some, Inc"\n64497, "Other"\n"64498","More"', 'columns', [64496, 64497, 64498]],
    ['64496,Some\n64497,Other', 'columns', [64496, 64497]]
  ]
  for (const [text, format, asns] of rows) {
    const list = read(text)
    t.same([list.format, list.asns, list.rejectedRows], [format, asns, 0], text)
  }
})

t.test('counts the rows it does not understand, and says which', async t => {
  const list = read('192.0.2.1\n010.0.0.1\n192.0.2.0/33\n1.2.3\n192.0.2.9-192.0.2.1\n192.0.2.1-::1\n192.0.2.0/255.255.255.0\n::ffff:0:0/95\n[::1:80\nAS64496\n')
  t.equal(list.rows, 10)
  t.equal(list.rejectedRows, 9)
  t.same(list.rejected[0], { line: 2, text: '010.0.0.1' })
  t.same(list.asns, [], 'a list of addresses has no AS numbers')
  t.equal(read('64496\n0\n4294967296\n192.0.2.1', 'asns').rejectedRows, 3)
  t.equal(read('a,b\n"c,d\n16777216,16777471\n', 'columns').rejectedRows, 2, 'decimal ranges are not AS numbers')
  t.equal(read('["nonsense"]').rejectedRows, 1)
  t.equal(read('name,ip\na,192.0.2.1\nb\n"c').rejectedRows, 2, 'a row without the column')
  const many = read('x\n'.repeat(1000) + 'y'.repeat(10_000))
  t.equal(many.rejectedRows, 1001)
  t.equal(many.rejected.length, 20, 'only the first ones are kept')
  t.equal(read('y'.repeat(10_000)).rejected[0]!.text.length, 80)
})

t.test('refuses what is no list at all', async t => {
  const refused = (bytes: Uint8Array, message: RegExp, format?: ListFormat) => {
    t.throws(() => readList(bytes, format), { code: 'FST_IP_RISK_BAD_LIST', message }, String(message))
  }
  refused(Buffer.from('\n <!doctype html><html>'), /HTML/)
  refused(Buffer.from('{"prefixes":[{"ip_pre'), /JSON, or was cut off/)
  refused(Buffer.from('192.0.2.1'), /JSON/, 'json')
  const whole = gzipSync('192.0.2.1\n'.repeat(1000))
  refused(whole.subarray(0, whole.length - 12), /gzip is damaged or cut off/)
  refused(gzipSync(whole), /gzip inside gzip/)
  refused(gzipSync(Buffer.alloc(MAX_LIST_BYTES + 1), { level: 9 }), /inflates to more than/)
  refused(Buffer.alloc(MAX_LIST_BYTES + 1), /larger than/)
})

const formats = [undefined, 'addresses', 'asns', 'columns', 'json'] as const

t.test('throws nothing but the documented error, whatever the bytes', async () => {
  const pieces = fc.constantFrom(...'\n\r ,"#;-/:[]{}.<\0\uFEFF', 'AS', '192.0.2.1', '::', '24', '2001:db8::', 'prefix')
  const text = fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }).map(parts => Buffer.from(parts.join('')))
  const torn = fc.uint8Array({ maxLength: 300 }).map(tail => Buffer.from([0x1f, 0x8b, ...tail]))
  const gzip = fc.oneof(text.map(plain => gzipSync(plain)), torn)
  const bytes = fc.oneof(text, gzip, fc.uint8Array())
  fc.assert(fc.property(bytes, fc.constantFrom(...formats), (bytes, format) => {
    try {
      const list = readList(bytes, format)
      const understood = list.ranges.v4.length / 2 + list.ranges.v6.length / 8 + list.asns.length
      return understood + list.rejectedRows === list.rows
    } catch (error) {
      return error instanceof IpRiskError && error.code === 'FST_IP_RISK_BAD_LIST'
    }
  }), { numRuns: 2000 })
})

t.test('reads back every network it is given, in every notation', async t => {
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, prefix]) => `${ip}/${prefix}`),
    fc.tuple(fc.ipV6().filter(ip => !ip.toLowerCase().includes('ffff')), fc.integer({ min: 0, max: 128 })).map(([ip, prefix]) => `${ip}/${prefix}`)
  )
  fc.assert(fc.property(fc.array(network, { minLength: 1, maxLength: 30 }), networks => {
    const expected = JSON.stringify(shown(networks.join('\n')))
    t.equal(JSON.parse(expected).length, networks.length)
    for (const text of [
      networks.map(text => `  ${text} ; a note, with a comma`).join('\r\n'),
      networks.map(text => `${text},US,"A, B",`).join('\n'),
      ['id,Prefix', ...networks.map(text => `x,${text}`)].join('\n'),
      JSON.stringify({ prefixes: networks.map(text => ({ ip_prefix: text, region: 'x' })) }),
      JSON.stringify(networks)
    ]) if (JSON.stringify(shown(text)) !== expected) return false
    return true
  }), { numRuns: 200 })
})

t.test('reads large nonsense to its end', async t => {
  const size = 2_000_000
  for (const text of [
    '\r'.repeat(size), ' '.repeat(size), '"'.repeat(size), ','.repeat(size), ':'.repeat(size), '192.0.2.1/99\n'.repeat(size / 13), '::ffff:0:0/95\n'.repeat(size / 14),
    '['.repeat(size), '"a'.repeat(size / 2), '1-'.repeat(size / 2), '1.2.3.4' + ' '.repeat(size) + '-', '['.repeat(size / 2) + ']'.repeat(size / 2)
  ]) {
    for (const format of formats) {
      let rows = 0
      try {
        rows = read(text, format).rejectedRows
      } catch (error) {
        t.equal((error as IpRiskError).code, 'FST_IP_RISK_BAD_LIST')
      }
      t.ok(rows <= size)
    }
  }
})

const shared = new URL('../../shared/data/', import.meta.url)
const skip = existsSync(shared) ? false : 'the folder of example data, ../shared/data, is not here'

t.test('understands every row of the real lists', { skip }, async t => {
  const files = readdirSync(shared, { recursive: true, encoding: 'utf8' }).filter(name => /\.(txt|csv)$/.test(name) && !name.startsWith('LICENSES'))
  t.ok(files.length > 60)
  for (const name of files) {
    const list = readList(readFileSync(new URL(name, shared)))
    t.same(list.rejected, [], name)
    t.ok(list.rows > 3 && (list.asns.length === list.rows || (list.ranges.v4.length / 2 + list.ranges.v6.length / 8) === list.rows), name)
  }
})
