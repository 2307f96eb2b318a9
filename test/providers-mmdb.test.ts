import t from 'tap'
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import fc from 'fast-check'
import type { ProviderAnswer } from '../types/contract.ts'
import { mmdb, type MmdbOptions } from '../lib/providers/mmdb/index.ts'
import { answerOf } from '../lib/providers/mmdb/answer.ts'
import { loadReader, openMmdb } from '../lib/providers/mmdb/index.ts'
import { until } from './support/until.ts'
import { bareContext } from './support/guard.ts'
import { memoryLog } from './support/log.ts'
import { mmdbFile, type MmdbContent, type MmdbValue } from './support/mmdb-writer.ts'

function open (t: Test, content: MmdbContent, options: Partial<MmdbOptions> = {}) {
  const path = join(t.testdir(), 'db.mmdb')
  writeFileSync(path, mmdbFile(content))
  const log = memoryLog()
  const provider = mmdb({ path, ...options })
  t.teardown(() => provider.close?.())
  return { path, log, provider, ask: (ip: string) => provider.lookup(ip, bareContext({ log })) as ProviderAnswer }
}
type Test = { testdir (): string, teardown (end: () => unknown): void }

t.test('the flags of a record decide, one by one', t => {
  const rows: [MmdbValue, object][] = [
    [{}, { verdict: 'clean', score: 0, isVpn: false, confidence: null, signals: [], info: {}, categories: [] }],
    [{ is_anonymous: true, is_anonymous_vpn: true }, { verdict: 'vpn_detected', score: 0.95, isVpn: true, categories: ['vpn'] }],
    [{ is_anonymous_vpn: true, anonymizer_confidence: 99 }, { verdict: 'vpn_detected', score: 0.99, confidence: 0.99 }],
    [{ is_anonymous_vpn: true, anonymizer_confidence: 89 }, { verdict: 'vpn_likely', score: 0.89, isVpn: true }],
    [{ is_anonymous_vpn: true, anonymizer_confidence: 30, provider_name: 'foo', network_last_seen: '2025-04-14' }, {
      verdict: 'vpn_likely',
      score: 0.6,
      confidence: 0.3,
      info: { vpnProvider: 'foo' },
      signals: [{ type: 'known_vpn_cidr', weight: 0.6, detail: 'is_anonymous_vpn, foo, seen 2025-04-14' }]
    }],
    [{ is_anonymous_vpn: true, provider_name: 'icloud_private_relay' }, { verdict: 'vpn_detected', categories: ['relay'] }],
    [{ is_tor_exit_node: true }, { verdict: 'vpn_detected', score: 1, categories: ['tor'], signals: [{ type: 'tor_exit' }] }],
    [{ is_public_proxy: true }, { verdict: 'vpn_likely', isVpn: true, categories: ['proxy'], info: { isProxy: true } }],
    [{ is_residential_proxy: true }, { verdict: 'vpn_likely', categories: ['proxy'] }],
    [{ is_anonymous_proxy: true }, { verdict: 'vpn_likely', categories: ['proxy'] }],
    [{ is_anonymous: true, is_hosting_provider: true }, { verdict: 'suspicious', isVpn: false, categories: ['hosting'] }],
    [{ is_hosting_provider: true, anonymizer_confidence: 95 }, { verdict: 'suspicious', confidence: 0.95 }],
    [{ is_anonymous: true }, { verdict: 'suspicious', signals: [{ type: 'anonymous_network' }], categories: [] }],
    [{ is_anonymous_vpn: true, is_tor_exit_node: true, is_hosting_provider: true }, { score: 1, categories: ['tor', 'vpn', 'hosting'] }],
    [{ is_anonymous_vpn: false, is_tor_exit_node: 1, is_public_proxy: 'true' }, { verdict: 'clean', signals: [] }],
    [{ ip_risk: 99 }, { verdict: 'vpn_detected', score: 0.99, isVpn: false, categories: ['abuse'] }],
    [{ ip_risk: 60 }, { verdict: 'vpn_likely', categories: ['abuse'] }],
    [{ ip_risk: 25.5 }, { verdict: 'suspicious', score: 0.255, categories: [], signals: [{ type: 'ip_risk', weight: 0.255, detail: 'ip_risk 25.5' }] }],
    [{ ip_risk: 10 }, { verdict: 'clean', score: 0.1 }],
    [{ ip_risk: 10, is_public_proxy: true }, { verdict: 'vpn_likely', score: 0.75 }],
    [{ ip_risk: 250 }, { verdict: 'clean', score: 0 }],
    [{ what: 'ever' }, { verdict: 'unknown', reason: 'no_data' }]
  ]
  const networks = Object.fromEntries(rows.map(([record], i) => [`198.51.100.${i}/32`, record]))
  const { ask } = open(t, { databaseType: 'GeoIP2-Anonymous-IP', networks })
  rows.forEach(([record, answer], i) => t.match(ask(`198.51.100.${i}`), answer, JSON.stringify(record)))
  t.match(ask('203.0.113.1'), { verdict: 'clean', score: 0 }, 'what the file does not name')
  t.end()
})

t.test('a record of a residential proxy is the finding', t => {
  const { ask, provider } = open(t, {
    databaseType: 'GeoIP-Residential-Proxy',
    networks: { '198.51.100.1/32': { anonymizer_confidence: 99, provider_name: 'foo' }, '198.51.100.2/32': { anonymizer_confidence: 1 }, '2001:db8::/64': { network_last_seen: '2026-02-19' } }
  })
  t.equal(provider.name, 'mmdb:residential-proxy')
  t.match(ask('198.51.100.1'), { verdict: 'vpn_likely', score: 0.89, confidence: 0.99, isVpn: true, categories: ['proxy'], info: { vpnProvider: 'foo' } })
  t.match(ask('198.51.100.2'), { verdict: 'suspicious', isVpn: false })
  t.match(ask('2001:db8::1'), { verdict: 'vpn_likely', confidence: null })
  t.match(ask('198.51.100.3'), { verdict: 'clean', signals: [] })
  t.end()
})

t.test('a database of networks says who runs them and judges nothing', t => {
  const { ask } = open(t, {
    databaseType: 'GeoLite2-ASN',
    networks: {
      '198.51.100.0/24': { autonomous_system_number: 64496, autonomous_system_organization: 'Example' },
      '203.0.113.0/24': { isp: 'Example Access', organization: 'Example Org', autonomous_system_number: 64497, autonomous_system_organization: 'x' },
      '2001:db8::/32': { autonomous_system_number: 64498 },
      '192.0.2.0/24': { autonomous_system_number: 'AS1' }
    }
  })
  t.same(ask('198.51.100.7'), { verdict: 'unknown', reason: 'no_data', info: { asn: 'AS64496', org: 'Example' } })
  t.same(ask('203.0.113.7'), { verdict: 'unknown', reason: 'no_data', info: { asn: 'AS64497', org: 'Example Org', isp: 'Example Access' } })
  t.same(ask('2001:db8::7'), { verdict: 'unknown', reason: 'no_data', info: { asn: 'AS64498' } })
  for (const ip of ['192.0.2.1', '192.88.99.1']) t.same(ask(ip), { verdict: 'unknown', reason: 'no_data' })
  t.end()
})

t.test('asks about addresses only, and about families that the file knows', t => {
  const { ask, provider } = open(t, { databaseType: 'GeoIP2-Anonymous-IP', ipVersion: 4, recordSize: 24, networks: { '0.0.0.0/1': { is_tor_exit_node: true } } })
  t.equal(provider.sync, true)
  for (const text of ['1.2.3', '', '01.2.3.4', '1.2.3.4 ', 'x', '1.2.3.4:80']) t.match(ask(text), { verdict: 'unknown', reason: 'no_ip' }, text)
  t.match(ask('1.2.3.4'), { verdict: 'vpn_detected' })
  t.match(ask('::ffff:1.2.3.4'), { verdict: 'vpn_detected' })
  t.match(ask('2001:db8::1'), { verdict: 'unknown', reason: 'unsupported_family' })
  t.end()
})

t.test('finds out the kind, or is told', t => {
  const Reader = loadReader()
  const kindOf = (databaseType: MmdbValue) => openMmdb(Reader, mmdbFile({ databaseType: databaseType as string, recordSize: 32, networks: { '192.0.2.0/24': {} } })).kind
  for (const [type, kind] of [
    ['GeoIP2-Anonymous-IP', 'anonymous-ip'], ['GeoIP-Anonymous-Plus', 'anonymous-plus'], ['GeoIP2-IP-Risk', 'ip-risk'], ['GeoLite2-ASN', 'asn'],
    ['GeoIP2-ISP', 'asn'], ['DBIP-ASN-Lite (compat=GeoLite2-ASN)', 'asn'], ['GeoIP-Residential-Proxy', 'residential-proxy']
  ] as const) t.equal(kindOf(type), kind, type)
  for (const type of ['GeoLite2-City', '', 7]) t.throws(() => kindOf(type), { message: /say which with kind/ })
  const { provider } = open(t, { databaseType: 'Mine', networks: { '192.0.2.0/24': {} } }, { kind: 'anonymous-ip' })
  t.equal(provider.name, 'mmdb:anonymous-ip')
  t.end()
})

t.test('wrong options and files are refused at start, with the fix', t => {
  const folder = t.testdir()
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const good = mmdbFile({ databaseType: 'GeoLite2-ASN', networks: { '192.0.2.0/24': { autonomous_system_number: 1 } } })
  const damaged = (metadata: Record<string, MmdbValue>) => mmdbFile({ databaseType: 'GeoLite2-ASN', networks: { '192.0.2.0/24': {} }, metadata })
  const rows: [unknown, RegExp][] = [
    [undefined, /"mmdb\.path" is missing/],
    [{ path: 7 }, /must be a string/],
    [{ path: 'x', kinds: 'asn' }, /"mmdb\.kinds" does not exist/],
    [{ path: 'x', kind: 'city' }, /"mmdb\.kind" must be one of anonymous-ip/],
    [{ path: 'x', watch: 'no' }, /"mmdb\.watch"/],
    [{ path: 'x', watchIntervalMs: 1 }, /"mmdb\.watchIntervalMs"/],
    [{ path: join(folder, 'none.mmdb') }, /cannot be used .*ENOENT/],
    [{ path: write('empty.mmdb', '') }, /cannot be used/],
    [{ path: write('text.mmdb', 'hello'.repeat(100)) }, /cannot be used/],
    [{ path: write('cut.mmdb', good.subarray(0, good.length - 30)) }, /cannot be used/],
    [{ path: write('headless.mmdb', good.subarray(600)) }, /cannot be used/],
    [{ path: write('v3.mmdb', damaged({ binary_format_major_version: 3 })) }, /format version 3/],
    [{ path: write('ip5.mmdb', damaged({ ip_version: 5 })) }, /IP version 5/],
    [{ path: write('nodes.mmdb', damaged({ node_count: 1e6 })) }, /cannot be used/],
    [{ path: write('nodeless.mmdb', damaged({ node_count: 0, ip_version: 4 })) }, /cut off or damaged/]
  ]
  for (const [options, message] of rows) t.throws(() => mmdb(options as MmdbOptions), { code: 'FST_IP_RISK_BAD_OPTION', message }, String(message))
  t.throws(() => loadReader(createRequire('/nowhere/index.js')), { code: 'FST_IP_RISK_BAD_OPTION', message: /npm install mmdb-lib/ })
  t.end()
})

t.test('a changed file is used from then on; a broken one is logged and the one before stays', async t => {
  const content = (record: MmdbValue, databaseType = 'GeoIP2-Anonymous-IP') => mmdbFile({ databaseType, networks: { '192.0.2.0/24': record } })
  const { path, provider, ask, log } = open(t, { databaseType: 'GeoIP2-Anonymous-IP', networks: { '192.0.2.0/24': {} } }, { watchIntervalMs: 10 })
  const said = async (message: RegExp) => {
    await until(() => log.lines.some(line => message.test(`${line.message} ${String((line.fields as { err?: Error }).err?.message)}`)))
    log.lines.length = 0
  }
  const replace = (bytes: Uint8Array) => {
    writeFileSync(`${path}.new`, bytes)
    renameSync(`${path}.new`, path)
  }
  provider.start?.(log)
  provider.start?.(log)
  t.match(ask('192.0.2.1'), { verdict: 'clean' })
  replace(content({ is_tor_exit_node: true }))
  await said(/changed MMDB file is in use/)
  t.match(ask('192.0.2.1'), { verdict: 'vpn_detected' })
  replace(Buffer.from('half a file'))
  await said(/cannot be used; the one before stays/)
  t.match(ask('192.0.2.1'), { verdict: 'vpn_detected' })
  replace(content({ autonomous_system_number: 1 }, 'GeoLite2-ASN'))
  await said(/restart to use it/)
  t.match(ask('192.0.2.1'), { verdict: 'vpn_detected' })
  replace(content({}))
  await said(/changed MMDB file is in use/)
  t.match(ask('192.0.2.1'), { verdict: 'clean' })
})

t.test('a file that is not watched needs no start, and closes', t => {
  const { ask, provider } = open(t, { databaseType: 'GeoIP2-Anonymous-IP', networks: { '192.0.2.0/24': {} } }, { watch: false })
  provider.close?.()
  t.match(ask('192.0.2.1'), { verdict: 'clean' })
  provider.close?.()
  t.end()
})

t.test('a damaged byte anywhere never makes a lookup throw', async t => {
  const good = mmdbFile({ databaseType: 'GeoIP2-Anonymous-IP', networks: { '192.0.2.0/24': { is_anonymous_vpn: true }, '2001:db8::/32': { is_anonymous: true } } })
  const Reader = loadReader()
  const path = join(t.testdir(), 'db.mmdb')
  let opened = 0
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
    const bytes = Buffer.from(good)
    bytes[at] = byte
    writeFileSync(path, bytes)
    try {
      openMmdb(Reader, bytes, 'anonymous-ip')
    } catch {
      return
    }
    opened++
    const provider = mmdb({ path, kind: 'anonymous-ip', watch: false })
    for (const ip of ['192.0.2.1', '2001:db8::1', '10.0.0.1', '::']) {
      const { verdict } = provider.lookup(ip, bareContext()) as ProviderAnswer
      if (!['unknown', 'clean', 'suspicious', 'vpn_likely', 'vpn_detected'].includes(verdict)) throw new Error(verdict)
    }
  }), { numRuns: 1000 })
  t.ok(opened > 100)
  for (const record of [undefined, 7, 'x', [], () => 1]) t.match(answerOf('anonymous-ip', record), { verdict: 'unknown', reason: 'no_data' })
})

const shared = new URL('../../shared/data/', import.meta.url)
const filesIn = (folder: string) => readdirSync(new URL(folder, shared)).map(name => new URL(`${folder}${name}`, shared).pathname)
const skip = existsSync(shared) ? false : 'the folder of example data, ../shared/data, is not here'

t.test('answers as MaxMind\'s test databases say', { skip }, async t => {
  const ask = (name: string, ...ips: string[]) => {
    const provider = mmdb({ path: new URL(`maxmind-test/${name}.mmdb`, shared).pathname, watch: false })
    return ips.map(ip => {
      const answer = provider.lookup(ip, bareContext()) as ProviderAnswer
      return answer.verdict === 'unknown' ? `${answer.reason} ${answer.info?.asn ?? '-'}` : `${answer.verdict} ${answer.categories.join()} ${answer.info.vpnProvider ?? '-'}`
    })
  }
  t.same(ask('GeoIP2-Anonymous-IP-Test', '1.2.0.0', '71.160.223.0', '186.30.236.0', '65.0.0.0', '1.1.1.1', 'abcd:1000::1'),
    ['vpn_detected vpn -', 'suspicious hosting -', 'vpn_likely proxy -', 'vpn_detected tor -', 'clean  -', 'vpn_likely proxy -'])
  t.same(ask('GeoIP-Anonymous-Plus-Test', '1.2.0.1', '1.2.0.2', '1.2.0.4', '6.1.0.4', '81.2.69.0'),
    ['vpn_likely vpn foo', 'vpn_detected vpn -', 'vpn_detected vpn foo', 'vpn_likely proxy -', 'vpn_detected tor,vpn,proxy,hosting -'])
  t.same(ask('GeoIP2-IP-Risk-Test', '6.1.2.1', '11.1.2.3', '55.0.0.1', '55.0.0.4', '214.2.3.5', '2001:480:10::1'),
    ['vpn_detected vpn,abuse Test VPN Service', 'vpn_likely proxy ProxyCorp', 'vpn_likely abuse -', 'vpn_detected abuse -', 'vpn_detected tor,vpn,proxy,abuse -', 'suspicious hosting -'])
  t.same(ask('GeoIP-Residential-Proxy-Test', '1.2.0.4', '21.4.181.221', '2001:480:725b:17e::'), ['vpn_likely proxy quickshift', 'suspicious proxy geonode', 'vpn_likely proxy anyip'])
  t.same(ask('GeoLite2-ASN-Test', '1.128.0.1', '216.160.83.56', '192.0.2.1'), ['no_data AS1221', 'no_data AS209', 'no_data -'])
})

t.test('a database that is broken or of another kind is an error at start or unknown at lookup', { skip }, async t => {
  const known = /Anonymous|Residential|Risk|ASN/
  for (const path of [...filesIn('maxmind-bad/'), ...filesIn('maxmind-test/').filter(path => !known.test(path))]) {
    t.throws(() => mmdb({ path }), { code: 'FST_IP_RISK_BAD_OPTION' }, path.slice(path.lastIndexOf('/')))
    const log = memoryLog()
    try {
      const provider = mmdb({ path, kind: 'anonymous-ip', watch: false })
      for (const ip of ['1.1.1.1', '1.1.1.16', '175.16.199.1', '::1:ffff:ffff', '2001:db8::1']) {
        const answer = provider.lookup(ip, bareContext({ log })) as ProviderAnswer
        t.ok(answer.verdict === 'unknown' || (answer.verdict === 'clean' && answer.signals.length === 0), `${path} ${ip}`)
      }
      t.ok(log.lines.length <= 1, 'logged once')
    } catch (error) {
      t.match(error, { code: 'FST_IP_RISK_BAD_OPTION' })
    }
  }
})
