import t from 'tap'
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { addressText, canonicalAddress, formatAddress, parseAddress, parseIPv4Before, words } from '../lib/ip/address.ts'
import { type Cidr, formatCidr, parseCidr } from '../lib/ip/cidr.ts'
import { rangeMap } from '../lib/ip/cidr.ts'
import { upperBound, upperBoundOfRows } from '../lib/util/index.ts'
import { scopeOf, scopes } from '../lib/ip/address-scope.ts'
import { subnetKey } from '../lib/ip/address-scope.ts'
import { cloudflareDate, cloudflareRanges, specialPurpose, specialPurposeDate } from '../lib/ip/published-ranges.ts'
import { parseCloudflare, parseCsv, parseRegistry, rangesModule } from '../scripts/ranges/parse.ts'

t.test('R13 scopes begin and end where the RFCs say', async t => {
  // first, last, one below, one above: written from the RFCs, not from the list
  const rows: [scope: string, first: string, last: string, below?: string | undefined, above?: string][] = [
    ['unspecified', '0.0.0.0', '0.0.0.0'],
    ['this_network', '0.0.0.1', '0.255.255.255', undefined, '1.0.0.0'],
    ['private', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['shared', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
    ['loopback', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['link_local', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['private', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['protocol', '192.0.0.0', '192.0.0.8', '191.255.255.255', '192.0.0.9'],
    ['protocol', '192.0.0.11', '192.0.0.255', '192.0.0.10', '192.0.1.0'],
    ['documentation', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
    ['protocol', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
    ['private', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['benchmarking', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
    ['documentation', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
    ['documentation', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
    ['multicast', '224.0.0.0', '239.255.255.255', '223.255.255.255'],
    ['reserved', '240.0.0.0', '255.255.255.254'],
    ['broadcast', '255.255.255.255', '255.255.255.255'],
    ['unspecified', '::', '::'],
    ['loopback', '::1', '::1'],
    ['reserved', '::2', '::fffe:ffff:ffff'],
    ['translation', '64:ff9b::', '64:ff9b::ffff:ffff'],
    ['translation', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['reserved', '64:ff9b::1:0:0', '64:ff9b:0:ffff:ffff:ffff:ffff:ffff'],
    ['discard', '100::', '100::ffff:ffff:ffff:ffff'],
    ['dummy', '100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff'],
    ['reserved', '100:0:0:2::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined, '2000::'],
    ['teredo', '2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['protocol', '2001:1::', '2001:1::', undefined, '2001:1::1'],
    ['protocol', '2001:1::4', '2001:1:ffff:ffff:ffff:ffff:ffff:ffff', '2001:1::3'],
    ['benchmarking', '2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff'],
    ['protocol', '2001:2:1::', '2001:2:ffff:ffff:ffff:ffff:ffff:ffff', undefined, '2001:3::'],
    ['protocol', '2001:4::', '2001:4:111:ffff:ffff:ffff:ffff:ffff', '2001:3:ffff:ffff:ffff:ffff:ffff:ffff', '2001:4:112::'],
    ['protocol', '2001:10::', '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff', undefined, '2001:20::'],
    ['protocol', '2001:40::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:3f:ffff:ffff:ffff:ffff:ffff:ffff', '2001:200::'],
    ['documentation', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
    ['6to4', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2003::'],
    ['documentation', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:1000::'],
    ['reserved', '4000::', '5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['srv6', '5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['private', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['link_local', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['site_local', 'fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['multicast', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']
  ]
  for (const [scope, first, last, below, above] of rows) {
    t.equal(scopeOf(first), scope, first)
    t.equal(scopeOf(last), scope, last)
    for (const outside of [below, above]) if (outside !== undefined) t.equal(scopeOf(outside), 'public', outside)
  }
  for (const ip of ['192.31.196.1', '192.52.193.1', '192.175.48.1', '2620:4f:8000::1', '8.8.8.8', '::ffff:8.8.8.8']) t.equal(scopeOf(ip), 'public', ip)
  t.equal(scopeOf('::ffff:10.0.0.1'), 'private')
  t.equal(scopeOf('what'), null)
  t.equal(new Set(rows.map(row => row[0])).size, scopes.length - 1, 'each scope but public occurs')
})

t.test('the lists carry the date of what they were made from, and nothing that is no network', async t => {
  for (const date of [cloudflareDate, specialPurposeDate]) t.match(date, /^20\d\d-\d\d-\d\d$/)
  for (const cidr of [...cloudflareRanges, ...specialPurpose.map(row => row[0])]) t.equal(parseCidr(cidr).hostBits, false, cidr)
})

t.test('the generator reads the registries\' CSV', async t => {
  const header = 'Address Block,Name,RFC,Allocation Date,Termination Date,Source,Destination,Forwardable,Globally Reachable,Reserved-by-Protocol\n'
  t.same(parseRegistry(`${header}192.0.0.0/24 [2],IETF Protocol Assignments,"[RFC6890], Section 2.1",2010-01,N/A,False,False,False,False,False\r
0.0.0.0/8,"""This network""","[RFC791]
        [RFC1122], Section 3.2",1981-09,N/A,True,False,False,False,True
"192.0.0.170/32, 192.0.0.171/32",NAT64/DNS64 Discovery,[RFC8880],2013-02,N/A,False,False,False,False,True
192.31.196.0/24,AS112-v4,[RFC7535],2014-12,N/A,True,True,True,True,False
64:ff9b::/96,IPv4-IPv6 Translat.,[RFC6052],2010-10,N/A,True,True,True,True,False
::ffff:0:0/96,IPv4-mapped Address,[RFC4291],2006-02,N/A,False,False,False,False,True

127.0.0.0/8,Loopback,[RFC1122],1981-09,N/A,False [1],False [1],False [1],False [1],True`), [
    ['192.0.0.0/24', 'protocol'], ['0.0.0.0/8', 'this_network'], ['192.0.0.170/32', 'protocol'], ['192.0.0.171/32', 'protocol'],
    ['192.31.196.0/24', 'public'], ['64:ff9b::/96', 'translation'], ['127.0.0.0/8', 'loopback']
  ])
  t.throws(() => parseRegistry(`${header}7.0.0.0/8,Brand New,[RFC1],2030-01,N/A,True,True,True,False,False`), /decide its scope/)
  t.throws(() => parseRegistry(`${header}7.0.0.0/99,Reserved,[RFC1],2030-01,N/A,True,True,True,False,False`), /prefix/)
  for (const text of ['<html>', '']) t.throws(() => parseRegistry(text), /no column/)
  t.throws(() => parseCsv('a,"b'), /does not end/)
  t.same(parseCsv('a,"b ""c"", d"\n\n,\n'), [['a', 'b "c", d'], ['', '']])
})

t.test('the generator reads Cloudflare\'s lists', async t => {
  t.same(parseCloudflare('104.16.0.0/13\n2400:cb00::/32'), ['104.16.0.0/13', '2400:cb00::/32'])
  for (const text of ['', '104.16.0.0/13\n<p>', '104.16.0.1/13', '104.16.0.0']) t.throws(() => parseCloudflare(text), Error, text)
})

t.test('the generator writes a module that says what was read', async t => {
  const run = async (text: string) => {
    const script = text.replace(/^import type .*$/m, '').replace(/: readonly .*? = /g, ' = ')
    return await import(`data:text/javascript,${encodeURIComponent(script)}`) as object
  }
  const module = rangesModule({ rows: [['10.0.0.0/8', 'private']], rowsDate: '2030-01-02', cloudflare: ['104.16.0.0/13'], cloudflareDate: '2030-01-03' })
  t.match(await run(module), {
    specialPurposeDate: '2030-01-02',
    specialPurpose: [['10.0.0.0/8', 'private']],
    cloudflareDate: '2030-01-03',
    cloudflareRanges: ['104.16.0.0/13']
  })
})

t.test('subnetKey counts an IPv6 network as one', async t => {
  t.equal(subnetKey('192.0.2.1'), '192.0.2.1')
  t.equal(subnetKey('::ffff:192.0.2.1', 48), '192.0.2.1')
  t.equal(subnetKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(subnetKey('2001:DB8:1:2ff:3::', 56), '2001:db8:1:200::/56')
  t.equal(subnetKey('2001:db8:1:2:3:4:5:6', 48), '2001:db8:1::/48')
  t.equal(subnetKey('2001:db8:1:2:ffff:4:5:6', 65), '2001:db8:1:2:8000::/65')
  t.equal(subnetKey('2001:db8::1', 128), '2001:db8::1')
  for (const none of [null, undefined, '', '1.2.3', 7 as unknown as string]) t.equal(subnetKey(none), null)
  for (const prefix of [47, 129, 64.5, NaN, '64']) t.throws(() => subnetKey('::1', prefix as number), { code: 'FST_IP_RISK_BAD_OPTION' }, String(prefix))
})

t.test('a network is what its text says, or an error that says why not', async t => {
  const rows: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.0.0.0/8', false], ['10.0.0.1/8', '10.0.0.0/8', true], ['192.0.2.1', '192.0.2.1/32', false], ['2001:db8::1', '2001:db8::1/128', false],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33', true], ['::ffff:10.0.0.0/104', '10.0.0.0/8', false], ['0.0.0.0/0', '0.0.0.0/0', false], ['::/0', '::/0', false]
  ]
  for (const [text, canonical, hostBits] of rows) {
    const cidr = parseCidr(text)
    t.strictSame([formatCidr(cidr), cidr.hostBits], [canonical, hostBits], text)
  }
  for (const text of ['', '/8', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/33', '10.0.0.0/8 ', '::/129', '::ffff:1.2.3.4/95', '1.2.3.4/1000', 'x\n']) {
    t.throws(() => parseCidr(text), RangeError, text)
  }
  t.throws(() => parseCidr('x\n\u001b'), { message: '"x\\n\\u001b" is not an IP address or CIDR' }, 'nothing that breaks a line')
})

const word = fc.oneof(fc.constantFrom(0, 1, 0xffffffff, 0x80000000, 0x20010db8, 0x0a000000), fc.nat(0xffffffff))
const v4 = fc.oneof(fc.ipV4(), word.map(n => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`))
const v6 = fc.oneof(fc.ipV6(), fc.array(fc.constantFrom('0', '1', 'ff', 'FF', '00a', 'abcd'), { minLength: 8, maxLength: 8 }).map(groups => groups.join(':')))
const network = fc.tuple(fc.oneof(v4, v6), fc.nat(128)).map(([ip, prefix]) => {
  const canonical = canonicalAddress(ip)!
  return parseCidr(`${canonical}/${canonical.includes(':') ? prefix : prefix % 33}`)
})

t.test('range maps agree with net.BlockList', async () => {
  const asked = fc.array(fc.oneof(v4, v6), { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(fc.array(network, { maxLength: 12 }), asked, (networks: Cidr[], some) => {
    // One a family: a BlockList finds 0.0.0.0 in ::/1, and IPv4 is not inside IPv6 here.
    const oracles = { 4: new BlockList(), 6: new BlockList() }
    for (const { family, prefix, words } of networks) oracles[family].addSubnet(formatAddress(family, words), prefix, `ipv${family}`)
    const map = rangeMap(networks.map(cidr => ({ cidr, value: 1 })), 0, (outer, inner) => outer | inner)
    return [...some, ...networks.map(cidr => formatAddress(cidr.family, cidr.words))].every(ip => {
      const canonical = canonicalAddress(ip)!
      const own = canonical.includes(':') ? 6 : 4
      const expected = oracles[own].check(canonical, `ipv${own}`)
      const family = parseAddress(ip) as 4 | 6
      return (map.at(family) === 1) === expected
    })
  }), { numRuns: 400 })
})

t.test('in a range map the narrowest network has the last word', async t => {
  const at = (cidrs: [string, number][], ip: string) => {
    const entries = cidrs.map(([cidr, value]) => ({ cidr: parseCidr(cidr), value }))
    return rangeMap(entries, 9, (_outer, inner) => inner).at(parseAddress(ip) as 4 | 6)
  }
  const nested: [string, number][] = [['10.1.2.0/24', 3], ['10.0.0.0/8', 1], ['10.1.0.0/16', 2], ['10.1.2.255/32', 4], ['255.0.0.0/8', 5], ['::/0', 6], ['2001:db8::/32', 7]]
  const rows: [string, number][] = [
    ['9.255.255.255', 9], ['10.0.0.0', 1], ['10.1.0.0', 2], ['10.1.2.0', 3], ['10.1.2.254', 3], ['10.1.2.255', 4], ['10.1.3.0', 2], ['10.2.0.0', 1], ['11.0.0.0', 9],
    ['255.255.255.255', 5], ['::', 6], ['2001:db8:ffff::', 7], ['2001:db9::', 6], ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 6]
  ]
  for (const [ip, value] of rows) t.equal(at(nested, ip), value, ip)
  t.equal(at([], '1.2.3.4'), 9)
  t.equal(at([['10.0.0.0/8', 1], ['10.0.0.0/8', 2]], '10.1.1.1'), 2)
})

t.test('reading a quad from the right finds what reading it from the left finds', async t => {
  fc.assert(fc.property(fc.constantFrom('', 'x, ', ',', ' ', '6.6.6.6,\t'), fc.oneof(v4, fc.stringMatching(/^[0-9.]{0,16}$/)), (left, ip) => {
    const text = left + ip
    const start = parseIPv4Before(text, text.length)
    if (isIP(ip) !== 4) return start === -1
    const value = words[3]
    const own = addressText(4, text, start)
    return start === left.length && own === ip && parseAddress(ip) === 4 && words[3] === value
  }), { numRuns: 2000 })
  for (const text of ['01.2.3.4', '1.02.3.4', '1.2.3.04', '1.2.3.004', '256.1.1.1', '1.256.1.1', '1.1.1.256', '1111.1.1.1', '1.2.3', '1.2.3.4.5', '.2.3.4', '1..3.4', '1.2.3.', 'a.2.3.4', '']) {
    t.equal(parseIPv4Before(text, text.length), -1, text)
  }
})

t.test('a binary search finds what counting finds, in rows of numbers and in rows of words', async t => {
  const sorted = [3, 3, 7, 9, 9, 12]
  for (let value = 0; value < 14; value++) {
    t.equal(upperBound(sorted, value), sorted.filter(number => number <= value).length, `${value}`)
    t.equal(upperBound(sorted, value, 2, 4), 2 + sorted.slice(2, 4).filter(number => number <= value).length)
    t.equal(upperBound(sorted, value, 0, 3, 2), [3, 7, 9].filter(number => number <= value).length)
  }
  const rows = [1, 5, 0, 1, 6, 0, 2, 0, 0]
  for (const [key, count] of [[[1, 4], 0], [[1, 5], 1], [[1, 9], 2], [[2, 0], 3], [[0, 9], 0]] as const) {
    t.equal(upperBoundOfRows(rows, key, 3), count)
  }
})
